"""Updating and deleting a QuickBooks journal entry: by an app, or by the company's people in QuickBooks itself."""

from typing import Any

from ..book_changes import DELETED, PEOPLE, StoredJournal, find_journal, rewrite, set_status
from ..companies import Company, accounts
from ..state import Sandbox
from ..unverified import words
from .answers import stale
from .bodies import Fault, error
from .journals import as_journal, check_number, check_open, checked_lines, read_date, shown_entry


def update_entry(sandbox: Sandbox, company: Company, given: dict[str, Any], *, by: str) -> dict[str, Any]:
    """Change an entry, in full or, with `sparse`, the members given. Returns it as the API shows it. Raises Fault."""
    stored = current(sandbox, company, given)
    kept = stored.received if given.get("sparse") else {}
    changed = {name: value for name, value in given.items() if name not in ("Id", "SyncToken", "sparse")}
    entry = kept | changed
    chart = {account.account_id: account for account in accounts(sandbox.store, company)}
    lines = checked_lines(company, chart, entry)
    entry_date = read_date(sandbox, entry)
    if by != PEOPLE:  # people may pass the closing date, with a password
        check_open(company, min(entry_date, stored.entry_date))
    if entry.get("DocNumber") != stored.received.get("DocNumber"):
        check_number(sandbox, company, entry, "")
    journal = as_journal(entry, journal_id=stored.journal_id, entry_date=entry_date, lines=lines)
    rewrite(sandbox.store, stored, journal, by=by, now=sandbox.clock.now())
    return shown_entry(
        sandbox, company, entry, chart, journal_id=stored.journal_id, entry_date=entry_date,
        sync_token=stored.changes + 1,
    )  # fmt: skip


def delete_entry(sandbox: Sandbox, company: Company, given: dict[str, Any], *, by: str) -> dict[str, Any]:
    """Delete an entry. Returns the stub the API answers with. Raises Fault."""
    stored = current(sandbox, company, given)
    if by != PEOPLE:
        check_open(company, stored.entry_date)
    set_status(sandbox.store, stored, DELETED, by=by, now=sandbox.clock.now())
    return {"status": "Deleted", "domain": "QBO", "Id": stored.journal_id}


def current(sandbox: Sandbox, company: Company, given: dict[str, Any]) -> StoredJournal:
    """The entry that is meant, when the caller knows its newest version. Raises Fault 610 or 5010."""
    stored = find_journal(sandbox.store, company, str(given.get("Id", "")))
    if stored is None or stored.status == DELETED:
        raise Fault(error("610", "Object Not Found", words("qbo_entry_not_found")))
    if str(given.get("SyncToken")) != str(stored.changes):
        raise stale()
    return stored
