"""Changing a Xero manual journal: a draft that is posted, an edit in place, a void. By an app or by people in Xero."""

import json
from decimal import Decimal
from typing import Any

from ..book_changes import APP, DELETED, VOIDED, StoredJournal, find_journal, line_accounts, rewrite, set_status
from ..companies import Account, Company
from ..state import Sandbox
from ..store import as_json
from ..unverified import words
from .dates import read_date
from .journals import Refused, as_journal, journal_day, locked, problems_with, shown_journal

ENDS = {"DRAFT": DELETED, "POSTED": VOIDED}  # how each status can end


def only_posts_it(stored: StoredJournal | None, given: dict[str, Any]) -> bool:
    """Whether the change does no more than post a draft of the app's own, the second of two phases.

    Whatever else the body repeats must stand as it was sent. Posting once more what is posted changes nothing.
    """
    if given.get("Status") != "POSTED":
        return False
    if stored is None or stored.status not in ENDS:
        return True  # nothing is there to be changed: Xero will say so
    repeated = {name: value for name, value in given.items() if name not in ("ManualJournalID", "Status")}
    sent = json.loads(as_json(repeated), parse_float=Decimal)
    return all(stored.received.get(name) == value for name, value in sent.items())


def as_it_stands(sandbox: Sandbox, chart: dict[str, Account], stored: StoredJournal) -> dict[str, Any]:
    """The journal as it was sent, its lines under the codes that their accounts carry today."""
    codes = {account.account_id: code for code, account in chart.items()}
    lines = [
        line | {"AccountCode": codes.get(account_id, line["AccountCode"])}
        for line, account_id in zip(stored.received["JournalLines"], line_accounts(sandbox.store, stored), strict=True)
    ]
    return stored.received | {"JournalLines": lines}


def change_journal(
    sandbox: Sandbox, company: Company, chart: dict[str, Account], given: dict[str, Any], *, by: str = APP
) -> dict[str, Any]:
    """Change the journal that `given` names, inside the caller's transaction. `chart` is by code. Raises Refused."""
    stored = find_journal(sandbox.store, company, str(given["ManualJournalID"]))
    if stored is None:
        raise Refused(words("xero_unknown_journal"))
    if stored.status not in ENDS:
        raise Refused(words("xero_journal_ended", status=stored.status.lower()))
    changed = as_it_stands(sandbox, chart, stored) | {
        name: value for name, value in given.items() if name != "ManualJournalID"
    }
    status = given.get("Status") or stored.status
    if status not in (stored.status, "POSTED", ENDS[stored.status]):
        raise Refused(words("xero_status_change", before=stored.status, after=status))
    day, now = journal_day(sandbox, changed), sandbox.clock.now()
    lines = list(changed.get("JournalLines") or [])
    is_end = status == ENDS[stored.status]
    problems = [] if is_end else problems_with(chart, changed)
    if "POSTED" in (stored.status, status):  # what is posted can't be touched in a locked period, nor moved into one
        first = min(day, read_date(stored.entry_date) or day) if stored.status == "POSTED" else day
        problems += locked(company, first)
    if problems:
        raise Refused(*problems)
    journal = as_journal(chart, changed, journal_id=stored.journal_id, day=day, status=status, lines=lines)
    if is_end:
        set_status(sandbox.store, stored, status, by=by, now=now)
    elif only_posts_it(stored, given) and stored.status == status:
        pass  # it stands so already
    else:
        rewrite(sandbox.store, stored, journal, by=by, now=now)
    return shown_journal(sandbox, chart, journal, lines)
