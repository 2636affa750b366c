"""The companies the sandbox starts with. Ids never change, so what an app stored outlives a restart or a reset."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from .companies import Account, Company, account_row, add_account_rows, add_company, companies
from .quickbooks.accounts import account_body as quickbooks_account
from .store import Store
from .xero.accounts import account_body as xero_account

DATA = Path(__file__).parent / "data"
LAW_FIRM, PROVIDER_SAMPLE = "law firm", "provider sample"

# Names a receivable or payable line may carry: QuickBooks knows them by id.
NAMES = {"Customer": {"58": "Client matters"}, "Vendor": {"41": "Sundry suppliers"}, "Employee": {}}


def quickbooks_company(
    realm_id: str, name: str, currency: str, country: str, *, multicurrency: bool = False, numbered: bool = True
) -> Company:
    profile = {
        "country": country, "multicurrency": multicurrency, "use_account_numbers": numbered, "book_close_date": None,
        "warn_duplicate_journal_number": True, "names": NAMES,
    }  # fmt: skip
    return Company("quickbooks", realm_id, name, currency, profile)


def xero_company(
    tenant_id: str, name: str, currency: str, country: str, timezone: str, short_code: str, *, is_demo: bool = False
) -> Company:
    profile = {
        "country": country, "timezone": timezone, "short_code": short_code, "is_demo": is_demo,
        "period_lock_date": None, "end_of_year_lock_date": None, "user_is_adviser": False,
    }  # fmt: skip
    return Company("xero", tenant_id, name, currency, profile)


START: list[tuple[Company, str]] = [
    (quickbooks_company("9341450000000011", "Park & Lowe LLP", "USD", "US"), LAW_FIRM),
    (
        quickbooks_company(
            "9341450000000028", "Fyle Sandbox Co", "USD", "US", multicurrency=True, numbered=False
        ),
        PROVIDER_SAMPLE,
    ),
    (quickbooks_company("9341450000000036", "Harbour & Finch LLP", "GBP", "GB"), LAW_FIRM),
    (quickbooks_company("9341450000000044", "Other & Sons LLP", "USD", "US"), LAW_FIRM),
    (
        xero_company(
            "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b01", "Park & Lowe LLP", "USD", "US", "EASTERNSTANDARDTIME", "!pLo1T"
        ),
        LAW_FIRM,
    ),
    (
        xero_company(
            "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b02", "Demo Company (US)", "USD", "US", "PACIFICSTANDARDTIME", "!dEmo2",
            is_demo=True,
        ),
        PROVIDER_SAMPLE,
    ),
    (
        xero_company(
            "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b03", "Kauri Chambers Limited", "NZD", "NZ", "NEWZEALANDSTANDARDTIME",
            "!kAu3r",
        ),
        LAW_FIRM,
    ),
    (
        xero_company(
            "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b04", "Other & Sons LLP", "USD", "US", "CENTRALSTANDARDTIME", "!oTh4s"
        ),
        LAW_FIRM,
    ),
]  # fmt: skip


def seed(store: Store) -> None:
    """Fill an empty store. A store that has companies is left as it is."""
    with store.transaction():
        if companies(store, "quickbooks"):
            return
        for company, _ in START:
            add_company(store, company)
        add_account_rows(store, first_accounts())


@cache
def first_accounts() -> list[tuple[Any, ...]]:
    """Worked out once, since a test may want an empty sandbox hundreds of times."""
    return [
        account_row(company, account)
        for company, chart in START
        for account in CHARTS[company.provider, chart](company)
    ]


def law_firm_quickbooks(company: Company) -> list[Account]:
    chart = []
    for position, row in enumerate(read("law_firm_quickbooks.json"), start=1):
        body = quickbooks_account(
            company, account_id=str(position), name=row["name"], account_type=row["type"],
            sub_type=row.get("subtype"), number=row["number"], balance=row.get("balance", 0),
            active=row.get("active", True),
        )  # fmt: skip
        chart.append(Account(str(position), row["number"], row["name"], None, body))
    return chart


def fyle_quickbooks(company: Company) -> list[Account]:
    rows = read("qbo_sandbox_accounts.json")["QueryResponse"]["Account"]
    return [Account(row["Id"], row.get("AcctNum"), row["Name"], None, row) for row in rows]


def law_firm_xero(company: Company) -> list[Account]:
    return [xero_row(company, row) for row in read("law_firm_xero.json")]


def demo_xero(company: Company) -> list[Account]:
    return [xero_row(company, row) for row in read("xero_demo_accounts.json")["Accounts"]]


def xero_row(company: Company, row: dict[str, Any]) -> Account:
    body = xero_account(company, row)
    return Account(body["AccountID"], body.get("Code"), body["Name"], None, body)


def read(name: str) -> Any:
    return json.loads((DATA / name).read_text(encoding="utf-8"))


CHARTS = {
    ("quickbooks", LAW_FIRM): law_firm_quickbooks,
    ("quickbooks", PROVIDER_SAMPLE): fyle_quickbooks,
    ("xero", LAW_FIRM): law_firm_xero,
    ("xero", PROVIDER_SAMPLE): demo_xero,
}
