"""How far the mirror has come with journal entries, for the pages of the ledger: `{% load sync_status %}`.

{% sync_statuses entries as statuses %}
{% for entry in entries %}{% include "integrations/sync_status.html" with found=statuses|of:entry %}{% endfor %}
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import FilteredRelation, Q
from django.template import Library

from integrations.models import Connection, QueueRow
from integrations.providers import PROVIDERS
from ledger.models import JournalEntry

register = Library()


@dataclass(frozen=True)
class SyncStatus:
    """One entry at one provider. `row_id` is its place in the queue; None when it is not mirrored there."""

    provider: str
    """The provider's short name."""
    words: str
    row_id: int | None
    needs_a_person: bool


@register.simple_tag
def sync_statuses(entries: Iterable[JournalEntry]) -> dict[int, list[SyncStatus]]:
    """By the entry's id, a status for each system that the firm mirrors to. One query, however many entries."""
    shown = list(entries)
    if not shown:
        return {}
    mine = FilteredRelation("queue", condition=Q(queue__entry__in=[entry.pk for entry in shown]))
    mirrored = Connection.objects.filter(organization=shown[0].organization_id).mirrored().order_by("provider_name")
    columns = ("provider_name", "mine__entry", "mine__pk", "mine__state")
    found = {
        (name, entry_id): (row_id, state)
        for name, entry_id, row_id, state in mirrored.annotate(mine=mine).values_list(*columns)
    }
    statuses = defaultdict(list)
    for name in dict.fromkeys(name for name, _ in found):
        for entry in shown:
            statuses[entry.pk].append(_status(name, *found.get((name, entry.pk), (None, None))))
    return dict(statuses)


@register.filter
def of(statuses: Mapping[int, list[SyncStatus]], entry: JournalEntry) -> list[SyncStatus]:
    return statuses.get(entry.pk, [])


def _status(provider_name: str, row_id: int | None, state: str | None) -> SyncStatus:
    return SyncStatus(
        provider=PROVIDERS[provider_name].short_name,
        # A posted entry without a place in the queue is dated before the day from which entries are mirrored.
        words=QueueRow.State(state).label if state else "Not sent: dated before the mirror's start",
        row_id=row_id,
        needs_a_person=state in (QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED),
    )
