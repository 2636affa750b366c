"""What a card shows of a connection's queue. Few queries, and none that grows with what was sent long ago."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count, Sum

from integrations.mirror import deliveries
from integrations.models import Attempt, ChartAccount, Connection, Delivery, QueueRow
from integrations.providers.base import Cause

# Below this a drain is over before a progress bar has been understood.
_WORTH_A_BAR = 60
# Counting further back than this would cost more than the figure is worth on a page that asks every few seconds.
_COUNTED_SENT = 5_000
_LISTED_PARKED = 50


@dataclass(frozen=True)
class QueueFigures:
    """How many entries stand in each state that is not the end."""

    waiting: int = 0
    sending: int = 0
    needs_attention: int = 0
    unconfirmed: int = 0

    @property
    def under_way(self) -> int:
        return self.waiting + self.sending


@dataclass(frozen=True)
class Progress:
    """`sent` of `total` entries; `total` counts what is sent, waiting and being sent."""

    sent: int
    total: int


@dataclass(frozen=True)
class Trouble:
    """The last try of an open delivery failed in a way that is tried again without anyone's help."""

    outcome: str
    """The error's name, as `Attempt.outcome`."""
    next_attempt_at: datetime


@dataclass(frozen=True)
class ParkedEntry:
    """An entry that needs a person: what happened, what to do, and the provider's own words."""

    row_id: int
    label: str
    on: date
    memo: str
    cause: Cause
    sentence: str
    fix: str
    provider_code: str
    provider_message: str


def queue_figures(connection: Connection) -> QueueFigures:
    """Two counts, each over a partial index that leaves the sent rows out."""
    others = connection.queue.exclude(state__in=[QueueRow.State.WAITING, QueueRow.State.SENT])
    counted = dict(others.values_list("state").annotate(Count("pk")).order_by())
    return QueueFigures(
        waiting=connection.queue.waiting().count(),
        sending=counted.get(QueueRow.State.SENDING, 0),
        needs_attention=counted.get(QueueRow.State.NEEDS_ATTENTION, 0),
        unconfirmed=counted.get(QueueRow.State.UNCONFIRMED, 0),
    )


def progress(connection: Connection, figures: QueueFigures) -> Progress | None:
    """How far a first sync has come; None when little is under way, or too much was sent before to be the first."""
    if figures.under_way < _WORTH_A_BAR:
        return None
    sent = connection.queue.filter(state=QueueRow.State.SENT)[:_COUNTED_SENT].count()
    return Progress(sent, sent + figures.under_way) if sent < _COUNTED_SENT else None


def trouble(connection: Connection) -> Trouble | None:
    """Why the oldest open delivery is waiting for its next try; None when none failed."""
    delivery = connection.deliveries.filter(state=Delivery.State.OPEN, attempts__gt=0).order_by("sealed_at").first()
    if delivery is None:
        return None
    last = Attempt.objects.filter(delivery=delivery).exclude(outcome__in=["", "answered"]).order_by("-pk").first()
    return Trouble(last.outcome, delivery.next_attempt_at) if last else None


def parked_entries(connection: Connection) -> list[ParkedEntry]:
    """The entries that need attention, oldest first, at most fifty."""
    rows = list(connection.queue.needing_attention().select_related("entry").order_by("pk")[:_LISTED_PARKED])
    blamed = connection.chart.filter(remote_id__in={row.blamed_account_id for row in rows})
    accounts = {account.remote_id: account for account in blamed}
    return [_parked(connection, row, accounts.get(row.blamed_account_id)) for row in rows]


_CAUSES_IN_WORDS = {
    Cause.ACCOUNT: "an account was refused",
    Cause.PERIOD: "the period is closed",
    Cause.DUPLICATE: "the number is taken",
    Cause.PERMISSION: "no permission to post",
    Cause.UNAVAILABLE: "no answer",
    Cause.OTHER: "another reason",
}


def causes(connection: Connection) -> list[tuple[str, str, int]]:
    """Each cause that entries are set aside for, in words, and how many."""
    counted = connection.queue.needing_attention().values_list("cause").annotate(Count("pk")).order_by("cause")
    return [(cause, _CAUSES_IN_WORDS[Cause(cause or Cause.OTHER)], number) for cause, number in counted]


@dataclass(frozen=True)
class UnconfirmedEntry:
    """An entry that was sent and whose outcome was never learned, with what to look for at the provider."""

    row_id: int
    label: str
    on: date
    memo: str
    reference: str
    total: Decimal
    sent_at: datetime | None


def unconfirmed_entries(connection: Connection) -> list[UnconfirmedEntry]:
    """Those waiting for a person's decision, oldest first, at most fifty."""
    rows = connection.queue.filter(state=QueueRow.State.UNCONFIRMED).select_related("entry").order_by("pk")
    return [unconfirmed_entry(row) for row in rows[:_LISTED_PARKED]]


def unconfirmed_entry(row: QueueRow) -> UnconfirmedEntry:
    item = row.items.select_related("delivery").order_by("-pk").first()
    return UnconfirmedEntry(
        row_id=row.pk,
        label=str(row.entry),
        on=row.entry.date,
        memo=row.entry.memo,
        reference=deliveries.reference(row.connection, row.entry),
        total=row.entry.lines.aggregate(total=Sum("debit"))["total"],
        sent_at=item.delivery.first_sent_at if item else None,
    )


def _parked(connection: Connection, row: QueueRow, account: ChartAccount | None) -> ParkedEntry:
    sentence, fix = _explanation(connection, row, account)
    return ParkedEntry(
        row_id=row.pk,
        label=str(row.entry),
        on=row.entry.date,
        memo=row.entry.memo,
        cause=Cause(row.cause or Cause.OTHER),
        sentence=sentence,
        fix=fix,
        provider_code=row.provider_code,
        provider_message=row.provider_message,
    )


def _explanation(connection: Connection, row: QueueRow, account: ChartAccount | None) -> tuple[str, str]:
    """What happened and the one thing to do, in plain words."""
    short, on = connection.provider.short_name, f"{row.entry.date:%d %b %Y}".lstrip("0")
    if row.cause == Cause.ACCOUNT:
        named = str(account) if account else "one of the accounts on this entry"
        return f"{short} does not accept {named}.", "Choose another account in the mapping, or put it right there."
    if row.cause == Cause.PERIOD:
        return _closed_period(connection, short, on), f"Reopen the period in {short}, then Retry."
    if row.cause == Cause.DUPLICATE:
        return (
            f"{short} already has another journal under this entry's number.",
            f"Look the number up in {short}. If the entry is not there, contact support.",
        )
    if row.cause == Cause.PERMISSION:
        return (
            f"{short} does not let the person who connected it post journals.",
            "Disconnect, and have someone connect who may post journals there.",
        )
    if row.cause == Cause.UNAVAILABLE:
        return (f"{short} did not answer for an hour.", "It goes again by itself once it does; you need do nothing.")
    return (
        f"{short} refused this entry and gave a reason we do not recognise.",
        f"Read what {short} said, then Retry, or contact support.",
    )


def _closed_period(connection: Connection, short: str, on: str) -> str:
    if connection.closed_through is None:
        return f"The period of this entry, dated {on}, is closed in {short}."
    through = f"{connection.closed_through:%d %b %Y}".lstrip("0")
    return f"Your books in {short} are closed up to {through}; this entry is dated {on}."
