"""QuickBooks' chart of accounts and company settings, as far as a mirror needs them.

Intuit's reference pages: Account, Preferences.

The account rows hold balances, which no query can leave out. They are never looked at here.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from integrations.providers.base import Classification, RemoteAccount

_CLASSIFICATIONS = {
    "Asset": Classification.ASSET,
    "Liability": Classification.LIABILITY,
    "Equity": Classification.EQUITY,
    "Revenue": Classification.REVENUE,
    "Expense": Classification.EXPENSE,
}
_NEEDS_NAME = {"Accounts Receivable", "Accounts Payable"}
REFUSALS: Mapping[str, str] = {
    "inactive": "Inactive in QuickBooks. Make it active there, then Refresh chart.",
    "non_posting": "QuickBooks takes no postings to this account. Choose another account.",
    "needs_name": "Needs a customer or supplier on every line, which journals from here don't have."
    " Choose another account.",
    "currency": "In another currency than your ledger. Choose an account in the company's home currency.",
}
_TRUST = {"TrustAccounts", "RentsHeldInTrust", "TrustAccountsLiabilities"}


def remote_account(row: Mapping[str, Any], *, home_currency: str) -> RemoteAccount:
    """One row of the chart. Absent attributes are left out of Intuit's JSON; an account without `Active` is active."""
    currency = _text(_object(row.get("CurrencyRef")).get("value")) or home_currency
    kind, is_active = _text(row.get("AccountType")), row.get("Active", True) is True
    return RemoteAccount(
        id=_text(row.get("Id")),
        number=_text(row.get("AcctNum")),
        name=_text(row.get("FullyQualifiedName")) or _text(row.get("Name")),
        kind=kind,
        classification=_CLASSIFICATIONS.get(_text(row.get("Classification"))),
        currency=currency,
        is_active=is_active,
        is_trust=_text(row.get("AccountSubType")) in _TRUST,
        refusal=_refusal(kind, is_active=is_active, is_foreign=bool(home_currency) and currency != home_currency),
    )


def closed_through(preferences: Mapping[str, Any]) -> date | None:
    """The closing date of the books; absent while they were never closed."""
    text = _text(_object(preferences.get("AccountingInfoPrefs")).get("BookCloseDate"))
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def home_currency(preferences: Mapping[str, Any]) -> str:
    return _text(_object(_object(preferences.get("CurrencyPrefs")).get("HomeCurrency")).get("value"))


def refuses_duplicate_numbers(preferences: Mapping[str, Any]) -> bool:
    """Whether the company has "Warn if duplicate journal number is used" on; over the API the warning is a refusal."""
    pairs = _object(preferences.get("OtherPrefs")).get("NameValue")
    return any(
        _object(pair).get("Name") == "WarnDuplicateJournalNumber"
        and _text(_object(pair).get("Value")).lower() == "true"
        for pair in (pairs if isinstance(pairs, list) else [])
    )


def _refusal(kind: str, *, is_active: bool, is_foreign: bool) -> str:
    if not is_active:
        return "inactive"
    if kind == "Non-Posting":
        return "non_posting"
    if kind in _NEEDS_NAME:
        return "needs_name"
    return "currency" if is_foreign else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
