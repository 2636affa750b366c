"""The sandbox's own books held against what was posted: nothing else may say that an entry has arrived."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from integrations.mirror.deliveries import reference
from integrations.models import Connection, QueueRow
from ledger.models import JournalEntry
from tests.bench.figures import Books
from tests.bench.stage import Stage

_REFERENCE = re.compile(r"ATH-\d+-[A-Z2-7]{8}")
# The naive peer lets QuickBooks number its journals and says which entry it was in the note.
_JOURNALS = (
    "SELECT coalesce(reference, '') || ' ' || memo, created_at FROM journals WHERE status = 'POSTED' AND tenant_id = ?"
)
_CENTS = (
    "SELECT coalesce(sum(debit_cents), 0), coalesce(sum(credit_cents), 0) FROM lines"
    " WHERE journal_seq IN (SELECT seq FROM journals WHERE status = 'POSTED' AND tenant_id = ?)"
)


@dataclass(frozen=True)
class Calls:
    """What one company was asked: calls that post journals, all others, and those turned away with 429."""

    posting: int
    other: int
    too_many: int


def arrivals(stage: Stage, connection: Connection) -> list[tuple[str, float]]:
    """Each posted journal's reference and when it was posted, in seconds since 1970 by the hurried clock."""
    found = []
    for text, at in stage.kept(_JOURNALS, connection.company_id):
        match = _REFERENCE.search(text)
        found.append((match[0] if match else text, at))
    return found


def calls(stage: Stage, connection: Connection, *, after: float = 0, until: float = 1e12) -> Calls:
    """Between two moments of the hurried clock. QuickBooks' calls count by their address, too: what an armed fault
    answers is logged before the sandbox knows whose company it is."""
    rows = stage.kept(
        "SELECT call IN ('batch', 'manualjournals'), status FROM requests"
        " WHERE (tenant_id = ? OR path LIKE ?) AND at > ? AND at <= ?",
        connection.company_id,
        f"%/company/{connection.company_id}/%",
        after,
        until,
    )
    posting = sum(bool(is_posting) for is_posting, _ in rows)
    return Calls(posting, len(rows) - posting, sum(status == 429 for _, status in rows))


def compare(stage: Stage, connections: Sequence[Connection], *, at_rest: bool = True) -> Books:
    """Every entry posted for these connections, once, to the cent.

    Where the run was not `at_rest` at its end, only what the mirror says it has sent must be there.
    """
    found = Books()
    for connection in connections:
        _compare_one(stage, connection, found, at_rest=at_rest)
    return found


def _compare_one(stage: Stage, connection: Connection, found: Books, *, at_rest: bool) -> None:
    entries = JournalEntry.objects.filter(organization=connection.organization_id, posted_at__isnull=False)
    states = Counter(connection.queue.values_list("state", flat=True))
    if not at_rest:
        entries = entries.filter(queue_rows__state=QueueRow.State.SENT)
    copies = Counter(name for name, _ in arrivals(stage, connection))
    expected = [reference(connection, entry) for entry in entries.only("number", "organization")]
    found.entries += len(expected)
    found.lost += sum(not copies[name] for name in expected)
    found.doubled += sum(count - 1 for count in copies.values())
    found.refused += states[QueueRow.State.NEEDS_ATTENTION] + states[QueueRow.State.UNCONFIRMED]
    found.too_many_calls += calls(stage, connection).too_many
    ((debits, credits),) = stage.kept(_CENTS, connection.company_id)
    found.cents_off += abs(debits - credits)
    if at_rest:
        found.cents_off += abs(debits - _cents_posted(connection))


def _cents_posted(connection: Connection) -> int:
    from django.db.models import Sum

    from ledger.models import JournalLine

    lines = JournalLine.objects.filter(entry__organization=connection.organization_id, entry__posted_at__isnull=False)
    return int((lines.aggregate(sum=Sum("debit"))["sum"] or 0) * 100)
