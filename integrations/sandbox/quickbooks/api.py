"""QuickBooks Online's accounting API, v3: the calls a one-way mirror makes, and a refusal of all others."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, g, request

from .. import grants, refusals, request_log
from ..book_changes import APP
from ..calls import provider_call
from ..client_authentication import bearer_token
from ..companies import Company, accounts, find_company, has_left
from ..replays import Answer
from ..retry_after import retry_after
from ..state import sandbox
from ..unverified import words
from . import answers, query
from .accounts import create_account, shown_account, shown_accounts
from .bodies import Fault, GatewayFault, envelope, error, fault_answer, gateway_answer, respond
from .changes import delete_entry, update_entry
from .company import company_info, preferences
from .journals import create_entry
from .limits import count_call
from .names import create_name

blueprint = Blueprint("quickbooks_api", __name__, url_prefix="/quickbooks/v3/company/<realm>")

REQUEST_ID_LIMIT, BATCH_REQUEST_ID_LIMIT, BATCH_ID_LIMIT, BATCH_LIMIT = 50, 36, 10, 30
WAIT_AFTER_429_SECONDS = 60
ACCOUNTING_SCOPE = "com.intuit.quickbooks.accounting"


@blueprint.errorhandler(Fault)
def on_fault(fault: Fault) -> Response:
    return respond(fault_answer(fault))


@blueprint.errorhandler(GatewayFault)
def on_gateway_fault(fault: GatewayFault) -> Response:
    response = respond(gateway_answer(fault))
    form = sandbox().switches.position("quickbooks_retry_after")
    if fault.status == 429 and form != "none":
        response.headers["Retry-After"] = retry_after(WAIT_AFTER_429_SECONDS, form)
    return response


def admit(realm: str, *, items: int = 1, is_batch: bool = False) -> Company:
    """Check the caller's token for this company and count the call. Raises GatewayFault or Fault."""
    request_log.note(tenant_id=realm, idempotency_key=request.args.get("requestid"), items=items)
    grant = granted_to_caller()
    company = find_company(sandbox().store, "quickbooks", realm)
    if company is None or grant.tenant_id != realm or ACCOUNTING_SCOPE not in grant.scope.split():
        raise answers.not_authorized()
    if has_left(company, grant.user_id):
        raise answers.no_access()
    if trouble := answers.company_trouble(company.profile.get("state", "active")):
        raise trouble
    count_call(sandbox(), realm=realm, client_id=grant.client_id, items=items, is_batch=is_batch)
    return company


def granted_to_caller() -> grants.Grant:
    value = bearer_token()
    if value is None or len(value) < 20:
        raise answers.unauthenticated("Malformed bearer token: too short or too long" if value else None)
    token = grants.find_token(sandbox().store, "quickbooks", value)
    if token is None or token.kind != "access":
        raise answers.unauthenticated(None)
    grant = grants.find_grant(sandbox().store, token.grant_id)
    if grant.revoked_at is not None:
        raise answers.unauthenticated(None)
    if token.expires_at <= sandbox().clock.now():
        # Intuit really does echo the token here: whoever logs this answer leaks it.
        raise answers.unauthenticated(f"Token expired: {value}")
    return grant


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


@blueprint.post("/customer")
@provider_call("quickbooks", "customer", is_write=True)
def post_customer(realm: str) -> Response:
    return post_name(realm, "Customer")


@blueprint.post("/vendor")
@provider_call("quickbooks", "vendor", is_write=True)
def post_vendor(realm: str) -> Response:
    return post_name(realm, "Vendor")


def post_name(realm: str, kind: str) -> Response:
    company = admit(realm)
    wanted, request_id = json_body(), request.args.get("requestid")
    check_request_id(request_id, REQUEST_ID_LIMIT)

    def work() -> Answer:
        return envelope({kind: create_name(sandbox().store, company, kind, wanted)})

    return respond(once(realm, request_id, kind, work))


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
    operation = request.args.get("operation") or ("update" if entry.get("Id") else "create")
    if operation != "create" and not sandbox().switches.is_on("journal_changes"):
        return refusals.refuse(
            refusals.NOT_OUR_BUSINESS, provider="quickbooks", tenant_id=realm, what="change of a journal entry"
        )
    check_request_id(request_id, REQUEST_ID_LIMIT)

    def work() -> Answer:
        done = write_entry(company, operation, entry, include=request.args.get("include", ""))
        return envelope({"JournalEntry": done})

    return respond(once(realm, request_id, "", work))


def write_entry(company: Company, operation: Any, entry: dict[str, Any], *, include: str) -> dict[str, Any]:
    """Create, update or delete one entry, inside the caller's transaction. Raises Fault."""
    if operation == "update":
        return update_entry(sandbox(), company, entry, by=APP)
    if operation == "delete":
        return delete_entry(sandbox(), company, entry, by=APP)
    return create_entry(sandbox(), company, entry, include=include)


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
        told = [answer_item(company, number, item) for number, item in enumerate(items, start=1)]
        # Intuit answers in any order; the seed makes ours the same in every run.
        shuffle = random.Random(f"{sandbox().seed} {[item.get('bId') for item in items]}")  # noqa: S311
        shuffle.shuffle(told)
        return envelope({"BatchItemResponse": told})

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
        entity = query.entity_of(str(item["Query"]))
        return None if entity in ("", "account") else (refusals.LEDGER_READ, f"query {entity} in a batch")
    known = ("create", "update", "delete") if sandbox().switches.is_on("journal_changes") else ("create",)
    if item.get("operation") not in known or "JournalEntry" not in item:
        return refusals.NOT_OUR_BUSINESS, f"batch item {item.get('operation')} {sorted(item)}"
    return None


def answer_item(company: Company, number: int, item: dict[str, Any]) -> dict[str, Any]:
    """One item's answer. A fault of one item leaves the others alone."""
    armed = g.get("fault")
    struck = armed is not None and armed.item == number
    try:
        if struck and armed.do == "item_answer":
            raise answers.FAULTS[armed.answer][1]()
        done = do_item(company, item)
        if struck:
            raise answers.FAULTS[armed.answer][1]()
    except Fault as fault:
        return {"Fault": fault.body, "bId": item["bId"]}
    return done | {"bId": item["bId"]}


def do_item(company: Company, item: dict[str, Any]) -> dict[str, Any]:
    """Raises Fault."""
    if "Query" in item:
        parsed = query.parse(str(item["Query"]))
        return {"QueryResponse": query.run(parsed, shown_accounts(sandbox().store, company))}
    entry = item["JournalEntry"] if isinstance(item["JournalEntry"], dict) else {}
    options = str(item.get("optionsData", ""))
    return {"JournalEntry": write_entry(company, item["operation"], entry, include=options)}


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
