"""Whether each accounting system has what our ledger has: our own debits and credits per account and month, from the
mirror's start on, against those of the entries that the provider has acknowledged. Nothing is read back for it."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import connection as database
from django.db.models import Exists, OuterRef, QuerySet, Sum

from integrations.models import ChartAccount, Connection, QueueRow
from ledger.models import Account, JournalEntry, JournalLine

_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Amounts:
    """Our debits and credits, and those of them that are acknowledged."""

    debits: Decimal = _ZERO
    credits: Decimal = _ZERO
    sent_debits: Decimal = _ZERO
    sent_credits: Decimal = _ZERO

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.debits + other.debits,
            self.credits + other.credits,
            self.sent_debits + other.sent_debits,
            self.sent_credits + other.sent_credits,
        )

    @property
    def debit_difference(self) -> Decimal:
        return self.debits - self.sent_debits

    @property
    def credit_difference(self) -> Decimal:
        return self.credits - self.sent_credits

    @property
    def agrees(self) -> bool:
        """To the cent, on both sides: a debit too much and a credit too much do not make up for each other."""
        return not self.debit_difference and not self.credit_difference


@dataclass(frozen=True)
class MonthRow:
    """`first`: the month's first day."""

    first: date
    entries: int
    missing: int
    """Entries that are not acknowledged."""
    amounts: Amounts

    @property
    def agrees(self) -> bool:
        return not self.missing and self.amounts.agrees


@dataclass(frozen=True)
class AccountRow:
    """One of our accounts and where its lines went, or go now that it has another target."""

    account: Account
    targets: list[str]
    amounts: Amounts


@dataclass(frozen=True)
class TieOut:
    """Of one connection. `months` are all there are, the latest first; `accounts` those of the chosen period."""

    connection: Connection
    as_of: date
    month: date | None
    months: list[MonthRow] = field(default_factory=list)
    accounts: list[AccountRow] = field(default_factory=list)

    @property
    def entries(self) -> int:
        return sum(row.entries for row in self.months)

    @property
    def missing(self) -> int:
        return sum(row.missing for row in self.months)

    @property
    def total(self) -> Amounts:
        return sum((row.amounts for row in self.months), Amounts())

    @property
    def period_total(self) -> Amounts:
        return sum((row.amounts for row in self.accounts), Amounts())

    @property
    def agrees(self) -> bool:
        return all(row.agrees for row in self.months)


# Every entry is counted with its first line: it has exactly one.
_TURNOVER = """
    SELECT date_trunc('month', entry.date::timestamp)::date AS month, line.account_id, rows.state = 'sent' AS is_sent,
           count(*) FILTER (WHERE line.position = 0) AS entries, sum(line.debit) AS debits, sum(line.credit) AS credits
      FROM ledger_journalentry entry
      JOIN ledger_journalline line ON line.entry_id = entry.id
      LEFT JOIN journal_sync_queue rows ON rows.entry_id = entry.id AND rows.connection_id = %(connection)s
     WHERE entry.organization_id = %(organization)s AND entry.posted_at IS NOT NULL
       AND entry.date BETWEEN %(first)s AND %(last)s
     GROUP BY 1, 2, 3
"""
# Where a line went is what its delivery sealed, and not what is mapped today.
_SENT_TO = """
    SELECT DISTINCT item.targets
      FROM journal_sync_queue rows
      JOIN integrations_deliveryitem item ON item.row_id = rows.id
     WHERE rows.connection_id = %(connection)s AND rows.state = 'sent'
"""
_SENT_BY_TARGET = """
    SELECT item.targets ->> line.account_id::text AS remote_id,
           coalesce(sum(line.debit), 0) - coalesce(sum(line.credit), 0)
      FROM journal_sync_queue rows
      JOIN ledger_journalentry entry ON entry.id = rows.entry_id
      JOIN ledger_journalline line ON line.entry_id = entry.id
      JOIN LATERAL (
          SELECT targets FROM integrations_deliveryitem WHERE row_id = rows.id ORDER BY id DESC LIMIT 1
      ) item ON true
     WHERE rows.connection_id = %(connection)s AND rows.state = 'sent'
       AND entry.organization_id = %(organization)s AND entry.date BETWEEN %(first)s AND %(last)s
     GROUP BY 1
"""


@dataclass(frozen=True)
class _Turnover:
    month: date
    account_id: int
    entries: int
    """How many entries have their first line here."""
    is_sent: bool
    amounts: Amounts


def tie_out(connection: Connection, *, as_of: date, month: date | None = None) -> TieOut:
    """Entries dated from the mirror's start to `as_of`. `month`: the first day of the one to show by account, None for
    the whole time. A handful of queries, however many entries there are."""
    if connection.mirror_from is None:
        return TieOut(connection, as_of, month)
    turnover = _turnover(connection, as_of)
    by_month: dict[date, list[_Turnover]] = defaultdict(list)
    for each in turnover:
        by_month[each.month].append(each)
    months = [_month_row(first, of_month) for first, of_month in sorted(by_month.items(), reverse=True)]
    shown = [each for each in turnover if month in (None, each.month)]
    return TieOut(connection, as_of, month, months, _Names(connection, as_of).rows(shown))


