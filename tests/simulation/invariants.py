"""What must hold whatever happened, measured in the provider's books and compared with ours.

I1 nothing doubled · I2 nothing lost · I3 nothing false · I4 to the cent · I5 nobody in another's books ·
I6 quiet when told to be, and never a read of the books · I7 alive · I8 every try written down.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection as database

from audit.actions import Action
from integrations.mirror.deliveries import reference
from integrations.models import Attempt, Connection, QueueRow
from integrations.providers.base import Cause
from ledger.models import JournalEntry
from tests.simulation.provider import Provider


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Quiet:
    """A stretch of time in which an organization, or one of its connections, had told us to send nothing."""

    began: datetime
    connections: list[Any]
    ended: datetime | None = None


@dataclass
class Tally:
    """How a run came out. `lost` and `doubled` are entries; both must be zero."""

    entries: int = 0
    lost: int = 0
    doubled: int = 0
    unconfirmed: int = 0
    refused: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


class Line(NamedTuple):
    account_id: str | None
    """The provider's; None on a line that was never sent."""
    debit: Decimal
    credit: Decimal


class Journal(NamedTuple):
    """One posted journal in a company's books at the provider."""

    id: str
    on: date
    lines: list[Line]


Books = dict[str, list[Journal]]
"""One company's journals at the provider, by our reference."""


class Row(NamedTuple):
    """What we say of one entry on one connection. Its lines are on the accounts that it was last sent to."""

    pk: int
    reference: str
    state: str
    cause: str
    message: str
    remote_id: str
    on: date
    lines: list[Line]


def nothing_doubled(provider: Provider) -> None:
    """I1, at this very moment: cheap enough for every commit at the provider."""
    doubled = provider.sandbox.store.row(
        "SELECT tenant_id, reference FROM journals WHERE status = 'POSTED'"
        " GROUP BY provider, tenant_id, reference HAVING COUNT(*) > 1"
    )
    if doubled:
        raise Broken(f"I1: {doubled['reference']!r} stands twice in the books of {doubled['tenant_id']}")


def check(provider: Provider, *, quiet: Sequence[Quiet] = (), everything_sent: bool = False) -> Tally:
    """Everything but I7, at rest. With `everything_sent` nothing may be left that waits for a person."""
    tally = Tally()
    connections, theirs = list(Connection.objects.all()), all_books(provider)
    ours = _all_rows(connections)
    for connection in connections:
        rows = ours[connection.pk]
        books = theirs[connection.provider_name, connection.company_id]
        if strangers := books.keys() - {row.reference for row in rows}:
            raise Broken(f"I5: {connection} holds journals that are not its firm's: {sorted(strangers)}")
        tally += _check_company(connection, books, rows, everything_sent=everything_sent)
    _check_quiet(provider, quiet)
    _check_trace(provider)
    return tally


def all_books(provider: Provider) -> dict[tuple[str, str], Books]:
    """Every company's, by the names of provider and company."""
    books: dict[tuple[str, str], Books] = defaultdict(lambda: defaultdict(list))
    journals: dict[int, Journal] = {}
    for line in provider.sandbox.store.rows(
        "SELECT seq, provider, tenant_id, reference, journal_id, entry_date, account_id, debit_cents, credit_cents"
        " FROM journals JOIN lines ON journal_seq = seq WHERE status = 'POSTED'"
    ):
        journal = journals.get(line["seq"])
        if journal is None:
            journal = Journal(line["journal_id"], date.fromisoformat(line["entry_date"]), [])
            journals[line["seq"]] = journal
            books[line["provider"], line["tenant_id"]][str(line["reference"]).split()[0]].append(journal)
        amounts = (Decimal(line[f"{side}_cents"]) / 100 for side in ("debit", "credit"))
        journal.lines.append(Line(line["account_id"], *amounts))
    return books


_ROWS = """
    SELECT row.id, row.connection_id, row.state, row.cause, row.provider_message, row.remote_id,
           entry.id, entry.number, entry.date,
           (
               SELECT jsonb_agg(jsonb_build_array(
                   sent.targets ->> line.account_id::text,
                   coalesce(line.debit, 0)::text, coalesce(line.credit, 0)::text
               ))
               FROM ledger_journalline line WHERE line.entry_id = entry.id
           )
    FROM journal_sync_queue row
    JOIN ledger_journalentry entry ON entry.id = row.entry_id
    LEFT JOIN LATERAL (
        -- The delivery that the provider took is the last one.
        SELECT item.targets FROM integrations_deliveryitem item WHERE item.row_id = row.id ORDER BY item.id DESC LIMIT 1
    ) sent ON true
"""


