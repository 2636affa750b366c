"""QuickBooks Online's accounting API, v3: the calls a one-way mirror makes, and a refusal of all others."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from .. import grants, refusals, request_log
from ..calls import provider_call
from ..client_authentication import bearer_token
from ..companies import Company, accounts, find_company
from ..replays import Answer
from ..state import sandbox
from ..unverified import words
from . import query
from .accounts import create_account, shown_account, shown_accounts
from .bodies import Fault, GatewayFault, envelope, error, fault_answer, gateway_answer, respond
from .company import company_info, preferences
from .journals import create_entry
from .limits import count_call

blueprint = Blueprint("quickbooks_api", __name__, url_prefix="/quickbooks/v3/company/<realm>")

REQUEST_ID_LIMIT, BATCH_REQUEST_ID_LIMIT, BATCH_ID_LIMIT, BATCH_LIMIT = 50, 36, 10, 30
ACCOUNTING_SCOPE = "com.intuit.quickbooks.accounting"


@blueprint.errorhandler(Fault)
def on_fault(fault: Fault) -> Response:
    return respond(fault_answer(fault))


@blueprint.errorhandler(GatewayFault)
def on_gateway_fault(fault: GatewayFault) -> Response:
    return respond(gateway_answer(fault))


def admit(realm: str, *, items: int = 1, is_batch: bool = False) -> Company:
    """Check the caller's token for this company and count the call. Raises GatewayFault 401, 403 or 429."""
    request_log.note(tenant_id=realm, idempotency_key=request.args.get("requestid"), items=items)
    grant = granted_to_caller()
    company = find_company(sandbox().store, "quickbooks", realm)
    if company is None or grant.tenant_id != realm or ACCOUNTING_SCOPE not in grant.scope.split():
        raise GatewayFault(
            status=403, code="3100", kind="SERVICE", detail=None,
            message="message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403",
        )  # fmt: skip
    count_call(sandbox(), realm=realm, client_id=grant.client_id, items=items, is_batch=is_batch)
    return company


def granted_to_caller() -> grants.Grant:
    value = bearer_token()
    if value is None or len(value) < 20:
        raise unauthenticated("Malformed bearer token: too short or too long" if value else None)
    token = grants.find_token(sandbox().store, "quickbooks", value)
    if token is None or token.kind != "access":
        raise unauthenticated(None)
    grant = grants.find_grant(sandbox().store, token.grant_id)
    if grant.revoked_at is not None:
        raise unauthenticated(None)
    if token.expires_at <= sandbox().clock.now():
        # Intuit really does echo the token here: whoever logs this answer leaks it.
        raise unauthenticated(f"Token expired: {value}")
    return grant


def unauthenticated(detail: str | None) -> GatewayFault:
    return GatewayFault(
        status=401, code="3200", kind="AUTHENTICATION", detail=detail,
        message="message=AuthenticationFailed; errorCode=003200; statusCode=401",
    )  # fmt: skip


@blueprint.get("/companyinfo/<company_id>")
@provider_call("quickbooks", "companyinfo")
def read_company_info(realm: str, company_id: str) -> Response:
    company = admit(realm)
    return respond(envelope({"CompanyInfo": company_info(company)}))


@blueprint.get("/preferences")
@provider_call("quickbooks", "preferences")
def read_preferences(realm: str) -> Response:
    company = admit(realm)
    return respond(envelope({"Preferences": preferences(company)}))


@blueprint.get("/account/<account_id>")
@provider_call("quickbooks", "account")
def read_account(realm: str, account_id: str) -> Response:
    company = admit(realm)
    for account in accounts(sandbox().store, company):
        if account.account_id == account_id:
            return respond(envelope({"Account": shown_account(account)}))
    raise Fault(error("610", "Object Not Found", f"Object Not Found : Account {account_id} not found"))


@blueprint.post("/account")
@provider_call("quickbooks", "account", is_write=True)
def post_account(realm: str) -> Response:
    company = admit(realm)
    with sandbox().store.transaction():
        return respond(envelope({"Account": create_account(sandbox().store, company, json_body())}))


@blueprint.route("/query", methods=["GET", "POST"])
@provider_call("quickbooks", "query")
def run_query(realm: str) -> Response:
    company = admit(realm)
    statement = request.args.get("query") or request.get_data(as_text=True)
    parsed = query.parse(statement)
    if parsed.entity.lower() != "account":
        return refusals.refuse(
            refusals.LEDGER_READ, provider="quickbooks", tenant_id=realm, what=f"query {parsed.entity}"
        )
    return respond(envelope({"QueryResponse": query.run(parsed, shown_accounts(sandbox().store, company))}))


