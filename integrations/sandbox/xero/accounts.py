"""Xero's chart of accounts, and which accounts a manual journal may use."""

from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from ..companies import Account, Company, accounts, add_account, change_account, find_account
from ..store import Store
from ..unverified import words

# Account types and their classes. Source: Xero's Accounts reference.
CLASSES = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET", "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET", "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY", "TERMLIAB": "LIABILITY",
    "PAYGLIABILITY": "LIABILITY", "SUPERANNUATIONLIABILITY": "LIABILITY", "EQUITY": "EQUITY",
    "DEPRECIATN": "EXPENSE", "DIRECTCOSTS": "EXPENSE", "EXPENSE": "EXPENSE", "OVERHEADS": "EXPENSE",
    "WAGESEXPENSE": "EXPENSE", "SUPERANNUATIONEXPENSE": "EXPENSE", "OTHERINCOME": "REVENUE", "REVENUE": "REVENUE",
    "SALES": "REVENUE",
}  # fmt: skip
CODE_LIMIT, NAME_LIMIT = 10, 150
# System accounts that take manual journals all the same. Source: Xero's help page on locked and system accounts.
OPEN_SYSTEM_ACCOUNTS = {"HISTORICAL", "REALISEDCURRENCYGAIN"}
UPDATED = "/Date(1704700800000+0000)/"


class AccountRefused(ValueError):
    """The account can't be added to the chart."""


def account_id_for(company: Company, code_or_name: str) -> str:
    """The same id at every start, so that a mapping outlives the sandbox's store."""
    return str(uuid5(NAMESPACE_URL, f"{company.tenant_id}/{code_or_name}"))


def account_body(company: Company, given: dict[str, Any]) -> dict[str, Any]:
    """An Account as the API shows it, completed with what the type implies."""
    body = {
        "AccountID": account_id_for(company, given.get("Code") or given["Name"]),
        "Status": "ACTIVE",
        "TaxType": "NONE",
        "Class": CLASSES.get(given["Type"], "ASSET"),
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "HasAttachments": False,
        "UpdatedDateUTC": UPDATED,
        "AddToWatchlist": False,
    } | given
    if body["Type"] == "BANK":
        body = {"BankAccountNumber": "0000000", "BankAccountType": "BANK", "CurrencyCode": company.currency} | body
    return body


def shown_accounts(store: Store, company: Company) -> list[dict[str, Any]]:
    """The whole chart, archived accounts included and deleted ones not."""
    found = [shown_account(account) for account in accounts(store, company)]
    return [account for account in found if account["Status"] != "DELETED"]


def shown_account(account: Account) -> dict[str, Any]:
    return account.body | ({"Status": "ARCHIVED"} if account.refusal == "inactive" else {})


def create_account(store: Store, company: Company, wanted: dict[str, Any]) -> dict[str, Any]:
    """Add an account to the chart from Xero's own members. Raises AccountRefused with a sentence."""
    check_account(store, company, wanted)
    given = {member: value for member, value in wanted.items() if value not in (None, "")}
    body = account_body(company, given)
    if find_account(store, company, body["AccountID"]) is not None:  # the code was another account's before
        body["AccountID"] = str(uuid4())
    add_account(store, company, Account(body["AccountID"], body.get("Code"), body["Name"], None, body))
    return body


def edit_account(store: Store, company: Company, account: Account, wanted: dict[str, Any]) -> dict[str, Any]:
    """Rename, renumber, retype, archive or restore an account, as people do in Xero. Raises AccountRefused.

    `wanted` holds Name, Code, Type or Status (ACTIVE or ARCHIVED).
    """
    body = account.body | {name: value for name, value in wanted.items() if value is not None}
    if body["Status"] not in ("ACTIVE", "ARCHIVED"):
        raise AccountRefused("Status must be ACTIVE or ARCHIVED.")
    check_account(store, company, body, except_for=account.account_id)
    body["Class"] = CLASSES[body["Type"]]
    change_account(store, company, Account(account.account_id, body.get("Code") or None, body["Name"], None, body))
    return body


