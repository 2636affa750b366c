"""The control API of the whole sandbox: clock, faults, limits, switches, request log. JSON over plain HTTP."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from . import grants, state
from .answers import ANSWERS
from .control_bodies import answer_forms_with_pages, body, refuse_foreign_forms, refused
from .faults import FaultRefused
from .seed import seed
from .state import PROVIDERS, sandbox
from .switches import SWITCHES, SwitchRefused

blueprint = Blueprint("control", __name__, url_prefix="/control")
blueprint.before_request(refuse_foreign_forms)
blueprint.after_request(answer_forms_with_pages)

LOG_COLUMNS = (
    "at", "request_id", "method", "path", "provider", "tenant_id", "call", "idempotency_key", "items", "is_write",
    "refusal", "fault", "status", "ms",
)  # fmt: skip


@blueprint.get("/requests")
def read_requests() -> Response:
    """The request log, oldest first. ?after=N skips the first N; ?provider, ?call and ?tenant narrow it."""
    rows = sandbox().store.rows(
        "SELECT * FROM requests WHERE seq > ? AND (? IS NULL OR provider = ?) AND (? IS NULL OR call = ?)"
        " AND (? IS NULL OR tenant_id = ?) ORDER BY seq",
        request.args.get("after", 0, type=int),
        *[request.args.get("provider")] * 2, *[request.args.get("call")] * 2, *[request.args.get("tenant")] * 2,
    )  # fmt: skip
    return jsonify(requests=[shown_request(row) for row in rows])


def shown_request(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("seq", *LOG_COLUMNS)}


@blueprint.get("/answers")
def read_answers() -> Response:
    """The answers that a fault can name, and what each stands for."""
    return jsonify(
        {provider: {name: named.about for name, named in known.items()} for provider, known in ANSWERS.items()}
    )


@blueprint.route("/switches", methods=["GET", "POST"])
def switches() -> Response:
    """{"name": "position", ...} turns switches; GET tells how they stand, what else they can be, and what each is."""
    if request.method == "POST":
        try:
            sandbox().switches.turn(body())
        except SwitchRefused as problem:
            return refused(str(problem))
    return jsonify(
        {
            name: {"position": position, "positions": SWITCHES[name].positions, "about": SWITCHES[name].about}
            for name, position in sandbox().switches.positions().items()
        }
    )


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


@blueprint.post("/faults/clear")
def clear_faults() -> Response:
    """DELETE /control/faults for a page's button."""
    sandbox().faults.clear()
    return jsonify(faults=[])


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
