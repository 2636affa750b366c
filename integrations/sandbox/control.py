"""The control API: read the books, change the world the callers meet. JSON over plain HTTP, for people and tests."""

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from . import books, grants, state
from .companies import CLOSED, INACTIVE, Company, change_profile, find_company, set_refusal
from .faults import FaultRefused
from .quickbooks import accounts as quickbooks_accounts
from .quickbooks.bodies import Fault
from .seed import seed
from .state import PROVIDERS, sandbox
from .xero import accounts as xero_accounts
from .xero import connections

blueprint = Blueprint("control", __name__, url_prefix="/control")

PAGE, MOST_ON_A_PAGE = 100, 1000
LOG_COLUMNS = (
    "at", "request_id", "method", "path", "provider", "tenant_id", "call", "idempotency_key", "items", "is_write",
    "refusal", "fault", "status", "ms",
)  # fmt: skip
DATES = {"quickbooks": ("book_close_date",), "xero": ("period_lock_date", "end_of_year_lock_date")}
FLAGS = {"quickbooks": ("warn_duplicate_journal_number",), "xero": ("user_is_adviser",)}


def refused(sentence: str) -> Response:
    """400 with a sentence that says what to correct."""
    answer = jsonify(error=sentence)
    answer.status_code = 400
    return answer


def company_or_404(provider: str, tenant_id: str) -> Company:
    company = find_company(sandbox().store, provider, tenant_id)
    if company is None:
        answer = jsonify(error=f"There is no {provider} company {tenant_id}.")
        answer.status_code = 404
        abort(answer)
    return company


def body() -> dict[str, Any]:
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        abort(refused("The body must be a JSON object."))
    return given


@blueprint.get("/books/<provider>/<tenant_id>")
def read_books(provider: str, tenant_id: str) -> Response:
    return jsonify(books.summary(sandbox().store, company_or_404(provider, tenant_id)))


@blueprint.get("/books/<provider>/<tenant_id>/journals")
def read_journals(provider: str, tenant_id: str) -> Response:
    """Journals with their lines in the order they came. ?offset and ?limit (at most 1000)."""
    company = company_or_404(provider, tenant_id)
    offset = request.args.get("offset", 0, type=int)
    limit = min(request.args.get("limit", PAGE, type=int), MOST_ON_A_PAGE)
    found = books.journals(sandbox().store, company, offset=offset, limit=limit, newest_first=False)
    return jsonify(journals=found, offset=offset, total=books.count(sandbox().store, company))


@blueprint.post("/<provider>/<tenant_id>/accounts")
def add_accounts(provider: str, tenant_id: str) -> Response:
    """Add accounts: {"accounts": [{"number", "name", "type", ...}]} or one such object. All or none.

    `type` is the provider's own word ("Other Current Asset"; "CURRENT"). Further members of the provider's account
    object, such as AccountSubType or SystemAccount, may stand beside them.
    """
    company = company_or_404(provider, tenant_id)
    given = body()
    wanted = given.get("accounts", [given])
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        return refused("accounts must be a list of objects.")
    try:
        with sandbox().store.transaction():
            created = [create_account(company, one) for one in wanted]
    except (Fault, xero_accounts.AccountRefused) as problem:
        detail = problem.errors[0]["Detail"] if isinstance(problem, Fault) else str(problem)
        return refused(f"The account was refused: {detail}")
    return jsonify(accounts=created)


def create_account(company: Company, given: dict[str, Any]) -> dict[str, Any]:
    words = {
        "quickbooks": {"number": "AcctNum", "name": "Name", "type": "AccountType", "subtype": "AccountSubType"},
        "xero": {"number": "Code", "name": "Name", "type": "Type"},
    }[company.provider]
    wanted = {words.get(name, name): value for name, value in given.items()}
    if company.provider == "quickbooks":
        return quickbooks_accounts.create_account(sandbox().store, company, wanted)
    return xero_accounts.create_account(sandbox().store, company, wanted)


@blueprint.route("/<provider>/<tenant_id>/refuse_account", methods=["POST", "DELETE"])
def refuse_account(provider: str, tenant_id: str) -> Response:
    """{"account_id", "how": "inactive" or "closed"}: refuse postings there; DELETE lifts it.

    "inactive", the default, shows in the chart (Active false, ARCHIVED); "closed" does not.
    """
    company, given = company_or_404(provider, tenant_id), body()
    how = given.get("how", INACTIVE)
    if how not in (INACTIVE, CLOSED):
        return refused(f"how must be {INACTIVE} or {CLOSED}.")
    refusal = how if request.method == "POST" else None
    if not set_refusal(sandbox().store, company, str(given.get("account_id", "")), refusal):
        return refused(f"account_id {given.get('account_id')!r} is not in the chart of {company.name}.")
    return jsonify(account_id=given["account_id"], refusal=refusal)


