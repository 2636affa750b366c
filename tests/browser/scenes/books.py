"""Settings ▸ Trust Accounting and Audit Log."""

from tests.browser.scenes.listing import scene
from tests.browser.scenes.stage import connect, refuse, send, settled, switch

BOOKS = "/settings/trust-accounting/"


@scene()
def audit_log(firm):
    settled(firm)
    switch(firm, "batched")
    switch(firm, "live")
    return "/settings/audit-log/"


@scene()
def audit_log_without_a_match(firm):
    return "/settings/audit-log/?first=2019-01-01&last=2019-01-07"


@scene()
def trust_accounting(firm):
    connection = connect(firm)
    refuse(connection, 1)
    send(connection, 40)
    return BOOKS


@scene()
def ledger_entry(firm):
    settled(firm)
    return f"{BOOKS}entries/{firm.journal_entries.latest('number').number}/"


@scene()
def chart_of_accounts(firm):
    return f"{BOOKS}accounts/"


@scene()
def account_activity(firm):
    return f"{BOOKS}accounts/1100/"


@scene()
def trial_balance(firm):
    return f"{BOOKS}trial-balance/"


@scene()
def entry_form(firm):
    return f"{BOOKS}post/"


def _post_nonsense(page) -> None:
    page.fill("#id_memo", "Lowe v. Hart: retainer")
    page.fill("[name=line-1-account]", "1100 Trust Bank")
    page.fill("[name=line-1-debit]", "1250.005")
    page.fill("[name=line-2-account]", "nowhere")
    page.click("main button:has-text('Post entry')")
    page.wait_for_selector(".error-summary")


@scene(act=_post_nonsense)
def entry_refused(firm):
    return f"{BOOKS}post/"


@scene()
def reversal(firm):
    return f"{BOOKS}entries/{firm.journal_entries.latest('number').number}/reverse/"
