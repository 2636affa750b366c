"""Changes to journals that stand in the books already, by an app or by the company's own people."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .books import Journal, enter_lines
from .companies import Company
from .store import Store, as_json

APP, PEOPLE = "app", "people"
DELETED, VOIDED = "DELETED", "VOIDED"


@dataclass(frozen=True)
class StoredJournal:
    """A journal as it stands. `changes` counts how often it was changed since it was entered."""

    seq: int
    journal_id: str
    status: str
    entry_date: str
    received: dict[str, Any]
    changes: int


def find_journal(store: Store, company: Company, journal_id: str) -> StoredJournal | None:
    row = store.row(
        "SELECT * FROM journals WHERE provider = ? AND tenant_id = ? AND journal_id = ? COLLATE NOCASE",
        company.provider, company.tenant_id, journal_id,
    )  # fmt: skip
    if row is None:
        return None
    counted = store.row("SELECT COUNT(*) AS n FROM journal_changes WHERE journal_seq = ?", row["seq"])
    received = json.loads(row["received"], parse_float=Decimal)
    changes = counted["n"] if counted else 0
    return StoredJournal(row["seq"], row["journal_id"], row["status"], row["entry_date"], received, changes)


def line_accounts(store: Store, stored: StoredJournal) -> list[str]:
    """The account of each line, in their order."""
    rows = store.rows("SELECT account_id FROM lines WHERE journal_seq = ? ORDER BY position", stored.seq)
    return [row["account_id"] for row in rows]


def rewrite(store: Store, stored: StoredJournal, journal: Journal, *, by: str, now: float) -> None:
    """Put `journal` in the place of what stands, inside the caller's transaction, and note the change."""
    _note(store, stored, journal.status, by=by, now=now)
    store.execute(
        "UPDATE journals SET reference = ?, memo = ?, entry_date = ?, status = ?, received = ? WHERE seq = ?",
        journal.reference, journal.memo, journal.entry_date, journal.status, as_json(journal.received), stored.seq,
    )  # fmt: skip
    store.execute("DELETE FROM lines WHERE journal_seq = ?", stored.seq)
    enter_lines(store, stored.seq, journal.lines)


def set_status(store: Store, stored: StoredJournal, status: str, *, by: str, now: float) -> None:
    _note(store, stored, status, by=by, now=now)
    store.execute("UPDATE journals SET status = ? WHERE seq = ?", status, stored.seq)


def _note(store: Store, stored: StoredJournal, status: str, *, by: str, now: float) -> None:
    what = "edited" if status == stored.status else status.lower()
    store.execute(
        "INSERT INTO journal_changes VALUES (NULL, ?, ?, ?, ?, ?)",
        stored.seq, now, by, what, as_json(stored.received),
    )  # fmt: skip


def changes_of(store: Store, company: Company) -> list[dict[str, Any]]:
    """Every change in one company's books, oldest first: when, by whom, what, and the journal as it was before."""
    rows = store.rows(
        "SELECT journal_id, at, by, what, before FROM journal_changes JOIN journals ON journals.seq = journal_seq"
        " WHERE provider = ? AND tenant_id = ? ORDER BY journal_changes.seq",
        company.provider, company.tenant_id,
    )  # fmt: skip
    return [dict(row) | {"before": json.loads(row["before"])} for row in rows]