def _all_rows(connections: Sequence[Connection]) -> dict[Any, list[Row]]:
    by_id, rows = {connection.pk: connection for connection in connections}, defaultdict(list)
    with database.cursor() as cursor:
        cursor.execute(_ROWS)
        for pk, connection_id, state, cause, message, remote_id, entry_id, number, on, lines in cursor.fetchall():
            name = reference(by_id[connection_id], JournalEntry(pk=entry_id, number=number))
            read = [Line(account, Decimal(debit), Decimal(credit)) for account, debit, credit in json.loads(lines)]
            rows[connection_id].append(Row(pk, name, state, cause, message, remote_id, on, read))
    return rows


def _check_company(connection: Connection, books: Books, rows: list[Row], *, everything_sent: bool) -> Tally:
    tally = Tally(entries=len(rows))
    for row in rows:
        journals = books.get(row.reference, [])
        where = f"{row.reference} ({row.state} {row.cause}) at {connection.provider_name}"
        if len(journals) > 1:
            raise Broken(f"I1: {where} stands {len(journals)} times in the books")
        if row.state == QueueRow.State.SENT:
            if not journals:
                raise Broken(f"I2, I3: {where} is said to be sent, and is not in the books")
            _check_same(row, journals[0], where)
        elif everything_sent:
            raise Broken(f"I2: {where} was not sent although everything was mended")
        elif row.state == QueueRow.State.NEEDS_ATTENTION:
            tally.refused += 1
            if journals and row.cause != Cause.DUPLICATE:
                raise Broken(f"I3: {where} is said to be refused, and stands in the books: {row.message}")
        elif row.state == QueueRow.State.UNCONFIRMED:
            tally.unconfirmed += 1
            if connection.refuses_duplicate_numbers:
                raise Broken(f"{where} was given up although its number protects it for ever")
        elif row.state == QueueRow.State.SENDING:
            raise Broken(f"I7: {where} is still being sent at rest")
        elif connection.is_connected:
            raise Broken(f"I7: {where} still waits at rest")
    _check_sums(books, rows)
    return tally


def _check_same(row: Row, journal: Journal, where: str) -> None:
    if row.remote_id and row.remote_id != journal.id:
        raise Broken(f"I3: {where} is known as {row.remote_id} here and as {journal.id} there")
    if journal.on != row.on:
        raise Broken(f"I3: {where} is dated {row.on} here and {journal.on} there")
    if sorted(row.lines) != sorted(journal.lines):
        raise Broken(f"I3: {where} has other lines there: {journal.lines} for {row.lines}")


def _check_sums(books: Books, rows: list[Row]) -> None:
    """I4: what is there is what we sent, account by account; an unconfirmed entry may be there or not."""
    ours, theirs = (defaultdict(Decimal) for _ in range(2))
    for row in rows:
        for journal in books.get(row.reference, []):
            for lines, sums in ((row.lines, ours), (journal.lines, theirs)):
                for line in lines:
                    sums[line.account_id, row.on] += line.debit - line.credit
    if theirs != ours:
        raise Broken(f"I4: the sums differ: {theirs} there, {ours} here")


def _check_quiet(provider: Provider, quiet: list[Quiet]) -> None:
    refused = provider.sandbox.store.row("SELECT * FROM requests WHERE refusal IS NOT NULL")
    if refused:
        raise Broken(f"I6: {refused['method']} {refused['path']} is no business of a mirror")
    for stretch in quiet:
        begun = Attempt.objects.filter(
            delivery__connection__in=stretch.connections, started_at__gt=stretch.began
        ).order_by("started_at")
        if stretch.ended:
            begun = begun.filter(started_at__lt=stretch.ended)
        if attempt := begun.first():
            raise Broken(
                f"I6: a send began at {attempt.started_at}, while nothing was to be sent since {stretch.began}"
            )


_TOLD_OF_NOBODY = """
    SELECT entry.number FROM journal_sync_queue row JOIN ledger_journalentry entry ON entry.id = row.entry_id
    WHERE row.state IN (%s, %s) AND NOT EXISTS (
        SELECT FROM audit_auditevent event
        WHERE event.organization_id = entry.organization_id AND event.action = %s
            AND event.data -> 'entries' @> to_jsonb(entry.number)
    )
"""


def _check_trace(provider: Provider) -> None:
    sent = sum(call.writes for _, call in provider.log)
    written_down = Attempt.objects.count()
    if sent > written_down:
        raise Broken(f"I8: {sent} sends left, and {written_down} are written down")
    with database.cursor() as cursor:
        cursor.execute(
            _TOLD_OF_NOBODY, [QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED, Action.SYNC_FAILED]
        )
        if silent := [number for (number,) in cursor.fetchall()]:
            raise Broken(f"I8: nobody was told that entries {silent} need a person")
