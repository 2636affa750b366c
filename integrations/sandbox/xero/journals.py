"""A Xero manual journal: what is refused, in Xero's words, and what a stored one looks like."""

import uuid
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from ..books import Journal, Line, enter
from ..companies import Account, Company
from ..money import is_whole_cents, read_amount
from ..state import Sandbox
from ..unverified import words
from .access import is_adviser
from .accounts import journal_refusal
from .bodies import ApiException
from .dates import long_date, read_date, shown_date, shown_moment

NO_ID = "00000000-0000-0000-0000-000000000000"
LARGEST_AMOUNT = Decimal("9999999999.99")
STATUSES = {"DRAFT", "POSTED"}
LINE_AMOUNT_TYPES = {"NoTax", "Exclusive", "Inclusive"}
MINIMUM_LINES = 2


class Refused(Exception):
    """One journal is refused; the messages are its ValidationErrors."""

    def __init__(self, *messages: str) -> None:
        super().__init__(messages[0])
        self.messages = messages


def check_readable(given: list[Any]) -> None:
    """Refuse the whole request, as Xero's parser does, when a value can't even be read. Raises ApiException 14."""
    for position, journal in enumerate(given):
        path = f"ManualJournals[{position}]"
        if not isinstance(journal, dict):
            raise unreadable(journal, "ManualJournal", path)
        for name, known, kind in (
            ("Status", STATUSES | {"DELETED", "VOIDED", "ARCHIVED"}, "ManualJournalStatus"),
            ("LineAmountTypes", LINE_AMOUNT_TYPES, "LineAmountTypes"),
        ):
            if journal.get(name) is not None and journal[name] not in known:
                raise unreadable(journal[name], kind, f"{path}.{name}")
        if journal.get("Date") is not None and read_date(journal["Date"]) is None:
            raise unreadable(journal["Date"], "System.DateTime", f"{path}.Date")
        lines = journal.get("JournalLines") or []
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise unreadable(lines, "JournalLines", f"{path}.JournalLines")


def unreadable(value: Any, kind: str, path: str) -> ApiException:
    message = words("xero_bad_value", value=value, type=kind, path=path)
    return ApiException(14, "PostDataInvalidException", message)


def create_journal(
    sandbox: Sandbox, company: Company, chart: dict[str, Account], given: dict[str, Any],
    *, dropped: Collection[int] = (),
) -> dict[str, Any]:  # fmt: skip
    """Store a journal, inside the caller's transaction, and return it as the API shows it. Raises Refused.

    `chart` is by account code. Lines at the positions `dropped` are left out, as Xero at times does with a warning.
    """
    status = given.get("Status") or "DRAFT"
    day = journal_day(sandbox, given)
    lines = list(given.get("JournalLines") or [])
    problems = [] if status in STATUSES else [words("xero_new_status")]
    problems += problems_with(chart, given, dropped=dropped)
    if status == "POSTED":  # a draft is taken in a locked period too
        problems += locked(company, day)
    if problems:
        raise Refused(*problems)
    kept = [line for position, line in enumerate(lines) if position not in dropped]
    journal = as_journal(
        chart, given | {"JournalLines": kept}, journal_id=str(uuid.uuid4()), day=day, status=status, lines=kept
    )
    enter(sandbox.store, company, journal, now=sandbox.clock.now())
    return shown_journal(sandbox, chart, journal, kept)


def journal_day(sandbox: Sandbox, given: dict[str, Any]) -> date:
    """The journal's date; today's when it has none."""
    return read_date(given.get("Date")) or sandbox.clock.moment().date()


def as_journal(
    chart: dict[str, Account], given: dict[str, Any], *, journal_id: str, day: date, status: str,
    lines: list[dict[str, Any]],
) -> Journal:  # fmt: skip
    return Journal(
        journal_id=journal_id, reference=given["Narration"], memo=given["Narration"], entry_date=day.isoformat(),
        status=status, received=given, lines=[booked_line(chart, line) for line in lines],
    )  # fmt: skip


