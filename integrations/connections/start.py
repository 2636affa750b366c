"""From which date on a firm's entries are mirrored: chosen once, with the figures in view, before anything is sent."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Sum

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from integrations.mirror import queue
from integrations.models import Connection
from ledger import posting
from ledger.models import JournalEntry, JournalLine


@dataclass(frozen=True)
class StartPreview:
    """What a start date would send. `total` is the sum of debits, in the ledger's currency."""

    on: date
    entries: int
    total: Decimal
    first_entry_on: date | None
    """The organization's oldest entry, whatever the start date."""


class AlreadyStarted(Exception):
    """The start date was chosen before; entries from then on are mirrored already."""


def preview(organization: Organization, on: date) -> StartPreview:
    posted = JournalEntry.objects.filter(organization=organization, posted_at__isnull=False)
    entries = posted.filter(date__gte=on).aggregate(count=Count("pk"))["count"]
    lines = JournalLine.objects.filter(entry__in=posted.filter(date__gte=on))
    total = lines.aggregate(total=Sum("debit"))["total"] or Decimal("0.00")
    first = posted.order_by("date").values_list("date", flat=True).first()
    return StartPreview(on=on, entries=entries, total=total, first_entry_on=first)


@transaction.atomic
def start_mirroring(connection: Connection, on: date, *, actor: User, ip: str | None = None) -> int:
    """Queue every posted entry dated from `on`, and every later one as it is posted. Returns how many wait now.

    Raises AlreadyStarted when a start date was chosen before: moving it could send an entry that a person entered there
    by hand, or leave one out.
    """
    organization = connection.organization
    posting.hold_postings(organization)
    connection = (
        Connection.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=connection.pk)
    )
    if connection.mirror_from:
        raise AlreadyStarted
    connection.mirror_from = on
    connection.save(update_fields=["mirror_from"])
    queue.backfill(connection)
    waiting = connection.queue.waiting().count()
    recording.record(
        Action.START_DATE_CHOSEN,
        organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={"provider": connection.provider_name, "from": on.isoformat(), "entries": waiting},
    )
    return waiting
