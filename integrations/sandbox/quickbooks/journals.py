"""A QuickBooks journal entry: what is refused, in Intuit's codes and words, and what a created one looks like."""

from datetime import date
from decimal import Decimal
from typing import Any

from ..books import Journal, Line, enter, journal_with_reference
from ..companies import Account, Company, accounts
from ..money import is_whole_cents, read_amount
from ..state import Sandbox
from ..unverified import words
from .accounts import CURRENCY_NAMES
from .bodies import PACIFIC, Fault, error

FIRST_ID = 228
DOC_NUMBER_LIMIT, TEXT_LIMIT, AMOUNT_DIGITS = 21, 4000, 15
BUSINESS_RULE = "A business validation error has occurred while processing your request"
# Names from Intuit's schema (Finance.xsd); anything else is an unknown property, 2010.
ENTRY_MEMBERS = {
    "Id", "SyncToken", "domain", "sparse", "status", "MetaData", "CustomField", "AttachableRef", "NameAndId",
    "DocNumber", "TxnDate", "DepartmentRef", "CurrencyRef", "ExchangeRate", "PrivateNote", "TxnStatus", "LinkedTxn",
    "Line", "TxnTaxDetail", "TxnSource", "TaxFormType", "TaxFormNum", "TransactionLocationType", "Tag",
    "TxnApprovalInfo", "RecurDataRef", "Adjustment", "HomeCurrencyAdjustment", "EnteredInHomeCurrency",
    "GlobalTaxCalculation", "TotalAmt", "HomeTotalAmt", "JournalEntryEx",
}  # fmt: skip
LINE_MEMBERS = {
    "Id", "LineNum", "Description", "Amount", "Received", "LinkedTxn", "DetailType", "JournalEntryLineDetail",
    "DescriptionLineDetail", "DescriptionOnly", "CustomField", "LineEx", "ProjectRef", "CostAmount", "HomeCostAmount",
}  # fmt: skip
DETAIL_MEMBERS = {
    "PostingType", "Entity", "AccountRef", "ClassRef", "DepartmentRef", "ProjectRef", "TaxCodeRef", "TaxRateRef",
    "TaxApplicableOn", "TaxAmount", "TaxInclusiveAmt", "BillableStatus", "JournalCodeRef", "JournalEntryLineDetailEx",
}  # fmt: skip
# Which of a company's names an account of this type wants on the line.
ENTITY_WANTED = {"Accounts Receivable": "Customer", "Accounts Payable": "Vendor"}


def create_entry(sandbox: Sandbox, company: Company, entry: dict[str, Any], *, include: str = "") -> dict[str, Any]:
    """Enter a journal entry, inside the caller's transaction. Returns it as the API shows it. Raises Fault."""
    chart = {account.account_id: account for account in accounts(sandbox.store, company)}
    lines = checked_lines(company, chart, entry)
    entry_date = read_date(sandbox, entry)
    check_open(company, entry_date)
    check_number(sandbox, company, entry, include)
    journal_id = str(sandbox.store.next_number(f"quickbooks journal {company.tenant_id}", first=FIRST_ID))
    enter(
        sandbox.store, company, as_journal(entry, journal_id=journal_id, entry_date=entry_date, lines=lines),
        now=sandbox.clock.now(),
    )  # fmt: skip
    return shown_entry(sandbox, company, entry, chart, journal_id=journal_id, entry_date=entry_date)


def as_journal(entry: dict[str, Any], *, journal_id: str, entry_date: str, lines: list[Line]) -> Journal:
    return Journal(
        journal_id=journal_id, reference=entry.get("DocNumber") or None, memo=entry.get("PrivateNote") or "",
        entry_date=entry_date, status="POSTED", lines=lines, received=entry,
    )  # fmt: skip


def checked_lines(company: Company, chart: dict[str, Account], entry: dict[str, Any]) -> list[Line]:
    """The entry's detail lines, when members, header, lines and balance all hold. Raises Fault."""
    check_members(entry, ENTRY_MEMBERS, "JournalEntry")
    check_header(company, entry)
    lines, problems = [], []
    for line in entry_lines(entry):
        try:
            read = read_line(company, chart, line)
            lines += [read] if read is not None else []
        except Fault as fault:  # one error per bad line
            problems += fault.errors
    if problems:
        raise Fault(*problems)
    check_balance(lines)
    return lines