def _month_row(first: date, turnover: list[_Turnover]) -> MonthRow:
    return MonthRow(
        first,
        entries=sum(each.entries for each in turnover),
        missing=sum(each.entries for each in turnover if not each.is_sent),
        amounts=sum((each.amounts for each in turnover), Amounts()),
    )


def accounts_by_month(connection: Connection, *, as_of: date) -> list[tuple[date, AccountRow]]:
    """Every account of every month, the earliest first: the whole tie-out as a table."""
    by_month: dict[date, list[_Turnover]] = defaultdict(list)
    for each in _turnover(connection, as_of):
        by_month[each.month].append(each)
    names = _Names(connection, as_of)
    return [(month, row) for month, found in sorted(by_month.items()) for row in names.rows(found)]


def entries_in_between(
    connection: Connection, *, as_of: date, month: date | None = None, account: Account | None = None
) -> QuerySet[JournalEntry]:
    """The entries that make the difference: posted, to be mirrored, and not acknowledged; the earliest first."""
    mirrored = JournalEntry.objects.for_organization(connection.organization).posted()
    if connection.mirror_from is None:
        return mirrored.none()
    mine = QueueRow.objects.filter(connection=connection, entry=OuterRef("pk"))
    found = mirrored.filter(~Exists(mine.filter(state=QueueRow.State.SENT)), date__gte=connection.mirror_from)
    found = found.filter(date__lte=as_of)
    if month:
        found = found.filter(date__gte=month, date__lt=next_month(month))
    if account:
        found = found.filter(Exists(JournalLine.objects.filter(entry=OuterRef("pk"), account=account)))
    return found.order_by("number")


def sent_by_target(connection: Connection, *, as_of: date) -> dict[str, Decimal]:
    """Debits less credits that the provider has acknowledged on each of its accounts, by its id."""
    return {remote_id: net for remote_id, net in _ask(_SENT_BY_TARGET, connection, as_of) if remote_id}


def totals_of(entries: Iterable[JournalEntry]) -> dict[int, Decimal]:
    """Each entry's debits, by its id."""
    lines = JournalLine.objects.filter(entry__in=[entry.pk for entry in entries]).order_by()
    return dict(lines.values_list("entry").annotate(Sum("debit")))


def next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _turnover(connection: Connection, as_of: date) -> list[_Turnover]:
    found = []
    for month, account_id, is_sent, entries, debits, credits in _ask(_TURNOVER, connection, as_of):
        amounts = _amounts(debits or _ZERO, credits or _ZERO, is_sent=bool(is_sent))
        found.append(_Turnover(month, account_id, entries, bool(is_sent), amounts))
    return found


def _amounts(debits: Decimal, credits: Decimal, *, is_sent: bool) -> Amounts:
    return Amounts(debits, credits, debits, credits) if is_sent else Amounts(debits, credits)


def _ask(question: str, connection: Connection, as_of: date) -> list[tuple]:  # type: ignore[type-arg]
    if connection.mirror_from is None:
        return []
    with database.cursor() as cursor:
        cursor.execute(
            question,
            {
                "connection": connection.pk,
                "organization": connection.organization_id,
                "first": connection.mirror_from,
                "last": as_of,
            },
        )
        return cursor.fetchall()


class _Names:
    """Our accounts and theirs, read once."""

    def __init__(self, connection: Connection, as_of: date) -> None:
        self._ours = {account.pk: account for account in Account.objects.filter(organization=connection.organization)}
        self._order = {pk: place for place, pk in enumerate(self._ours)}
        self._theirs = {account.remote_id: account for account in connection.chart.all()}
        self._sent_to: dict[int, set[str]] = defaultdict(set)
        for (targets,) in _ask(_SENT_TO, connection, as_of):
            for pk, remote_id in (json.loads(targets) if isinstance(targets, str) else targets).items():
                self._sent_to[int(pk)].add(remote_id)
        for pk, remote_id in connection.mappings.exclude(target=None).values_list("account", "target__remote_id"):
            self._sent_to[pk] = self._sent_to[pk] or {remote_id}

    def rows(self, turnover: Iterable[_Turnover]) -> list[AccountRow]:
        amounts: dict[int, Amounts] = defaultdict(Amounts)
        for each in turnover:
            amounts[each.account_id] += each.amounts
        return [
            AccountRow(self._ours[pk], sorted(self._name(remote_id) for remote_id in self._sent_to[pk]), amounts[pk])
            for pk in sorted(amounts, key=self._order.__getitem__)
        ]

    def _name(self, remote_id: str) -> str:
        theirs: ChartAccount | None = self._theirs.get(remote_id)
        return str(theirs) if theirs else f"id {remote_id}"
