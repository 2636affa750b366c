"""QuickBooks Online's chart of accounts: the account object, and adding to the chart."""

from typing import Any

from ..books import net_cents
from ..companies import Account, Company, accounts, add_account, change_account
from ..money import from_cents
from ..store import Store
from ..unverified import words
from .bodies import Fault, error

# AccountType -> (Classification, a sub-type it may have). From Intuit's schema (Finance.xsd) and Account reference.
TYPES: dict[str, tuple[str | None, str]] = {
    "Bank": ("Asset", "Checking"),
    "Accounts Receivable": ("Asset", "AccountsReceivable"),
    "Other Current Asset": ("Asset", "OtherCurrentAssets"),
    "Fixed Asset": ("Asset", "OtherFixedAssets"),
    "Other Asset": ("Asset", "OtherLongTermAssets"),
    "Accounts Payable": ("Liability", "AccountsPayable"),
    "Credit Card": ("Liability", "CreditCard"),
    "Other Current Liability": ("Liability", "OtherCurrentLiabilities"),
    "Long Term Liability": ("Liability", "OtherLongTermLiabilities"),
    "Equity": ("Equity", "OwnersEquity"),
    "Income": ("Revenue", "ServiceFeeIncome"),
    "Cost of Goods Sold": ("Expense", "OtherCostsOfServiceCos"),
    "Expense": ("Expense", "OtherMiscellaneousServiceCost"),
    "Other Income": ("Revenue", "OtherMiscellaneousIncome"),
    "Other Expense": ("Expense", "OtherMiscellaneousExpense"),
    "Non-Posting": (None, "ServiceFeeIncome"),
}
CURRENCY_NAMES = {
    "USD": "United States Dollar", "GBP": "British Pound Sterling", "EUR": "Euro", "NZD": "New Zealand Dollar",
    "AUD": "Australian Dollar", "CAD": "Canadian Dollar",
}  # fmt: skip
NAME_LIMIT = 100
NUMBER_LIMITS = {"US": 7, "GB": 7, "IN": 7}  # Intuit: 7 in the US, UK and India, 20 in Australia and Canada
NUMBER_LIMIT_ELSEWHERE = 20
FIRST_ADDED_ID = 1001  # above every id of the charts the sandbox starts with