@blueprint.post("/<provider>/<tenant_id>/settings")
def change_settings(provider: str, tenant_id: str) -> Response:
    """What a company's administrator can change: closed books, lock dates, the duplicate-number warning, a role."""
    company, given = company_or_404(provider, tenant_id), body()
    for name, value in given.items():
        if name in DATES[provider]:
            if value is not None and not is_date(value):
                return refused(f"{name} must be a date like 2026-01-31, or null.")
        elif name in FLAGS[provider]:
            if not isinstance(value, bool):
                return refused(f"{name} must be true or false.")
        else:
            return refused(f"{name} is not one of {', '.join(DATES[provider] + FLAGS[provider])}.")
    change_profile(sandbox().store, company, given)
    return jsonify(company.profile | given)


def is_date(value: Any) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


@blueprint.post("/<provider>/<tenant_id>/disconnect")
def disconnect(provider: str, tenant_id: str) -> Response:
    """The company's administrator removes the app on the provider's side."""
    company = company_or_404(provider, tenant_id)
    now = sandbox().clock.now()
    if provider == "quickbooks":
        grants.revoke_company(sandbox().store, provider=provider, tenant_id=company.tenant_id, now=now)
    else:
        connections.disconnect_everywhere(sandbox().store, tenant_id=company.tenant_id, now=now)
    return jsonify(disconnected=company.name)


@blueprint.get("/requests")
def read_requests() -> Response:
    """The request log, oldest first. ?after=N skips the first N; ?provider and ?call narrow it."""
    rows = sandbox().store.rows(
        "SELECT * FROM requests WHERE seq > ? AND (? IS NULL OR provider = ?) AND (? IS NULL OR call = ?) ORDER BY seq",
        request.args.get("after", 0, type=int),
        *[request.args.get("provider")] * 2, *[request.args.get("call")] * 2,
    )  # fmt: skip
    return jsonify(requests=[{name: row[name] for name in ("seq", *LOG_COLUMNS)} for row in rows])


@blueprint.get("/tokens-issued")
def read_tokens() -> Response:
    """Every code and token ever issued, in the clear, so that a test can search the product's logs for them."""
    return jsonify(issued=grants.everything_issued(sandbox().store))


@blueprint.route("/clock", methods=["GET", "POST"])
def clock() -> Response:
    """{"advance_seconds": n} moves the clock on; GET reads it."""
    if request.method == "POST":
        seconds = body().get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
            return refused("advance_seconds must be a number, zero or more.")
        sandbox().clock.advance(seconds)
    return jsonify(now=sandbox().clock.moment().isoformat())


@blueprint.route("/faults", methods=["GET", "POST", "DELETE"])
def faults() -> Response:
    """POST arms one (the fields are in faults.py), GET lists them with how often each struck, DELETE lifts them all."""
    if request.method == "POST":
        try:
            return jsonify(sandbox().faults.arm(body()).described())
        except (FaultRefused, TypeError, ValueError) as problem:
            return refused(str(problem))
    if request.method == "DELETE":
        sandbox().faults.clear()
    return jsonify(faults=sandbox().faults.listed())


@blueprint.route("/limits", methods=["GET", "POST"])
def limits() -> Response:
    """{"enabled", "items_count_as_calls"}, true or false: the rate limits, and how QuickBooks counts batch items."""
    kept = sandbox().limits
    if request.method == "POST":
        given = body()
        for name, value in given.items():
            if name not in ("enabled", "items_count_as_calls") or not isinstance(value, bool):
                return refused("Give enabled or items_count_as_calls, true or false.")
        for name, value in given.items():
            setattr(kept, name, value)
    return jsonify(enabled=kept.enabled, items_count_as_calls=kept.items_count_as_calls)


@blueprint.route("/redirect-uris", methods=["GET", "POST"])
def redirect_uris() -> Response:
    """{"redirect_uri": URL, "provider": optional}: register a callback address, matched exactly."""
    if request.method == "POST":
        given = body()
        uri, provider = given.get("redirect_uri"), given.get("provider")
        if not isinstance(uri, str) or not uri.startswith(("http://", "https://")):
            return refused("redirect_uri must be an http or https address.")
        if provider not in (None, *PROVIDERS):
            return refused("provider must be quickbooks or xero, or left out for both.")
        state.add_redirect_uri(sandbox().store, uri, providers=(provider,) if provider else PROVIDERS)
    return jsonify({provider: state.redirect_uris(sandbox().store, provider) for provider in PROVIDERS})


@blueprint.post("/reset")
def reset() -> Response:
    """Back to the beginning: empty books, no grants, the real time, no faults, fresh counters. Redirect URIs stay."""
    sandbox().store.empty()
    sandbox().clock.reset()
    sandbox().faults.clear()
    sandbox().limits.reset()
    seed(sandbox().store)
    return jsonify(reset=True)