def shown_journal(
    sandbox: Sandbox, chart: dict[str, Account], journal: Journal, lines: list[dict[str, Any]]
) -> dict[str, Any]:
    given = journal.received
    return {
        "ManualJournalID": journal.journal_id,
        "Narration": given["Narration"],
        "Date": shown_date(date.fromisoformat(journal.entry_date)),
        "Status": journal.status,
        "LineAmountTypes": given.get("LineAmountTypes") or "NoTax",
        "UpdatedDateUTC": shown_moment(sandbox.clock.now()),
        "ShowOnCashBasisReports": bool(given.get("ShowOnCashBasisReports", True)),
        "HasAttachments": False,
        **({"Url": given["Url"]} if given.get("Url") else {}),
        "JournalLines": [shown_line(chart, line) for line in lines],
    }


def problems_with(chart: dict[str, Account], given: dict[str, Any], *, dropped: Collection[int] = ()) -> list[str]:
    """What is wrong with narration, lines, accounts and balance, whatever the status and date."""
    problems, lines = [], list(given.get("JournalLines") or [])
    if not given.get("Narration"):
        problems.append(words("xero_narration"))
    if len(lines) < MINIMUM_LINES:
        problems.append(words("xero_two_lines"))
    for position, line in enumerate(lines):
        problem = None if position in dropped else line_problem(chart, line)
        if problem and problem not in problems:
            problems.append(problem)
    if not problems:
        problems += unbalanced(lines)
    return problems


def line_problem(chart: dict[str, Account], line: dict[str, Any]) -> str | None:
    amount = read_amount(line.get("LineAmount"))
    if amount is None or abs(amount) > LARGEST_AMOUNT:
        return words("xero_line_amount")
    if not is_whole_cents(amount):
        return words("xero_three_decimals", value=line["LineAmount"])
    code = str(line.get("AccountCode") or "")
    if not code:
        return words("xero_account_code")
    return journal_refusal(chart.get(code), code)


def unbalanced(lines: list[dict[str, Any]]) -> list[str]:
    """Debits are positive and credits negative, on the wire and in the message."""
    amounts = [Decimal(line["LineAmount"]) for line in lines]
    debits = sum((amount for amount in amounts if amount > 0), Decimal(0))
    credits_ = sum((amount for amount in amounts if amount < 0), Decimal(0))
    if debits + credits_ == 0:
        return []
    return [f"The total debits ({debits:.2f}) must equal total credits ({credits_:.2f})"]


def locked(company: Company, day: date) -> list[str]:
    """Both lock dates can refuse at once. The period lock spares advisers; the end of year lock spares nobody."""
    told = []
    period, year = company.profile.get("period_lock_date"), company.profile.get("end_of_year_lock_date")
    if period and day <= date.fromisoformat(period) and not is_adviser(company):
        told.append(("period lock date", date.fromisoformat(period)))
    if year and day <= date.fromisoformat(year):
        told.append(("end of year lock date", date.fromisoformat(year)))
    return [f"The document date cannot be before the {name}, currently set at {long_date(lock)}" for name, lock in told]


def booked_line(chart: dict[str, Account], line: dict[str, Any]) -> Line:
    amount = Decimal(line["LineAmount"])
    return Line(
        chart[str(line["AccountCode"])].account_id, debit=max(amount, Decimal(0)), credit=max(-amount, Decimal(0)),
        description=line.get("Description") or "",
    )  # fmt: skip


def shown_line(chart: dict[str, Account], line: dict[str, Any]) -> dict[str, Any]:
    account = chart[str(line["AccountCode"])]
    return {
        "LineAmount": float(Decimal(line["LineAmount"])),
        "AccountCode": account.number,
        "AccountID": account.account_id,
        **({"Description": line["Description"]} if line.get("Description") else {}),
        "TaxType": line.get("TaxType") or "NONE",
        "TaxAmount": 0.0,
        "Tracking": [],
        "IsBlank": False,
    }


def refused_journal(given: dict[str, Any], refusal: Refused) -> dict[str, Any]:
    """A refused journal as the answer shows it: never with an id that could be mistaken for one."""
    day = read_date(given.get("Date"))
    return {
        "ManualJournalID": NO_ID,
        "Narration": given.get("Narration"),
        **({"Date": shown_date(day)} if day else {}),
        "Status": given.get("Status") or "DRAFT",
        "JournalLines": [],
        "ValidationErrors": [{"Message": message} for message in refusal.messages],
    }