@blueprint.post("/journalentry")
@provider_call("quickbooks", "journalentry", is_write=True)
def post_journal_entry(realm: str) -> Response:
    company = admit(realm)
    entry, request_id = json_body(), request.args.get("requestid")
    if request.args.get("operation", "create") != "create" or entry.get("Id"):
        return refusals.refuse(
            refusals.NOT_OUR_BUSINESS, provider="quickbooks", tenant_id=realm, what="change of a journal entry"
        )
    check_request_id(request_id, REQUEST_ID_LIMIT)

    def work() -> Answer:
        created = create_entry(sandbox(), company, entry, include=request.args.get("include", ""))
        return envelope({"JournalEntry": created})

    return respond(once(realm, request_id, "", work))


@blueprint.post("/batch")
@provider_call("quickbooks", "batch", is_write=True)
def post_batch(realm: str) -> Response:
    asked = json_body().get("BatchItemRequest")
    items = [item for item in asked if isinstance(item, dict)] if isinstance(asked, list) else []
    company = admit(realm, items=len(items), is_batch=True)
    request_id = request.args.get("requestid")
    check_batch(items, request_id)
    if forbidden := next((what for what in map(forbidden_item, items) if what), None):
        kind, what = forbidden
        return refusals.refuse(kind, provider="quickbooks", tenant_id=realm, what=what)

    def work() -> Answer:
        answers = [answer_item(company, item) for item in items]
        # Intuit answers in any order; the seed makes ours the same in every run.
        shuffle = random.Random(f"{sandbox().seed} {[item.get('bId') for item in items]}")  # noqa: S311
        shuffle.shuffle(answers)
        return envelope({"BatchItemResponse": answers})

    return respond(once(realm, request_id, json.dumps(sorted(str(item.get("bId")) for item in items)), work))


def check_batch(items: list[dict[str, Any]], request_id: str | None) -> None:
    if not items:
        raise Fault(
            error("2020", words("qbo_required"), "Required parameter BatchItemRequest is missing in the request")
        )
    if len(items) > BATCH_LIMIT:
        text = words("qbo_batch_too_large", count=len(items), limit=BATCH_LIMIT)
        raise Fault(error("1040", text, text))
    check_request_id(request_id, BATCH_REQUEST_ID_LIMIT)
    names = [str(item.get("bId") or "") for item in items]
    if "" in names or len(set(names)) != len(names):
        raise Fault(
            error("2020", words("qbo_required"), "Required parameter bId is missing or repeated in the request")
        )
    if request_id and (long := next((name for name in names if len(name) > BATCH_ID_LIMIT), None)):
        detail = words("qbo_bad_bid", value=long, limit=BATCH_ID_LIMIT)
        raise Fault(error("2130", "Invalid request id", detail, "bId"))


def forbidden_item(item: dict[str, Any]) -> tuple[str, str] | None:
    """Why a batch item is no business of a mirror: it reads, changes, or names another document."""
    if "Query" in item:
        return refusals.LEDGER_READ, "query in a batch"
    if item.get("operation") != "create" or "JournalEntry" not in item:
        return refusals.NOT_OUR_BUSINESS, f"batch item {item.get('operation')} {sorted(item)}"
    return None


def answer_item(company: Company, item: dict[str, Any]) -> dict[str, Any]:
    """One item's answer. A fault of one item leaves the others alone."""
    try:
        entry = item["JournalEntry"] if isinstance(item["JournalEntry"], dict) else {}
        return {
            "JournalEntry": create_entry(sandbox(), company, entry, include=str(item.get("optionsData", ""))),
            "bId": item["bId"],
        }
    except Fault as fault:
        return {"Fault": fault.body, "bId": item["bId"]}


def check_request_id(request_id: str | None, limit: int) -> None:
    if request_id is not None and len(request_id) > limit:
        raise Fault(error("2130", "Invalid request id", words("qbo_bad_request_id", limit=limit), "requestid"))


def once(realm: str, request_id: str | None, fingerprint: str, work: Callable[[], Answer]) -> Answer:
    """Do the work once per company, requestid and set of bIds; then give its answer again, without comparing bodies."""
    store, replays = sandbox().store, sandbox().replays
    if not request_id:
        with store.transaction():
            return work()
    key = f"{request_id} {fingerprint}"
    with replays.one_at_a_time("quickbooks", realm, key):
        kept = replays.find("quickbooks", realm, key)
        if kept is not None:
            return kept.answer
        return replays.do_and_keep(
            "quickbooks", realm, key, fingerprint, now=sandbox().clock.now(), work=work,
            keeps=lambda answer: answer.status == 200,
        )  # fmt: skip


def json_body() -> dict[str, Any]:
    """The request's JSON object with exact decimals. Raises Fault."""
    try:
        body = json.loads(request.get_data(), parse_float=Decimal)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Fault(error("2010", "Request has invalid or unsupported property", words("qbo_bad_json")))
    return body


@blueprint.route("/", defaults={"resource": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:resource>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def anything_else(realm: str, resource: str) -> Response:
    """Journals, reports, change data capture and every other document: not for a mirror."""
    kind = refusals.LEDGER_READ if request.method == "GET" else refusals.NOT_OUR_BUSINESS
    return refusals.refuse(kind, provider="quickbooks", tenant_id=realm, what=resource)