def delete_account(store: Store, company: Company, account: Account) -> dict[str, Any]:
    """Delete an account that nothing was ever posted to. Raises AccountRefused: used and system accounts stay."""
    if account.body.get("SystemAccount"):
        raise AccountRefused("A system account can't be deleted.")
    if store.row(
        "SELECT 1 FROM lines JOIN journals ON journals.seq = journal_seq WHERE tenant_id = ? AND account_id = ?",
        company.tenant_id, account.account_id,
    ):  # fmt: skip
        raise AccountRefused("The account has been used: it can only be archived.")
    body = account.body | {"Status": "DELETED", "Code": ""}
    change_account(store, company, Account(account.account_id, None, f"{account.name} (deleted)", None, body))
    return body


def check_account(store: Store, company: Company, wanted: dict[str, Any], *, except_for: str | None = None) -> None:
    name, code = str(wanted.get("Name") or ""), str(wanted.get("Code") or "")
    if not name or len(name) > NAME_LIMIT:
        raise AccountRefused(f"Name must have 1 to {NAME_LIMIT} characters.")
    if wanted.get("Type") not in CLASSES:
        raise AccountRefused(f"Type must be one of {', '.join(CLASSES)}.")
    if len(code) > CODE_LIMIT or (not code and wanted["Type"] != "BANK"):
        raise AccountRefused(f"Code must have 1 to {CODE_LIMIT} characters; only a bank account may go without.")
    for other in accounts(store, company):
        is_same = other.name.lower() == name.lower() or (code and other.number == code)
        if is_same and other.account_id != except_for:
            raise AccountRefused("Please enter a unique Code and Name.")


# Accounts that a careless integration trips over.
ODD: tuple[dict[str, Any], ...] = (
    {"Name": "Savings without a code", "Type": "BANK"},
    {"Name": "Savings with a null code", "Type": "BANK", "Code": None},
    {"Name": "Savings with an empty code", "Type": "BANK", "Code": ""},
    {"Name": "Euro Bank", "Type": "BANK", "Code": "090-EUR", "CurrencyCode": "EUR"},
    {"Name": "Payment service", "Type": "BANK", "BankAccountType": "PAYPAL"},
    {"Name": "Plain, SystemAccount absent", "Type": "CURRENT", "Code": "1981"},
    {"Name": "Plain, SystemAccount null", "Type": "CURRENT", "Code": "1982", "SystemAccount": None},
    {"Name": "Plain, SystemAccount empty", "Type": "CURRENT", "Code": "1983", "SystemAccount": ""},
    {"Name": "System account nobody knows", "Type": "CURRLIAB", "Code": "1984", "SystemAccount": "QUANTUMLEDGER"},
    {"Name": "Type nobody knows", "Type": "DIGITALASSET", "Code": "1985"},
    {"Name": "Archived clearing", "Type": "CURRENT", "Code": "1986", "Status": "ARCHIVED"},
)


def add_odd_accounts(store: Store, company: Company) -> list[dict[str, Any]]:
    """Codeless, foreign, archived and unknown ones, and SystemAccount in all its forms. Raises AccountRefused."""
    taken = {account.name for account in accounts(store, company)}
    if any(odd["Name"] in taken for odd in ODD):
        raise AccountRefused("Please enter a unique Code and Name.")
    bodies = [account_body(company, odd) for odd in ODD]
    for body in bodies:
        add_account(store, company, Account(body["AccountID"], body.get("Code") or None, body["Name"], None, body))
    return bodies


def journal_refusal(account: Account | None, code: str) -> str | None:
    """Why a manual journal may not use this account code, in Xero's words; None when it may.

    An unknown code, a bank account and a system account all get the same text: only the chart tells them apart.
    """
    not_valid = f"Account code '{code}' is not a valid code for this document."
    if account is None:
        return not_valid
    if account.refusal or account.body["Status"] != "ACTIVE":
        return words("xero_archived", code=code)
    system = account.body.get("SystemAccount") or ""
    if account.body["Type"] in ("BANK", "INVENTORY") or (system and system not in OPEN_SYSTEM_ACCOUNTS):
        return not_valid
    return None
