"""What became of each entry at each accounting system: the list, its causes for trouble, and the file of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db.models import Count, Min, QuerySet
from psycopg import sql

from integrations.mirror.explaining import Explanation, explain
from integrations.models import ChartAccount, Connection, QueueRow
from integrations.providers.base import Cause

_RARE = {QueueRow.State.SENDING, QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED}


@dataclass(frozen=True)
class Wanted:
    """Which entries to show: an empty value leaves its side open. Dates are the entries' own, both included."""

    state: str = ""
    provider: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """One entry at one provider: its place in the queue, then the entry's own id, number and words."""

    connection: Connection
    row_id: int
    state: str
    remote_id: str
    cause: str
    provider_code: str
    provider_message: str
    queued_at: datetime
    sent_at: datetime | None
    changed_at: datetime
    pk: int
    number: int
    on: date
    memo: str
    reference: str
    currency: str
    total: Decimal
    attempts: int
    """The sends that it was part of."""

    def __str__(self) -> str:
        return f"JE-{self.number}"

    @property
    def journal_url(self) -> str:
        """Where it is seen at the provider; empty while it is not there, or its id there is not known."""
        return journal_url(self)

    @property
    def number_there(self) -> str:
        """Its id at the provider, where that is short enough to be told apart by a person."""
        return self.remote_id if self.remote_id.isdecimal() else ""


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


def journal_url(row: QueueRow | ListedEntry) -> str:
    is_there = row.state == QueueRow.State.SENT and row.remote_id
    return row.connection.provider.journal_url(row.connection.company_id, row.remote_id) if is_there else ""


# Each part by an index of its own, and in one statement, so that no entry moves from one to the other.
_COUNTS = sql.SQL("""
    SELECT rows.connection_id, rows.state, count(*) FROM journal_sync_queue rows
     WHERE rows.connection_id = ANY(%(connections)s) AND rows.state = 'waiting' AND {is_dated} GROUP BY 1, 2
     UNION ALL
    SELECT rows.connection_id, rows.state, count(*) FROM journal_sync_queue rows
     WHERE rows.connection_id = ANY(%(connections)s) AND NOT (rows.state IN ('waiting', 'sent')) AND {is_dated}
     GROUP BY 1, 2
     UNION ALL
    SELECT rows.connection_id, rows.state, count(*) FROM journal_sync_queue rows
     WHERE rows.connection_id = ANY(%(connections)s) AND rows.state = 'sent' AND {is_dated} GROUP BY 1, 2
""")
# By hand, and no instances made of it: those of fifty rows, with two more queries, took six times as long.
_LISTED = sql.SQL("""
    SELECT rows.connection_id, rows.id, rows.state, rows.remote_id, rows.cause, rows.provider_code,
           rows.provider_message, rows.queued_at, rows.sent_at, rows.changed_at,
           entry.id, entry.number, entry.date, entry.memo, entry.reference, entry.currency,
           (SELECT sum(line.debit) FROM ledger_journalline line WHERE line.entry_id = entry.id),
           (SELECT coalesce(sum(delivery.attempts), 0)
              FROM integrations_deliveryitem item
              JOIN integrations_delivery delivery ON delivery.id = item.delivery_id
             WHERE item.row_id = rows.id)
      FROM journal_sync_queue rows
      JOIN ledger_journalentry entry ON entry.id = rows.entry_id
     WHERE rows.id = ANY(ARRAY(
               SELECT id FROM ({newest_of_each}) newest
                ORDER BY entry_id DESC, id LIMIT %(stop)s - %(start)s OFFSET %(start)s
           ))
     ORDER BY entry.id DESC, rows.id
""")
_NEWEST_OF_ONE = sql.SQL("""
    (SELECT rows.id, rows.entry_id FROM journal_sync_queue rows
      WHERE rows.connection_id = {connection} AND {has_state} AND {is_dated}
        AND rows.entry_id <= %(last_entry)s AND (rows.entry_id < %(last_entry)s OR rows.id > %(last_row)s)
      ORDER BY {newest_first} LIMIT %(stop)s)
""")
_BY_INDEX = sql.SQL("rows.entry_id DESC")
# In the order of an index what is rare would be looked for among all that was sent since. No index has this one: it is
# found by its state and sorted.
_SORTED = sql.SQL("rows.entry_id + 0 DESC, rows.id")
_IS_DATED = sql.SQL("""
    rows.entry_id IN (SELECT id FROM ledger_journalentry
                       WHERE organization_id = %(organization)s AND date BETWEEN %(first)s AND %(last)s)
""")
_HAS_STATE = sql.SQL("rows.state = %(state)s")
_WHATEVER = sql.SQL("true")
_BEYOND_ALL = 2**63 - 1


def counts(connections: Sequence[Connection], wanted: Wanted) -> dict[UUID, Counter[str]]:
    """How many of the wanted entries are in each state, by the connection's id; `wanted.state` is left aside."""
    found: dict[UUID, Counter[str]] = {each.pk: Counter() for each in connections}
    asked = _asked_of(connections, wanted)
    if asked:
        with database.cursor() as cursor:
            cursor.execute(_COUNTS.format(is_dated=_is_dated(wanted)), _values(asked, wanted))
            for connection_id, state, number in cursor:
                found[connection_id][state] = number
    return found


def listed(
    connections: Sequence[Connection], wanted: Wanted, *, stop: int, start: int = 0, after: ListedEntry | None = None
) -> list[ListedEntry]:
    """The wanted entries, the last posted first: from `start` to before `stop` of those that come after `after`."""
    by_id, asked = {each.pk: each for each in connections}, _asked_of(connections, wanted)
    if not asked:
        return []
    newest_of_each = sql.SQL(" UNION ALL ").join(
        _NEWEST_OF_ONE.format(
            connection=sql.Literal(each.pk),
            has_state=_HAS_STATE if wanted.state else _WHATEVER,
            is_dated=_is_dated(wanted),
            newest_first=_SORTED if wanted.state in _RARE else _BY_INDEX,
        )
        for each in asked
    )
    values = _values(asked, wanted) | {
        "start": start,
        "stop": stop,
        "last_entry": after.pk if after else _BEYOND_ALL,
        "last_row": after.row_id if after else 0,
    }
    with database.cursor() as cursor:
        cursor.execute(_LISTED.format(newest_of_each=newest_of_each), values)
        return [ListedEntry(by_id[connection_id], *row) for connection_id, *row in cursor]


def _asked_of(connections: Sequence[Connection], wanted: Wanted) -> list[Connection]:
    return [each for each in connections if wanted.provider in ("", each.provider_name)]


def _is_dated(wanted: Wanted) -> sql.SQL:
    return _IS_DATED if wanted.first or wanted.last else _WHATEVER


def _values(asked: Sequence[Connection], wanted: Wanted) -> dict[str, Any]:
    return {
        "connections": [each.pk for each in asked],
        "organization": asked[0].organization_id,
        "state": wanted.state,
        "first": wanted.first or date.min,
        "last": wanted.last or date.max,
    }


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
    last: ListedEntry | None = None
    while piece := listed(connections, wanted, stop=size, after=last):
        yield piece
        last = piece[-1]
