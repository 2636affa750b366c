"""Xero's chart of accounts, and which accounts a manual journal may use."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ..companies import Account, Company, accounts, add_account
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
        "Class": CLASSES[given["Type"]],
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
    return [shown_account(account) for account in accounts(store, company)]


def shown_account(account: Account) -> dict[str, Any]:
    return account.body | ({"Status": "ARCHIVED"} if account.refusal == "inactive" else {})


def create_account(store: Store, company: Company, wanted: dict[str, Any]) -> dict[str, Any]:
    """Add an account to the chart from Xero's own members. Raises AccountRefused with a sentence."""
    name, code = str(wanted.get("Name") or ""), str(wanted.get("Code") or "")
    if not name or len(name) > NAME_LIMIT:
        raise AccountRefused(f"Name must have 1 to {NAME_LIMIT} characters.")
    if wanted.get("Type") not in CLASSES:
        raise AccountRefused(f"Type must be one of {', '.join(CLASSES)}.")
    if len(code) > CODE_LIMIT or (not code and wanted["Type"] != "BANK"):
        raise AccountRefused(f"Code must have 1 to {CODE_LIMIT} characters; only a bank account may go without.")
    for other in accounts(store, company):
        if other.name.lower() == name.lower() or (code and other.number == code):
            raise AccountRefused("Please enter a unique Code and Name.")
    body = account_body(company, {member: value for member, value in wanted.items() if value not in (None, "")})
    add_account(store, company, Account(body["AccountID"], code or None, name, None, body))
    return body


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
