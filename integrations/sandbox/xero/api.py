"""Xero's accounting API, 2.0: the calls a one-way mirror makes, and a refusal of all others."""

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, g, request

from .. import refusals, request_log
from ..book_changes import find_journal
from ..calls import provider_call
from ..companies import Account, Company, accounts
from ..replays import Answer
from ..state import sandbox
from ..unverified import words
from . import access, limits
from .accounts import shown_accounts
from .answers import internal_error, not_found
from .bodies import (
    ApiException,
    Offline,
    Problem,
    Throttled,
    envelope,
    problem_response,
    respond,
    throttled_response,
)
from .changes import change_journal, only_posts_it
from .journals import Refused, check_readable, create_journal, refused_journal
from .organisation import actions, organisation

blueprint = Blueprint("xero_api", __name__, url_prefix="/xero/api.xro/2.0")

KEY_LIMIT, REPLAY_SECONDS = 128, 360
SETTINGS_SCOPES = ("accounting.settings", "accounting.settings.read")


@blueprint.errorhandler(Problem)
def on_problem(problem: Problem) -> Response:
    return problem_response(problem)


@blueprint.errorhandler(ApiException)
def on_api_exception(exception: ApiException) -> Response:
    return respond(exception.answer())


@blueprint.errorhandler(Throttled)
def on_throttled(throttled: Throttled) -> Response:
    return throttled_response(throttled)


@blueprint.errorhandler(Offline)
def on_offline(offline: Offline) -> Response:
    return Response(Offline.text, status=503, content_type="text/html; charset=utf-8")


def admit(*scopes: str) -> Company:
    """Check token, scope and organisation, then count the call. Raises Problem or Throttled."""
    request_log.note(
        tenant_id=request.headers.get("xero-tenant-id"), idempotency_key=request.headers.get("Idempotency-Key")
    )
    grant = access.caller_grant()
    access.check_scope(grant, *scopes)
    company = access.organisation_for(grant)
    request_log.note(tenant_id=company.tenant_id)
    g.counted_as = {"tenant_id": company.tenant_id, "client_id": grant.client_id}
    limits.enter(sandbox(), **g.counted_as)
    g.holds_place = True
    return company


@blueprint.after_request
def tell_what_is_left(response: Response) -> Response:
    response.headers["Xero-Correlation-Id"] = g.request_id
    if "counted_as" in g:
        response.headers.update(limits.headers(sandbox(), **g.counted_as))
    return response


@blueprint.teardown_request
def give_place_back(error: BaseException | None) -> None:
    if g.pop("holds_place", False):
        limits.leave(sandbox(), tenant_id=g.counted_as["tenant_id"])


@blueprint.get("/organisation")
@provider_call("xero", "organisation")
def read_organisation() -> Response:
    company = admit(*SETTINGS_SCOPES)
    return respond(envelope({"Organisations": [organisation(company)]}))


@blueprint.get("/organisation/actions")
@provider_call("xero", "organisation")
def read_actions() -> Response:
    company = admit(*SETTINGS_SCOPES)
    return respond(envelope({"Actions": actions(company)}))


@blueprint.get("/accounts")
@provider_call("xero", "accounts")
def read_accounts() -> Response:
    """The whole chart, archived accounts included: Xero does not page it."""
    company = admit(*SETTINGS_SCOPES)
    return respond(envelope({"Accounts": shown_accounts(sandbox().store, company)}))


@blueprint.route("/manualjournals", methods=["PUT", "POST"])
@provider_call("xero", "manualjournals", is_write=True)
def write_manual_journals() -> Response:
    company = admit("accounting.manualjournals")
    access.check_may_journal(company)
    if changes_more_than_a_mirror_may(company, readable_journals()):
        return refused_change(company)
    return respond(once(company, lambda: write_all(company, journals_given)))


@blueprint.post("/manualjournals/<journal_id>")
@provider_call("xero", "manualjournals", is_write=True)
def change_manual_journal(journal_id: str) -> Response:
    """Change the one journal of the address; its id need not stand in the body."""
    company = admit("accounting.manualjournals")
    access.check_may_journal(company)
    if find_journal(sandbox().store, company, journal_id) is None:
        return not_found()

    def given() -> list[Any]:
        return [
            {**journal, "ManualJournalID": journal_id} if isinstance(journal, dict) else journal
            for journal in journals_given()[:1]
        ]

    if changes_more_than_a_mirror_may(company, readable_journals(given)):
        return refused_change(company)
    return respond(once(company, lambda: write_all(company, given)))


def readable_journals(given: Callable[[], list[Any]] | None = None) -> list[dict[str, Any]]:
    """The journals of the body; none when it can't be read, which is answered, and kept, with the rest."""
    try:
        return [journal for journal in (given or journals_given)() if isinstance(journal, dict)]
    except ApiException:
        return []


def changes_more_than_a_mirror_may(company: Company, given: list[dict[str, Any]]) -> bool:
    """Whether the body edits or ends a journal. A mirror may post a draft of its own and no more."""
    if sandbox().switches.is_on("journal_changes"):
        return False
    named = [journal for journal in given if journal.get("ManualJournalID")]
    store = sandbox().store
    return not all(
        only_posts_it(find_journal(store, company, str(journal["ManualJournalID"])), journal) for journal in named
    )


def refused_change(company: Company) -> Response:
    return refusals.refuse(
        refusals.NOT_OUR_BUSINESS, provider="xero", tenant_id=company.tenant_id, what="change of a manual journal"
    )


