"""QuickBooks' chart of accounts and company settings, as far as a mirror needs them.

Intuit's reference pages: Account, Preferences.

The account rows hold balances, which no query can leave out. They are never looked at here.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from integrations.providers.base import Classification, Party, RemoteAccount
from integrations.providers.texts import plain

_CLASSIFICATIONS = {
    "Asset": Classification.ASSET,
    "Liability": Classification.LIABILITY,
    "Equity": Classification.EQUITY,
    "Revenue": Classification.REVENUE,
    "Expense": Classification.EXPENSE,
}
_PARTIES = {"Accounts Receivable": Party.CUSTOMER, "Accounts Payable": Party.SUPPLIER}
REFUSALS: Mapping[str, str] = {
    "inactive": "Inactive in QuickBooks. Make it active there, then Refresh chart.",
    "non_posting": "QuickBooks takes no postings to this account. Choose another account.",
    "needs_name": "Needs a customer or supplier on every line. Have one created for the mirror, or choose another"
    " account.",
    "currency": "In another currency than your ledger. Choose an account in the company's home currency.",
}
_TRUST = {"TrustAccounts", "RentsHeldInTrust", "TrustAccountsLiabilities"}


def remote_account(row: Mapping[str, Any], *, home_currency: str) -> RemoteAccount:
    """One row of the chart. Absent attributes are left out of Intuit's JSON; an account without `Active` is active."""
    currency = plain(_object(row.get("CurrencyRef")).get("value"), 3) or home_currency
    kind, is_active = plain(row.get("AccountType"), 60), row.get("Active", True) is True
    return RemoteAccount(
        id=plain(row.get("Id"), 64),
        number=plain(row.get("AcctNum"), 40),
        name=plain(row.get("FullyQualifiedName"), 600) or plain(row.get("Name"), 600),
        kind=kind,
        classification=_CLASSIFICATIONS.get(plain(row.get("Classification"), 20)),
        currency=currency,
        is_active=is_active,
        is_trust=plain(row.get("AccountSubType"), 60) in _TRUST,
        refusal=_refusal(kind, is_active=is_active, is_foreign=bool(home_currency) and currency != home_currency),
        party=_PARTIES.get(kind),
    )


def closed_through(preferences: Mapping[str, Any]) -> date | None:
    """The closing date of the books; absent while they were never closed."""
    text = plain(_object(preferences.get("AccountingInfoPrefs")).get("BookCloseDate"), 10)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def home_currency(preferences: Mapping[str, Any]) -> str:
    return plain(_object(_object(preferences.get("CurrencyPrefs")).get("HomeCurrency")).get("value"), 3)


def refuses_duplicate_numbers(preferences: Mapping[str, Any]) -> bool:
    """Whether the company has "Warn if duplicate journal number is used" on; over the API the warning is a refusal."""
    pairs = _object(preferences.get("OtherPrefs")).get("NameValue")
    return any(
        _object(pair).get("Name") == "WarnDuplicateJournalNumber"
        and plain(_object(pair).get("Value"), 10).lower() == "true"
        for pair in (pairs if isinstance(pairs, list) else [])
    )


def _refusal(kind: str, *, is_active: bool, is_foreign: bool) -> str:
    if not is_active:
        return "inactive"
    if kind == "Non-Posting":
        return "non_posting"
    if is_foreign:
        return "currency"
    return "needs_name" if kind in _PARTIES else ""


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
