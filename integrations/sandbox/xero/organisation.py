"""Xero's Organisation, drawn from the company's profile."""

from datetime import date
from typing import Any

from ..companies import Company
from .access import is_adviser, role
from .dates import shown_date

ACTIONS = (
    "CreateApprovedInvoice", "CreateManualJournal", "UseMulticurrency", "ApproveTransactionsBeforePeriodLockDate",
)  # fmt: skip


def organisation(company: Company) -> dict[str, Any]:
    profile = company.profile
    locks = {
        name: shown_date(date.fromisoformat(profile[key]))
        for name, key in (("PeriodLockDate", "period_lock_date"), ("EndOfYearLockDate", "end_of_year_lock_date"))
        if profile.get(key)
    }
    return {
        "OrganisationID": company.tenant_id,
        "Name": company.name,
        "LegalName": company.name,
        "PaysTax": True,
        "Version": profile["country"],
        "OrganisationType": "COMPANY",
        "BaseCurrency": company.currency,
        "CountryCode": profile["country"],
        "IsDemoCompany": profile["is_demo"],
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        **locks,
        "SalesTaxBasis": "ACCRUALS",
        "CreatedDateUTC": "/Date(1704700800000+0000)/",
        "Timezone": profile["timezone"],
        "OrganisationEntityType": "COMPANY",
        "ShortCode": profile["short_code"],
        "Class": "DEMO" if profile["is_demo"] else "STANDARD",
        "Edition": "BUSINESS",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }


def actions(company: Company) -> list[dict[str, str]]:
    """What the connected person may do. Only an adviser may post before the period lock date."""
    denied = set() if is_adviser(company) else {"ApproveTransactionsBeforePeriodLockDate"}
    if role(company) in ("standard", "read_only"):
        denied.add("CreateManualJournal")
    return [{"Name": name, "Status": "NOT-ALLOWED" if name in denied else "ALLOWED"} for name in ACTIONS]
