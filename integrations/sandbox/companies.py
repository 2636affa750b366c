"""Companies and their charts of accounts, as the sandbox keeps them."""

import json
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .store import Store, as_json

INACTIVE, CLOSED, OPEN = "inactive", "closed", "open"
GONE = ("deleted", "reset")


@dataclass(frozen=True)
class Company:
    """One company file. `profile` holds what its administrator may change, such as a lock date."""

    provider: str
    tenant_id: str
    name: str
    currency: str
    profile: dict[str, Any]


@dataclass(frozen=True)
class Account:
    """One account. `refusal` is None, INACTIVE (the chart shows it) or CLOSED (the chart hides it)."""

    account_id: str
    number: str | None
    name: str
    refusal: str | None
    body: dict[str, Any]


def companies(store: Store, provider: str) -> list[Company]:
    rows = store.rows("SELECT * FROM companies WHERE provider = ? ORDER BY rowid", provider)
    return [_company(row) for row in rows]


def open_companies(store: Store, provider: str) -> list[Company]:
    """The companies that can still be connected: not those deleted or replaced at the provider."""
    return [company for company in companies(store, provider) if company.profile.get("state") not in GONE]


def find_company(store: Store, provider: str, tenant_id: str) -> Company | None:
    row = store.row("SELECT * FROM companies WHERE provider = ? AND tenant_id = ?", provider, tenant_id)
    return _company(row) if row else None


def add_company(store: Store, company: Company) -> None:
    store.execute(
        "INSERT INTO companies VALUES (?, ?, ?, ?, ?)",
        company.provider, company.tenant_id, company.name, company.currency, as_json(company.profile),
    )  # fmt: skip


def change_profile(store: Store, company: Company, changes: dict[str, Any]) -> None:
    store.execute(
        "UPDATE companies SET profile = ? WHERE provider = ? AND tenant_id = ?",
        as_json(company.profile | changes), company.provider, company.tenant_id,
    )  # fmt: skip


def accounts(store: Store, company: Company) -> list[Account]:
    rows = store.rows(
        "SELECT * FROM accounts WHERE provider = ? AND tenant_id = ? ORDER BY rowid",
        company.provider, company.tenant_id,
    )  # fmt: skip
    return [
        Account(row["account_id"], row["number"], row["name"], row["refusal"], _parsed(row["body"])) for row in rows
    ]


@lru_cache(maxsize=2_000)
def _parsed(body: str) -> dict[str, Any]:
    """Each posting reads the whole chart, and a chart hardly ever changes. Nobody alters what this gives."""
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def add_account(store: Store, company: Company, account: Account) -> None:
    add_account_rows(store, [account_row(company, account)])


def account_row(company: Company, account: Account) -> tuple[Any, ...]:
    return (
        company.provider, company.tenant_id, account.account_id, account.number, account.name, account.refusal,
        as_json(account.body),
    )  # fmt: skip


def add_account_rows(store: Store, rows: list[tuple[Any, ...]]) -> None:
    store.execute_many("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def find_account(store: Store, company: Company, account_id: str) -> Account | None:
    return next((account for account in accounts(store, company) if account.account_id == account_id), None)


def change_account(store: Store, company: Company, account: Account) -> None:
    """Put the account in the place of the one with its id; a refusal of postings stays as it is."""
    store.execute(
        "UPDATE accounts SET number = ?, name = ?, body = ? WHERE provider = ? AND tenant_id = ? AND account_id = ?",
        account.number, account.name, as_json(account.body), company.provider, company.tenant_id, account.account_id,
    )  # fmt: skip


def has_left(company: Company, user_id: str) -> bool:
    """Whether the company removed this person: their app's access ends with their own."""
    return user_id in company.profile.get("removed_users", [])


def set_refusal(store: Store, company: Company, account_id: str, refusal: str | None) -> bool:
    """Make the company refuse postings on an account, or lift that. False when it has no such account."""
    changed = store.execute(
        "UPDATE accounts SET refusal = ? WHERE provider = ? AND tenant_id = ? AND account_id = ?",
        refusal, company.provider, company.tenant_id, account_id,
    )  # fmt: skip
    return changed == 1


def _company(row: sqlite3.Row) -> Company:
    return Company(row["provider"], row["tenant_id"], row["name"], row["currency"], json.loads(row["profile"]))