def check_members(given: dict[str, Any], known: set[str], name: str) -> None:
    if unknown := set(given) - known:
        raise Fault(
            error(
                "2010", "Request has invalid or unsupported property",
                f'Property Name:Unrecognized field "{min(unknown)}" (class com.intuit.schema.finance.v3.{name}), not'
                " marked as ignorable specified is unsupported or invalid",
            )
        )  # fmt: skip


def check_header(company: Company, entry: dict[str, Any]) -> None:
    for name, limit in (("DocNumber", DOC_NUMBER_LIMIT), ("PrivateNote", TEXT_LIMIT)):
        check_length(entry.get(name), limit, name)
    currency = entry.get("CurrencyRef")
    if isinstance(currency, dict) and currency.get("value") not in (None, "", company.currency):
        raise Fault(
            error("2220", "Invalid Currency", words("qbo_bad_currency", value=currency["value"]), "CurrencyRef")
        )


def check_length(text: Any, limit: int, name: str) -> None:
    if isinstance(text, str) and len(text) > limit:
        detail = words("qbo_too_long", limit=limit, length=len(text))
        raise Fault(error("2050", "Invalid String Length", detail, name))


def entry_lines(entry: dict[str, Any]) -> list[dict[str, Any]]:
    lines = entry.get("Line")
    if not isinstance(lines, list) or not lines:
        raise Fault(error("2250", words("qbo_no_lines"), words("qbo_no_lines"), "Line"))
    return [line if isinstance(line, dict) else {} for line in lines]


def read_line(company: Company, chart: dict[str, Account], line: dict[str, Any]) -> Line | None:
    """One line, or None for a line of text only. Raises Fault."""
    check_members(line, LINE_MEMBERS, "Line")
    check_length(line.get("Description"), TEXT_LIMIT, "Description")
    if line.get("DetailType") == "DescriptionOnly":
        return None
    detail = line.get("JournalEntryLineDetail")
    if line.get("DetailType") != "JournalEntryLineDetail" or not isinstance(detail, dict):
        raise missing("DetailType")
    check_members(detail, DETAIL_MEMBERS, "JournalEntryLineDetail")
    amount = line_amount(line.get("Amount"))
    if detail.get("PostingType") not in ("Debit", "Credit"):
        raise Fault(error("2260", words("qbo_posting_type"), words("qbo_posting_type"), "PostingType"))
    account_id = usable_account(company, chart, detail)
    is_debit = detail["PostingType"] == "Debit"
    return Line(
        account_id, debit=amount if is_debit else Decimal(0), credit=Decimal(0) if is_debit else amount,
        description=line.get("Description") or "",
    )  # fmt: skip


def line_amount(given: Any) -> Decimal:
    if given is None or given == "":
        raise missing("Amount")
    amount = read_amount(given)
    if amount is None or amount.adjusted() >= AMOUNT_DIGITS:
        raise Fault(error("2140", "Invalid Number", words("qbo_bad_amount", value=given), "Amount"))
    if amount < 0:
        raise Fault(error("2290", words("qbo_negative", value=given), words("qbo_negative", value=given), "Amount"))
    if not is_whole_cents(amount):
        raise Fault(error("2140", "Invalid Number", words("qbo_three_decimals", value=given), "Amount"))
    return amount


def usable_account(company: Company, chart: dict[str, Account], detail: dict[str, Any]) -> str:
    """The id of the line's account, when a journal entry may use it. Raises Fault."""
    reference = detail.get("AccountRef")
    account_id = reference.get("value") if isinstance(reference, dict) else None
    if not account_id:
        raise missing("AccountRef")
    account = chart.get(str(account_id))
    if account is None:
        raise unknown_reference("Accounts", account_id)
    if account.refusal or not account.body.get("Active", True):
        raise made_inactive()
    account_type = account.body["AccountType"]
    if account_type == "Non-Posting":
        text = words("qbo_non_posting", value=account.name)
        raise Fault(error("6430", text, text, "AccountRef"))
    if account.body["CurrencyRef"]["value"] != company.currency:
        raise Fault(error("6000", BUSINESS_RULE, words("qbo_foreign_account")))
    if account_type in ENTITY_WANTED:
        check_entity(company, ENTITY_WANTED[account_type], detail.get("Entity"))
    return account.account_id


def check_entity(company: Company, wanted: str, entity: Any) -> None:
    """A receivable line names a customer and a payable line a vendor, whom the company must know."""
    given = entity if isinstance(entity, dict) else {}
    reference = given.get("EntityRef")
    entity_id = reference.get("value") if isinstance(reference, dict) else None
    if given.get("Type") != wanted or not entity_id:
        detail = (
            "Business Validation Error: When you use Accounts Receivable, you must choose a customer in the Name field."
            if wanted == "Customer"
            else words("qbo_payable_vendor")
        )
        raise Fault(error("6000", BUSINESS_RULE, detail))
    if str(entity_id) not in company.profile["names"][wanted]:
        raise unknown_reference("Names", entity_id)


