"""QuickBooks Online's CompanyInfo and Preferences, drawn from the company's profile."""

from typing import Any

from ..companies import Company
from .accounts import CURRENCY_NAMES

STAMPS = {"CreateTime": "2024-01-08T08:00:00-08:00", "LastUpdatedTime": "2026-01-02T08:00:00-08:00"}


def company_info(company: Company) -> dict[str, Any]:
    return {
        "CompanyName": company.name,
        "LegalName": company.name,
        "Country": company.profile["country"],
        "FiscalYearStartMonth": "January",
        "CompanyStartDate": "2024-01-08",
        "SupportedLanguages": "en",
        "DefaultTimeZone": "America/Los_Angeles",
        "Email": {"Address": "office@example.test"},
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "NeoEnabled", "Value": "true"},
        ],
        "domain": "QBO",
        "sparse": False,
        "Id": "1",  # its own id, always 1, and not the realm id
        "SyncToken": "4",
        "MetaData": STAMPS,
    }


def preferences(company: Company) -> dict[str, Any]:
    profile = company.profile
    closed = {"BookCloseDate": profile["book_close_date"]} if profile.get("book_close_date") else {}
    return {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": profile["use_account_numbers"],
            **closed,  # absent when the books were never closed
            "FirstMonthOfFiscalYear": "January",
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": False,
            "TrackDepartments": False,
        },
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": profile["multicurrency"],
            "HomeCurrency": {"value": company.currency, "name": CURRENCY_NAMES[company.currency]},
        },
        "TaxPrefs": {"UsingSalesTax": False},
        "ReportPrefs": {"ReportBasis": "Accrual"},
        "OtherPrefs": {
            "NameValue": [
                {
                    "Name": "WarnDuplicateJournalNumber",
                    "Value": str(profile["warn_duplicate_journal_number"]).lower(),
                }
            ]
        },
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "7",
        "MetaData": STAMPS,
    }
