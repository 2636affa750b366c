"""How postings reach the queue: the one receiver of the ledger's one signal, inside the posting transaction."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver

from athenty.organizations.models import Organization
from integrations.mirror import queue
from ledger.models import JournalEntry
from ledger.signals import journal_entries_posted


@receiver(journal_entries_posted, dispatch_uid="mirror_posted_entries")
def mirror_posted_entries(
    sender: type[JournalEntry], organization: Organization, entries: Sequence[JournalEntry], **_: Any
) -> None:
    """If this fails the posting fails: an entry that should be mirrored is never posted without its queue row."""
    queue.enqueue(organization, entries)
