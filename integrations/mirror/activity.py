"""What became of each entry at each accounting system: the list, its causes for trouble, and the file of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from integrations.mirror.explaining import Explanation, explain
from integrations.models import ChartAccount, Connection, DeliveryItem, QueueRow
from integrations.providers.base import Cause
from ledger.models import JournalLine

_ZERO = Decimal("0.00")
_RARE = {QueueRow.State.SENDING, QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED}


@dataclass(frozen=True)
class Wanted:
    """Which entries to show: an empty value leaves its side open. Dates are the entries' own, both included."""

    state: str = ""
    provider: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class ListedEntry:
    """One entry at one provider. `attempts` counts the sends that it was part of."""

    row: QueueRow
    total: Decimal
    attempts: int

    @property
    def journal_url(self) -> str:
        """Where it is seen at the provider; empty while it is not there, or its id there is not known."""
        return journal_url(self.row)

    @property
    def number_there(self) -> str:
        """Its id at the provider, where that is short enough to be told apart by a person."""
        return self.row.remote_id if self.row.remote_id.isdecimal() else ""


@dataclass(frozen=True)
class CauseGroup:
    """Entries of one connection that one thing stands in the way of."""

    connection: Connection
    cause: Cause
    account_id: str
    code: str
    count: int
    explanation: Explanation
    said: str = field(default="")
    """The provider's own words, where we have none for the reason."""


def journal_url(row: QueueRow) -> str:
    is_there = row.state == QueueRow.State.SENT and row.remote_id
    return row.connection.provider.journal_url(row.connection.company_id, row.remote_id) if is_there else ""


def rows(connections: Sequence[Connection], wanted: Wanted) -> QuerySet[QueueRow]:
    """The wanted entries, the last posted first."""
    found = _whatever_their_state(connections, wanted).select_related("entry")
    if wanted.state:
        found = found.filter(state=wanted.state)
    # Postgres takes the order from the entries' index, which for a rare state leads past all that was sent since. What
    # no index is in the order of is found by its state and sorted.
    newest_first = (F("entry_id") + 0).desc() if wanted.state in _RARE else F("entry_id").desc()
    return found.order_by(newest_first, "pk")


def counts(connections: Sequence[Connection], wanted: Wanted) -> dict[UUID, Counter[str]]:
    """How many of the wanted entries are in each state, by the connection's id; `wanted.state` is left aside."""
    found: dict[UUID, Counter[str]] = {each.pk: Counter() for each in connections}
    counted = _whatever_their_state(connections, wanted).order_by().values_list("connection_id", "state")
    for connection_id, state, number in counted.annotate(Count("pk")):
        found[connection_id][state] = number
    return found


def _whatever_their_state(connections: Sequence[Connection], wanted: Wanted) -> QuerySet[QueueRow]:
    found = QueueRow.objects.filter(
        connection__in=[each for each in connections if wanted.provider in ("", each.provider_name)]
    )
    if wanted.first:
        found = found.filter(entry__date__gte=wanted.first)
    if wanted.last:
        found = found.filter(entry__date__lte=wanted.last)
    return found


def listed(found: Iterable[QueueRow], connections: Sequence[Connection]) -> list[ListedEntry]:
    """With totals and attempts, by two queries however many they are."""
    shown, by_id = list(found), {each.pk: each for each in connections}
    totals = dict(
        JournalLine.objects.filter(entry__in=[row.entry_id for row in shown])
        .order_by()
        .values_list("entry")
        .annotate(Sum("debit"))
    )
    attempts = dict(
        DeliveryItem.objects.filter(row__in=[row.pk for row in shown])
        .order_by()
        .values_list("row")
        .annotate(Sum("delivery__attempts"))
    )
    for row in shown:
        row.connection = by_id[row.connection_id]
    return [ListedEntry(row, totals.get(row.entry_id) or _ZERO, attempts.get(row.pk) or 0) for row in shown]


def cause_groups(connections: Sequence[Connection]) -> list[CauseGroup]:
    """What entries that need attention stopped for, the most frequent first. Two queries."""
    by_id = {each.pk: each for each in connections}
    parked = QueueRow.objects.filter(connection__in=connections).needing_attention().order_by()
    counted: Counter[tuple[UUID, Cause, str, str]] = Counter()
    words: dict[tuple[UUID, Cause, str, str], str] = {}
    columns = ("connection_id", "cause", "blamed_account_id", "provider_code")
    for connection_id, stored, account_id, code, number, said in parked.values_list(*columns).annotate(
        Count("pk"), Min("provider_message")
    ):
        cause = Cause(stored or Cause.OTHER)
        key = (
            connection_id,
            cause,
            account_id if cause == Cause.ACCOUNT else "",
            code if cause == Cause.OTHER else "",
        )
        counted[key] += number
        words[key] = said if cause == Cause.OTHER else ""
    blamed = {account_id for _, _, account_id, _ in counted if account_id}
    charted = ChartAccount.objects.filter(connection__in=connections, remote_id__in=blamed) if blamed else []
    accounts = {(account.connection_id, account.remote_id): account for account in charted}
    return [
        CauseGroup(
            connection=by_id[connection_id],
            cause=cause,
            account_id=account_id,
            code=code,
            count=number,
            explanation=explain(by_id[connection_id], cause, account=accounts.get((connection_id, account_id))),
            said=words[connection_id, cause, account_id, code],
        )
        for (connection_id, cause, account_id, code), number in counted.most_common()
    ]


def stopped_by(connection: Connection, cause: Cause, *, account_id: str, code: str) -> QuerySet[QueueRow]:
    """The entries of one cause group, as they are now."""
    stored = [cause, ""] if cause == Cause.OTHER else [cause]
    parked = connection.queue.needing_attention().filter(cause__in=stored)
    if cause == Cause.ACCOUNT:
        return parked.filter(blamed_account_id=account_id)
    return parked.filter(provider_code=code) if cause == Cause.OTHER else parked


def in_pieces(connections: Sequence[Connection], wanted: Wanted, *, size: int = 1_000) -> Iterator[list[ListedEntry]]:
    """All the wanted entries, never more than so many in memory. What is added meanwhile is left out."""
    found = rows(connections, wanted)
    last: tuple[int, int] | None = None
    while True:
        piece = found
        if last:
            piece = found.filter(Q(entry_id__lt=last[0]) | Q(entry_id=last[0], pk__gt=last[1]))
        listed_piece = listed(piece[:size], connections)
        if not listed_piece:
            return
        yield listed_piece
        last = (listed_piece[-1].row.entry_id, listed_piece[-1].row.pk)
