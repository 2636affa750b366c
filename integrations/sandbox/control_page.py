"""The control page: every lever of the sandbox for a person with a browser, without scripts."""

from flask import Blueprint, render_template, request

from . import books, state
from .answers import ANSWERS
from .companies import accounts, companies
from .consent import PROVIDER_NAMES, USERS
from .control_bodies import company_or_404
from .control_companies import CHOICES, DATES, FLAGS
from .faults import ACTIONS, ANY_CALL, CALLS
from .quickbooks.accounts import TYPES
from .state import PROVIDERS, sandbox
from .switches import SWITCHES
from .xero.accounts import CLASSES

blueprint = Blueprint("control_page", __name__, url_prefix="/control")

REQUESTS_SHOWN, JOURNALS_SHOWN = 50, 20
ACCOUNT_TYPES = {"quickbooks": list(TYPES), "xero": list(CLASSES)}
# Stretches of time that something hangs on: a window of keys, lives of tokens.
STRETCHES = {
    60: "1 minute", 360: "6 minutes (Xero forgets a key)", 1800: "30 minutes (a Xero access token)",
    3600: "1 hour (a QuickBooks access token)", 86400: "1 day (a QuickBooks refresh token changes)",
    60 * 86400: "60 days (a Xero refresh token)", 100 * 86400: "100 days (a QuickBooks refresh token)",
    5 * 365 * 86400: "5 years (a QuickBooks consent)",
}  # fmt: skip


@blueprint.get("/")
def overview() -> str:
    held = sandbox()
    log = held.store.rows("SELECT * FROM requests ORDER BY seq DESC LIMIT ?", REQUESTS_SHOWN)
    return render_template(
        "control.html", now=held.clock.moment(), stretches=STRETCHES, limits=held.limits, switches=SWITCHES,
        positions=held.switches.positions(), actions=ACTIONS, calls=CALLS, any_call=ANY_CALL, answers=ANSWERS,
        faults=held.faults.listed(), provider_names=PROVIDER_NAMES, requests=log,
        companies={provider: companies(held.store, provider) for provider in PROVIDERS},
        redirect_uris={provider: state.redirect_uris(held.store, provider) for provider in PROVIDERS},
    )  # fmt: skip


@blueprint.get("/companies/<provider>/<tenant_id>")
def one_company(provider: str, tenant_id: str) -> str:
    company = company_or_404(provider, tenant_id)
    store = sandbox().store
    return render_template(
        "control_company.html", company=company, provider_name=PROVIDER_NAMES[provider], users=USERS,
        dates=DATES[provider], flags=FLAGS[provider], choices=CHOICES[provider], accounts=accounts(store, company),
        account_types=ACCOUNT_TYPES[provider], back=request.path,
        journals=books.journals(store, company, offset=0, limit=JOURNALS_SHOWN, newest_first=True),
    )  # fmt: skip
