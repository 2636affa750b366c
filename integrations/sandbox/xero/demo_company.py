"""What Xero does to a demo company every four weeks, or when its owner presses Reset."""

from uuid import NAMESPACE_URL, uuid5

from ..companies import Account, Company, accounts, add_account, add_company, change_profile
from ..store import Store


def reset_demo_company(store: Store, company: Company) -> Company:
    """Replace the company by one of the same name under a new tenant id, with the same chart and empty books.

    The old tenant id answers 403 from then on and leaves /connections; the new one waits for a consent.
    """
    new = Company(
        "xero",
        str(uuid5(NAMESPACE_URL, f"{company.tenant_id}/reset")),
        company.name,
        company.currency,
        company.profile | {"period_lock_date": None, "end_of_year_lock_date": None},
    )
    with store.transaction():
        add_company(store, new)
        for account in accounts(store, company):
            account_id = str(uuid5(NAMESPACE_URL, f"{new.tenant_id}/{account.account_id}"))
            body = account.body | {"AccountID": account_id}
            add_account(store, new, Account(account_id, account.number, account.name, None, body))
        change_profile(store, company, {"state": "reset"})
    return new