def account_body(
    company: Company, *, account_id: str, name: str, account_type: str, sub_type: str | None, number: str | None,
    balance: float = 0, active: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """An Account as the API shows it. Members without a value are left out, as Intuit does."""
    classification, usual_sub_type = TYPES[account_type]
    stamp = "2024-01-08T09:00:00-08:00"
    return {
        "Name": name,
        "SubAccount": False,
        "FullyQualifiedName": name,
        "Active": active,
        **({"Classification": classification} if classification else {}),
        "AccountType": account_type,
        "AccountSubType": sub_type or usual_sub_type,
        **({"AcctNum": number} if number else {}),
        "CurrentBalance": balance,
        "CurrentBalanceWithSubAccounts": balance,
        "CurrencyRef": {"value": company.currency, "name": CURRENCY_NAMES[company.currency]},
        "domain": "QBO",
        "sparse": False,
        "Id": account_id,
        "SyncToken": "0",
        "MetaData": {"CreateTime": stamp, "LastUpdatedTime": stamp},
    }


def shown_accounts(store: Store, company: Company) -> list[dict[str, Any]]:
    """The chart with balances as the books stand: what a mirror gets whether it wants it or not."""
    net = net_cents(store, company)
    return [shown_account(account, net.get(account.account_id, 0)) for account in accounts(store, company)]


def shown_account(account: Account, net_cents: int = 0) -> dict[str, Any]:
    body = dict(account.body)
    sign = 1 if body.get("Classification") in ("Asset", "Expense") else -1
    for name in ("CurrentBalance", "CurrentBalanceWithSubAccounts"):
        body[name] = float(round(body.get(name, 0) + sign * float(from_cents(net_cents)), 2))
    if account.refusal == "inactive":
        body["Active"] = False
    return body


def create_account(store: Store, company: Company, wanted: dict[str, Any]) -> dict[str, Any]:
    """Add an account to the chart from Intuit's own members. Raises Fault."""
    name, number = str(wanted.get("Name") or ""), str(wanted.get("AcctNum") or "") or None
    account_type = wanted.get("AccountType")
    if not name or (account_type is None and wanted.get("AccountSubType") is None):
        missing = "AccountType" if name else "Name"
        raise Fault(
            error("2020", words("qbo_required"), f"Required parameter {missing} is missing in the request", missing)
        )
    check_type(account_type)
    check_name_and_number(store, company, name, number)
    account_id = str(store.next_number(f"quickbooks account {company.tenant_id}", first=FIRST_ADDED_ID))
    body = account_body(
        company, account_id=account_id, name=name, account_type=str(account_type), number=number,
        sub_type=wanted.get("AccountSubType"),
    )  # fmt: skip
    add_account(store, company, Account(account_id, number, name, None, body))
    return body


def edit_account(store: Store, company: Company, account: Account, wanted: dict[str, Any]) -> dict[str, Any]:
    """Rename, renumber, retype or deactivate an account, as the company's people do in QuickBooks. Raises Fault.

    `wanted` holds Name, AcctNum ("" takes the number away), AccountType, AccountSubType or Active.
    """
    body = account.body | {name: value for name, value in wanted.items() if value is not None}
    check_type(body["AccountType"])
    if body["AccountType"] != account.body["AccountType"]:
        classification, sub_type = TYPES[body["AccountType"]]
        body |= {"Classification": classification, "AccountSubType": wanted.get("AccountSubType") or sub_type}
    body["FullyQualifiedName"] = body["Name"]
    body["SyncToken"] = str(int(account.body["SyncToken"]) + 1)
    shown = {name: value for name, value in body.items() if value not in (None, "")}
    check_name_and_number(store, company, body["Name"], shown.get("AcctNum"), except_for=account.account_id)
    change_account(store, company, Account(account.account_id, shown.get("AcctNum"), body["Name"], None, shown))
    return shown


def delete_account(store: Store, company: Company, account: Account) -> dict[str, Any]:
    """QuickBooks never removes an account: it becomes inactive and its name says "(deleted)"."""
    return edit_account(store, company, account, {"Name": f"{account.name} (deleted)", "Active": False})


def check_type(account_type: Any) -> None:
    if account_type not in TYPES:
        raise Fault(error("2010", "Request has invalid or unsupported property", f"AccountType {account_type}"))


def check_name_and_number(
    store: Store, company: Company, name: str, number: str | None, *, except_for: str | None = None
) -> None:
    if len(name) > NAME_LIMIT or any(character in name for character in ':"'):
        raise Fault(error("2050", "Invalid String Length", words("qbo_name_too_long"), "Name"))
    limit = NUMBER_LIMITS.get(company.profile["country"], NUMBER_LIMIT_ELSEWHERE)
    if number and (len(number) > limit or ":" in number):
        raise Fault(
            error("2050", "Invalid String Length", words("qbo_too_long", limit=limit, length=len(number)), "AcctNum")
        )
    for other in accounts(store, company):
        is_same = other.name.lower() == name.lower() or (number and other.number == number)
        if is_same and other.account_id != except_for:
            raise Fault(error("6240", "Duplicate Name Exists Error", "The name supplied already exists. : null"))


# Accounts that a careless integration trips over. ParentRef is filled in with the ids they get.
ODD = (
    {"Name": "Client Receivables (EUR)", "AccountType": "Accounts Receivable", "currency": "EUR"},
    {"Name": "Payables (EUR)", "AccountType": "Accounts Payable", "currency": "EUR"},
    {"Name": "Euro Bank", "AccountType": "Bank", "currency": "EUR"},
    {"Name": "Second Receivables", "AccountType": "Accounts Receivable"},
    {"Name": "Old Settlements (deleted)", "AccountType": "Other Current Liability", "Active": False},
    {"Name": "Estimates Pending", "AccountType": "Non-Posting"},
    {"Name": "Tokens Held", "AccountType": "Digital Asset", "Classification": "Asset"},
    {"Name": "O'Neill & Søn – «Vergleich» 和解", "AccountType": "Other Current Asset"},
    {"Name": "Matters", "AccountType": "Income"},
    {"Name": "Litigation", "AccountType": "Income", "parent": "Matters"},
    {"Name": "Appeals", "AccountType": "Income", "parent": "Matters:Litigation"},
)


def add_odd_accounts(store: Store, company: Company) -> list[dict[str, Any]]:
    """Foreign-currency, inactive, non-posting, unnumbered and nested accounts, and an unknown type. Raises Fault."""
    added: dict[str, dict[str, Any]] = {}
    for odd in ODD:
        check_name_and_number(store, company, str(odd["Name"]), None)
        account_id = str(store.next_number(f"quickbooks account {company.tenant_id}", first=FIRST_ADDED_ID))
        known_type = odd["AccountType"] if odd["AccountType"] in TYPES else "Other Asset"
        body = account_body(
            company, account_id=account_id, name=str(odd["Name"]), account_type=str(known_type), sub_type=None,
            number=None, active=bool(odd.get("Active", True)),
        ) | {"AccountType": odd["AccountType"]}  # fmt: skip
        if currency := odd.get("currency"):
            body["CurrencyRef"] = {"value": currency, "name": CURRENCY_NAMES[str(currency)]}
        if parent := added.get(str(odd.get("parent"))):
            body |= {
                "SubAccount": True,
                "ParentRef": {"value": parent["Id"]},
                "FullyQualifiedName": f"{parent['FullyQualifiedName']}:{odd['Name']}",
            }
        add_account(store, company, Account(account_id, None, str(odd["Name"]), None, body))
        added[body["FullyQualifiedName"]] = body
    return list(added.values())
