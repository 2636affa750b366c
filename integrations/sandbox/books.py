"""The sandbox's books: journals and what they add up to. Tests and the demo compare them with the product's."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .companies import Company, accounts
from .money import shown, to_cents
from .store import Store, as_json

POSTED = "POSTED"


@dataclass(frozen=True)
class Line:
    """One line of a journal. One of debit and credit is zero, unless the whole line is."""

    account_id: str
    debit: Decimal
    credit: Decimal
    description: str = ""


@dataclass(frozen=True)
class Journal:
    """A journal a provider accepted. Only POSTED ones count in the books, not drafts, voided or deleted ones;
    `received` is what was sent."""

    journal_id: str
    reference: str | None
    memo: str
    entry_date: str
    status: str
    lines: Sequence[Line]
    received: dict[str, Any]


def enter(store: Store, company: Company, journal: Journal, *, now: float) -> None:
    """Write a new journal into the books, inside the caller's transaction."""
    store.execute(
        "INSERT INTO journals VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        company.provider, company.tenant_id, journal.journal_id, journal.reference, journal.memo, journal.entry_date,
        journal.status, now, as_json(journal.received),
    )  # fmt: skip
    row = store.row("SELECT last_insert_rowid() AS seq")
    assert row is not None  # noqa: S101 - SQLite always answers this
    enter_lines(store, row["seq"], journal.lines)


def enter_lines(store: Store, journal_seq: int, lines: Sequence[Line]) -> None:
    store.execute_many(
        "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)",
        [
            (journal_seq, position, line.account_id, to_cents(line.debit), to_cents(line.credit), line.description)
            for position, line in enumerate(lines)
        ],
    )


def journal_with_reference(store: Store, company: Company, reference: str) -> str | None:
    """The id of the first posted journal that carries this reference."""
    row = store.row(
        "SELECT journal_id FROM journals WHERE provider = ? AND tenant_id = ? AND reference = ? AND status = 'POSTED'"
        " ORDER BY seq LIMIT 1",
        company.provider, company.tenant_id, reference,
    )  # fmt: skip
    return row["journal_id"] if row else None


def net_cents(store: Store, company: Company) -> dict[str, int]:
    """Debits less credits of each account that has postings, in cents."""
    return {row["account_id"]: row["debits"] - row["credits"] for row in _account_totals(store, company)}


def summary(store: Store, company: Company) -> dict[str, Any]:
    """The books in figures, as `GET /control/books/<provider>/<tenant>` answers them. Amounts are text: "0.00"."""
    totals = {row["account_id"]: row for row in _account_totals(store, company)}
    calls = store.row(
        "SELECT COUNT(*) AS calls, COALESCE(SUM(is_write), 0) AS write_calls,"
        " COALESCE(SUM(refusal = 'ledger_read'), 0) AS refused_reads, COUNT(refusal) AS refused_calls"
        " FROM requests WHERE provider = ? AND tenant_id = ?",
        company.provider, company.tenant_id,
    )  # fmt: skip
    return {
        "provider": company.provider,
        "tenant_id": company.tenant_id,
        "name": company.name,
        "currency": company.currency,
        "journals": count(store, company),
        "drafts": count(store, company, status="DRAFT"),
        "duplicates": duplicates(store, company),
        **(dict(calls) if calls else {}),
        "accounts": [
            {
                "id": account.account_id,
                "number": account.number,
                "name": account.name,
                "debits": shown(totals[account.account_id]["debits"] if account.account_id in totals else 0),
                "credits": shown(totals[account.account_id]["credits"] if account.account_id in totals else 0),
            }
            for account in accounts(store, company)
        ],
        "totals": {
            "debits": shown(sum(row["debits"] for row in totals.values())),
            "credits": shown(sum(row["credits"] for row in totals.values())),
        },
    }


def count(store: Store, company: Company, *, status: str = POSTED) -> int:
    row = store.row(
        "SELECT COUNT(*) AS n FROM journals WHERE provider = ? AND tenant_id = ? AND status = ?",
        company.provider, company.tenant_id, status,
    )  # fmt: skip
    return row["n"] if row else 0


def duplicates(store: Store, company: Company) -> list[str]:
    """References that more than one posted journal carries."""
    rows = store.rows(
        "SELECT reference FROM journals WHERE provider = ? AND tenant_id = ? AND status = ? AND reference IS NOT NULL"
        " GROUP BY reference HAVING COUNT(*) > 1 ORDER BY reference",
        company.provider, company.tenant_id, POSTED,
    )  # fmt: skip
    return [row["reference"] for row in rows]


def journals(
    store: Store, company: Company, *, offset: int, limit: int, newest_first: bool, only: str | None = None
) -> list[dict[str, Any]]:
    """Journals with their lines, in the order they were entered or the reverse. Drafts are among them. `only`: the one
    of this id."""
    order = "DESC" if newest_first else "ASC"
    found = store.rows(
        "SELECT * FROM journals WHERE provider = ? AND tenant_id = ? AND (? IS NULL OR journal_id = ?)"  # noqa: S608
        f" ORDER BY seq {order} LIMIT ? OFFSET ?",
        company.provider, company.tenant_id, only, only, limit, offset,
    )  # fmt: skip
    named = {account.account_id: account for account in accounts(store, company)}
    return [
        {
            "id": row["journal_id"],
            "reference": row["reference"],
            "memo": row["memo"],
            "date": row["entry_date"],
            "status": row["status"],
            "lines": [
                {
                    "account_id": line["account_id"],
                    "account_number": named[line["account_id"]].number,
                    "account_name": named[line["account_id"]].name,
                    "debit": shown(line["debit_cents"]),
                    "credit": shown(line["credit_cents"]),
                    "description": line["description"],
                }
                for line in store.rows("SELECT * FROM lines WHERE journal_seq = ? ORDER BY position", row["seq"])
            ],
        }
        for row in found
    ]


def _account_totals(store: Store, company: Company) -> list[Any]:
    return store.rows(
        "SELECT account_id, SUM(debit_cents) AS debits, SUM(credit_cents) AS credits"
        " FROM journals JOIN lines ON lines.journal_seq = journals.seq"
        " WHERE provider = ? AND tenant_id = ? AND status = ? GROUP BY account_id",
        company.provider, company.tenant_id, POSTED,
    )  # fmt: skip