def check_balance(lines: list[Line]) -> None:
    if len(lines) < 2:
        detail = "Business Validation Error: Fill out at least two detail lines to continue."
        raise Fault(error("6000", BUSINESS_RULE, detail))
    if sum(line.debit for line in lines) != sum(line.credit for line in lines):
        raise Fault(error("2300", "Amount on debits not equal to credits", "Amount on debits not equal to credits"))


def read_date(sandbox: Sandbox, entry: dict[str, Any]) -> str:
    """The entry's date as YYYY-MM-DD; the server's own when it has none. Raises Fault."""
    given = entry.get("TxnDate") or sandbox.clock.moment().astimezone(PACIFIC).date().isoformat()
    try:
        return date.fromisoformat(str(given)[:10]).isoformat()
    except ValueError:
        raise Fault(error("2060", "Invalid Date", words("qbo_bad_date", value=given), "TxnDate")) from None


def check_open(company: Company, entry_date: str) -> None:
    """The books are closed up to and including the closing date. Raises Fault."""
    closed_until = company.profile.get("book_close_date")
    if closed_until and entry_date <= closed_until:
        raise closed_period()


def check_number(sandbox: Sandbox, company: Company, entry: dict[str, Any], include: str) -> None:
    """With the company's duplicate-number warning on, a second entry under one DocNumber is refused."""
    number = entry.get("DocNumber")
    if not number or not company.profile["warn_duplicate_journal_number"] or "allowduplicatedocnum" in include.lower():
        return
    existing = journal_with_reference(sandbox.store, company, number)
    if existing:
        detail = words("qbo_duplicate_number", number=number, journal_id=existing)
        raise Fault(error("6140", "Duplicate Document Number Error", detail))


def shown_entry(
    sandbox: Sandbox, company: Company, entry: dict[str, Any], chart: dict[str, Account], *, journal_id: str,
    entry_date: str, sync_token: int = 0,
) -> dict[str, Any]:  # fmt: skip
    stamp = sandbox.clock.moment().astimezone(PACIFIC).isoformat(timespec="seconds")
    return {
        "Adjustment": bool(entry.get("Adjustment", False)),
        "domain": "QBO",
        "sparse": False,
        "Id": journal_id,
        "SyncToken": str(sync_token),
        "MetaData": {"CreateTime": stamp, "LastUpdatedTime": stamp},
        **({"DocNumber": entry["DocNumber"]} if entry.get("DocNumber") else {}),
        "TxnDate": entry_date,
        "CurrencyRef": {"value": company.currency, "name": CURRENCY_NAMES[company.currency]},
        **({"PrivateNote": entry["PrivateNote"]} if entry.get("PrivateNote") else {}),
        "Line": [shown_line(chart, position, line) for position, line in enumerate(entry["Line"])],
        "TxnTaxDetail": {},
    }


def shown_line(chart: dict[str, Account], position: int, line: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"Id": str(position)}
    if line.get("Description"):
        shown["Description"] = line["Description"]
    if line["DetailType"] == "DescriptionOnly":
        return shown | {"DetailType": "DescriptionOnly"}
    detail = line["JournalEntryLineDetail"]
    account = chart[str(detail["AccountRef"]["value"])]
    kept = {name: detail[name] for name in ("Entity", "ClassRef", "DepartmentRef") if detail.get(name)}
    return shown | {
        "Amount": float(Decimal(line["Amount"])),
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": {
            "PostingType": detail["PostingType"],
            **kept,
            "AccountRef": {"value": account.account_id, "name": account.body["FullyQualifiedName"]},
        },
    }


def missing(name: str) -> Fault:
    return Fault(error("2020", words("qbo_required"), f"Required parameter {name} is missing in the request", name))


def unknown_reference(names: str, value: Any) -> Fault:
    return Fault(error("2500", "Invalid Reference Id", f"Invalid Reference Id : {names} element id {value} not found"))


def closed_period() -> Fault:
    message = "Account Period Closed, Cannot Update Through Services API"
    return Fault(error("6210", message, words("qbo_period_closed")))


def made_inactive() -> Fault:
    """The words of a recorded answer."""
    return Fault(
        error(
            "610", "Object Not Found",
            "Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts,"
            " customers, items, vendors or employees.",
        )
    )  # fmt: skip
