"""Xero's chart of accounts and organisation settings, as far as a mirror needs them.

Xero's reference pages: Accounts, Organisation.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from integrations.providers.base import Classification, ClearingGuide, RemoteAccount
from integrations.providers.texts import plain

_ASSET, _LIABILITY = Classification.ASSET, Classification.LIABILITY
_EQUITY, _REVENUE, _EXPENSE = Classification.EQUITY, Classification.REVENUE, Classification.EXPENSE

_TYPES: dict[str, tuple[str, Classification]] = {
    # as Xero's chart of accounts page words it, and the class it belongs to
    "BANK": ("Bank", _ASSET),
    "CURRENT": ("Current Asset", _ASSET),
    "FIXED": ("Fixed Asset", _ASSET),
    "INVENTORY": ("Inventory", _ASSET),
    "NONCURRENT": ("Non-current Asset", _ASSET),
    "PREPAYMENT": ("Prepayment", _ASSET),
    "CURRLIAB": ("Current Liability", _LIABILITY),
    "LIABILITY": ("Liability", _LIABILITY),
    "TERMLIAB": ("Non-current Liability", _LIABILITY),
    "PAYGLIABILITY": ("PAYG Liability", _LIABILITY),
    "SUPERANNUATIONLIABILITY": ("Superannuation Liability", _LIABILITY),
    "WAGESPAYABLELIABILITY": ("Wages Payable", _LIABILITY),
    "EQUITY": ("Equity", _EQUITY),
    "REVENUE": ("Revenue", _REVENUE),
    "SALES": ("Sales", _REVENUE),
    "OTHERINCOME": ("Other Income", _REVENUE),
    "DEPRECIATN": ("Depreciation", _EXPENSE),
    "DIRECTCOSTS": ("Direct Costs", _EXPENSE),
    "EXPENSE": ("Expense", _EXPENSE),
    "OVERHEADS": ("Overhead", _EXPENSE),
    "SUPERANNUATIONEXPENSE": ("Superannuation", _EXPENSE),
    "WAGESEXPENSE": ("Wages Expense", _EXPENSE),
}
# System accounts that Xero's help lists as open to journals. Every other, also one unheard of, is taken to be shut.
_OPEN_SYSTEM_ACCOUNTS = {"HISTORICAL", "REALISEDCURRENCYGAIN"}
REFUSALS: Mapping[str, str] = {
    "inactive": "Archived in Xero. Restore it there, then Refresh chart.",
    "bank": "Xero does not accept journals to bank accounts. Choose a clearing account, for example Trust clearing.",
    "system": "Xero keeps this account for its own postings. Choose another account.",
    "inventory": "Xero keeps tracked inventory to itself. Choose another account.",
    "currency": "In another currency than your ledger. Choose an account in the organisation's base currency.",
    "no_code": "Has no code in Xero, which journals need. Give it one there, then Refresh chart.",
}
CLEARING = ClearingGuide(
    refusals=frozenset({"bank", "system", "inventory"}),
    kinds={
        _ASSET: "Current Asset",
        _LIABILITY: "Current Liability",
        _EQUITY: "Equity",
        _REVENUE: "Revenue",
        _EXPENSE: "Expense",
    },
    steps=(
        "In Xero open Accounting, then Chart of accounts, then Add account.",
        "Give it the type, code and name below, with the tax rate Tax Exempt, and save.",
        "Come back here and press Refresh chart; then choose it for the account it is meant for.",
        "When you reconcile in Xero, match the bank feed's lines to the clearing account: it comes back to zero.",
    ),
    longest_number=10,
)
_DOTNET_DATE = re.compile(r"/Date\((-?\d{1,14})(?:[+-]\d{4})?\)/")


def remote_account(row: Mapping[str, Any], *, home_currency: str) -> RemoteAccount:
    """One row of the chart. Absent, null and empty all mean "none" in Xero's answers."""
    account_type, status = plain(row.get("Type"), 60), plain(row.get("Status"), 20)
    kind, usual_class = _TYPES.get(account_type, (account_type, None))
    currency = plain(row.get("CurrencyCode"), 3) or home_currency
    return RemoteAccount(
        id=plain(row.get("AccountID"), 64),
        number=plain(row.get("Code"), 40),
        name=plain(row.get("Name"), 600),
        kind=kind,
        classification=_classification(row.get("Class")) or usual_class,
        currency=currency,
        is_active=status == "ACTIVE",
        is_trust=False,  # Xero has no such mark
        refusal=_refusal(row, is_foreign=bool(home_currency) and currency != home_currency),
    )


def locked_through(organisation: Mapping[str, Any]) -> date | None:
    """The later of the two lock dates. An Adviser may still post before the period lock; we don't count on it."""
    locks = (_date(organisation.get(name)) for name in ("PeriodLockDate", "EndOfYearLockDate"))
    return max((lock for lock in locks if lock), default=None)


def _refusal(row: Mapping[str, Any], *, is_foreign: bool) -> str:
    """Why Xero's manual journals refuse the account, the most telling reason first; empty when they take it."""
    system = plain(row.get("SystemAccount"), 60)
    reasons = {
        "inactive": plain(row.get("Status"), 20) != "ACTIVE",
        "bank": plain(row.get("Type"), 60) == "BANK",
        "system": bool(system) and system not in _OPEN_SYSTEM_ACCOUNTS,
        "inventory": plain(row.get("Type"), 60) == "INVENTORY",
        "currency": is_foreign,
        "no_code": not plain(row.get("Code"), 40),
    }
    return next((code for code, holds in reasons.items() if holds), "")


def _classification(value: object) -> Classification | None:
    try:
        return Classification(plain(value, 20).lower())
    except ValueError:
        return None


def _date(value: object) -> date | None:
    """A date in Xero's .NET form, whose milliseconds are UTC midnight whatever offset follows, or in ISO form."""
    text = plain(value, 40)
    dotnet = _DOTNET_DATE.fullmatch(text)
    try:
        if dotnet:
            return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(dotnet[1]))).date()
        return date.fromisoformat(text[:10])
    except (ValueError, OverflowError):
        return None