def write_all(company: Company, read: Callable[[], list[Any]]) -> Answer:
    """Store the good journals of the request. Raises nothing: its own refusals are answers, to be kept and replayed."""
    try:
        given = read()
        check_readable(given)
    except ApiException as exception:
        return exception.answer()
    request_log.note(items=len(given))
    chart = {account.number: account for account in accounts(sandbox().store, company) if account.number}
    results: list[dict[str, Any]] = []
    for number, journal in enumerate(given, start=1):
        try:
            results.append(write_one(company, chart, number, journal))
        except Refused as refusal:
            results.append(refused_journal(journal, refusal))
    bad = [result for result in results if "ValidationErrors" in result]
    if bad and summarises_errors():
        # The good ones are stored all the same, and their ids are told to nobody.
        return ApiException(10, "ValidationException", "A validation exception occurred", bad).answer()
    for result in results:
        result["StatusAttributeString"] = outcome(result)
    return envelope({"ManualJournals": results})


def outcome(result: dict[str, Any]) -> str:
    if "ValidationErrors" in result:
        return "ERROR"
    return "WARNING" if "Warnings" in result else "OK"


def write_one(company: Company, chart: dict[str, Account], number: int, journal: dict[str, Any]) -> dict[str, Any]:
    """Create or change one journal; `number` is its place in the request, from 1. Raises Refused."""
    if journal.get("ManualJournalID"):
        return change_journal(sandbox(), company, chart, journal)
    dropped, warnings = unknown_lines_of_draft(chart, journal)
    armed = g.get("fault")
    if armed is not None and armed.do == "warn" and armed.item == number:
        dropped |= {armed.line - 1} if armed.line else set()
        warnings = warnings or [words("xero_warning")]
    stored = create_journal(sandbox(), company, chart, journal, dropped=dropped)
    return stored | ({"Warnings": [{"Message": warning} for warning in warnings]} if warnings else {})


def unknown_lines_of_draft(chart: dict[str, Account], journal: dict[str, Any]) -> tuple[set[int], list[str]]:
    """With the switch for it on: the lines of a draft whose account code is unknown, and Xero's warning for each."""
    if not sandbox().switches.is_on("xero_drafts_drop_lines") or (journal.get("Status") or "DRAFT") != "DRAFT":
        return set(), []
    codes = [str(line.get("AccountCode") or "") for line in journal.get("JournalLines") or []]
    unknown = {position for position, code in enumerate(codes) if code and code not in chart}
    texts = [
        f"Account code '{codes[position]}' has been removed as it does not match a recognised account."
        for position in sorted(unknown)
    ]
    return unknown, texts


def summarises_errors() -> bool:
    """Summarising is the default; the parameter's name and its boolean may be written in any case."""
    given = {name.lower(): value.lower() for name, value in request.args.items()}
    return given.get("summarizeerrors", "true") != "false"


def journals_given() -> list[Any]:
    """The journals of the body: a wrapped list, a bare list, or one object. Raises ApiException 14 or 17."""
    raw = request.get_data()
    try:
        body = json.loads(raw, parse_float=Decimal) if raw.strip() else {}
    except ValueError:
        message = words("xero_bad_value", value=raw[:20].decode(errors="replace"), type="ManualJournals", path="")
        raise ApiException(14, "PostDataInvalidException", message) from None
    if isinstance(body, dict):
        body = body.get("ManualJournals", [body] if body else [])
    if not isinstance(body, list) or not body:
        raise ApiException(17, "NoDataProcessedException", words("xero_no_data"))
    return body


def once(company: Company, work: Callable[[], Answer]) -> Answer:
    """Do the work once per Idempotency-Key within six minutes of the first call. Raises ApiException.

    Keys are judged per app, not per organisation; another URL, method or body under the same key is refused.
    """
    store, replays, now = sandbox().store, sandbox().replays, sandbox().clock.now()
    key = request.headers.get("Idempotency-Key")
    work = failing_if_armed(work)
    if not key:
        with store.transaction():
            return work()
    if len(key) > KEY_LIMIT:
        raise ApiException(10, "ValidationException", words("xero_long_key", length=len(key)))
    client_id = g.counted_as["client_id"]
    with replays.one_at_a_time("xero", client_id, key):
        kept = replays.find("xero", client_id, key)
        if kept is not None and now - kept.first_at < REPLAY_SECONDS:
            if kept.fingerprint != fingerprint(company):
                text = f"Idempotency Key: {key} is used with a different request."
                raise ApiException(10, "ValidationException", text)
            return kept.answer
        return replays.do_and_keep(
            "xero", client_id, key, fingerprint(company), now=now, work=work, keeps=lambda answer: True
        )


def failing_if_armed(work: Callable[[], Answer]) -> Callable[[], Answer]:
    """The work, or an internal error that Xero keeps under the key like any first answer, work done or not."""
    armed = g.get("fault")
    if armed is None or not armed.do.startswith("keep_500"):
        return work

    def fail() -> Answer:
        if armed.do == "keep_500_after_commit":
            work()
        return internal_error()

    return fail


def fingerprint(company: Company) -> str:
    parts = [request.method, request.full_path, company.tenant_id]
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + request.get_data()).hexdigest()


@blueprint.route("/", defaults={"resource": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@blueprint.route("/<path:resource>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def anything_else(resource: str) -> Response:
    """Journals, reports, bank transactions and every other document: not for a mirror."""
    kind = refusals.LEDGER_READ if request.method == "GET" else refusals.NOT_OUR_BUSINESS
    return refusals.refuse(kind, provider="xero", tenant_id=request.headers.get("xero-tenant-id"), what=resource)
