"""The trial balance as a file for a spreadsheet."""

import csv
import io
from datetime import date
from decimal import Decimal

from athenty.organizations.csv_cells import BYTE_ORDER_MARK, inert
from athenty.organizations.models import Organization
from ledger.reports import TrialBalance

HEADER = ("as of", "number", "account", "type", "trust", "debit", "credit", "currency")


def as_csv(organization: Organization, balance: TrialBalance, as_of: date) -> str:
    """One row per account and none for the totals, so that a spreadsheet's own sum is right."""
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for row in balance.rows:
        account = row.account
        writer.writerow(
            [
                as_of.isoformat(),
                account.number,
                inert(account.name),
                account.get_type_display(),
                "yes" if account.is_trust else "no",
                _amount(row.debit_balance),
                _amount(row.credit_balance),
                organization.currency,
            ]
        )
    return text.getvalue()


def _amount(amount: Decimal | None) -> str:
    return f"{amount:.2f}" if amount is not None else ""
