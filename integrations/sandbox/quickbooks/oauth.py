"""Intuit's OAuth 2.0: consent for one company, tokens, revocation."""

import base64
import json
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request

from .. import consent, grants, request_log
from ..calls import provider_call
from ..client_authentication import authenticated_app
from ..companies import find_company, has_left
from ..state import RegisteredApp, sandbox
from .answers import USER_NOT_IN_REALM
from .bodies import with_intuit_headers

blueprint = Blueprint("quickbooks_oauth", __name__, url_prefix="/quickbooks")
blueprint.after_request(with_intuit_headers)

CODE_LIFE_SECONDS = 600
ACCESS_LIFE_SECONDS = 3600
REFRESH_LIFE_SECONDS = 100 * 86400
REFRESH_VALUE_CHANGES_AFTER_SECONDS = 86400
# Two refreshes of one value this close together count as parallel, when the switch for it is on.
PARALLEL_SECONDS = 5
HARD_LIFE_SECONDS = 5 * 365 * 86400
KNOWN_SCOPES = {
    "com.intuit.quickbooks.accounting", "com.intuit.quickbooks.payment", "openid", "profile", "email", "phone",
    "address",
}  # fmt: skip


@blueprint.route("/connect/oauth2", methods=["GET", "POST"])
@provider_call("quickbooks", "authorize")
def authorize() -> Response:
    asked = consent.ConsentRequest.from_query()
    if problem := consent.unusable("quickbooks", asked):
        return consent.error_page("quickbooks", problem, status=400)
    if asked.response_type != "code" or not asked.state:
        return consent.error_page("quickbooks", "response_type=code and a state are required.", status=400)
    if not asked.scope.split() or set(asked.scope.split()) - KNOWN_SCOPES:
        return consent.send_back(asked.redirect_uri, error="invalid_scope", state=asked.state)
    if request.method == "GET":
        return consent.consent_page("quickbooks", asked)
    decision = consent.read_decision("quickbooks")
    if not isinstance(decision, str) and len(decision.companies) > 1:
        decision = "Choose one company: at Intuit a grant covers one."
    if isinstance(decision, str):
        return consent.consent_page("quickbooks", asked, problem=decision, status=400)
    if not decision.allowed:
        return consent.send_back(asked.redirect_uri, error="access_denied", state=asked.state)
    realm = decision.companies[0].tenant_id
    now = sandbox().clock.now()
    with sandbox().store.transaction():
        grant = grants.new_grant(
            sandbox().store, provider="quickbooks", client_id=asked.client_id, user_id=decision.user_id,
            tenant_id=realm, scope=asked.scope, now=now,
        )  # fmt: skip
        # No PKCE: Intuit does not advertise it, so a challenge is not kept and no verifier will be asked for.
        code = grants.new_code(sandbox().store, grant, redirect_uri=asked.redirect_uri, challenge=None, now=now)
    return consent.send_back(asked.redirect_uri, code=code, state=asked.state, realmId=realm)


@blueprint.post("/oauth2/v1/tokens/bearer")
@provider_call("quickbooks", "token")
def token() -> Response:
    app = authenticated_app("quickbooks", form_allowed=False)
    if app is None:
        return refusal(401, "invalid_client")
    with sandbox().store.transaction():
        if request.form.get("grant_type") == "authorization_code":
            return exchange(app)
        if request.form.get("grant_type") == "refresh_token":
            return refresh(app)
    return refusal(400, "unsupported_grant_type")


def exchange(app: RegisteredApp) -> Response:
    """Trade a code for the first token pair. A second try also kills what the first one got."""
    store, now = sandbox().store, sandbox().clock.now()
    code = grants.find_code(store, "quickbooks", request.form.get("code", ""))
    if code is None or code.client_id != app.client_id:
        return refusal(400, "invalid_grant", "Invalid authorization code")
    if code.spent_at is not None:
        grants.revoke(store, code.grant_id, now=now)
        return refusal(400, "invalid_grant", "Authorization code was already used")
    if now - code.issued_at > CODE_LIFE_SECONDS or request.form.get("redirect_uri") != code.redirect_uri:
        return refusal(400, "invalid_grant", "Authorization code expired or redirect_uri differs")
    grants.spend_code(store, code, now=now)
    grant = grants.find_grant(store, code.grant_id)
    return token_answer(grant, new_refresh_token(grant, now=now), now=now)


def refresh(app: RegisteredApp) -> Response:
    """A fresh access token. The refresh token's value stays for a day, then changes, and the old one dies."""
    store, now = sandbox().store, sandbox().clock.now()
    held = grants.find_token(store, "quickbooks", request.form.get("refresh_token", ""))
    if held is None or held.kind != "refresh" or held.expires_at <= now:
        return refusal(400, "invalid_grant", "Incorrect or invalid refresh token")
    grant = grants.find_grant(store, held.grant_id)
    if grant.revoked_at is not None or grant.client_id != app.client_id or now - grant.created_at > HARD_LIFE_SECONDS:
        return refusal(400, "invalid_grant", "Incorrect or invalid refresh token")
    request_log.note(tenant_id=grant.tenant_id)
    if left_the_company(grant):
        return without_cache(Response(USER_NOT_IN_REALM, status=400, content_type="application/json"))
    if refreshed_in_parallel(held, now=now):
        # Intuit may kill what the first refresh got, too: only a new consent helps then.
        grants.revoke(store, grant.grant_id, now=now)
        return refusal(400, "invalid_grant", "Incorrect or invalid refresh token")
    if held.superseded_at is not None:
        return refusal(400, "invalid_grant", "Incorrect or invalid refresh token")
    if now - held.issued_at < REFRESH_VALUE_CHANGES_AFTER_SECONDS:
        grants.prolong(store, held, expires_at=now + refresh_life(grant, now=now))
        return token_answer(grant, held.value, now=now)
    grants.supersede(store, held, now=now)
    return token_answer(grant, new_refresh_token(grant, now=now), now=now)


def left_the_company(grant: grants.Grant) -> bool:
    company = find_company(sandbox().store, "quickbooks", grant.tenant_id or "")
    return company is not None and has_left(company, grant.user_id)


def refreshed_in_parallel(held: grants.Token, *, now: float) -> bool:
    """Whether this value was refreshed a moment ago; notes the refresh. Never so unless the switch is on."""
    store = sandbox().store
    row = store.row("SELECT at FROM refreshes WHERE value = ?", held.value)
    store.execute("INSERT OR REPLACE INTO refreshes VALUES (?, ?)", held.value, now)
    is_close = row is not None and now - row["at"] <= PARALLEL_SECONDS
    return is_close and sandbox().switches.is_on("quickbooks_parallel_refresh_kills")


def refresh_life(grant: grants.Grant, *, now: float) -> float:
    """Seconds: a hundred days, but never past the five years since the consent."""
    return min(REFRESH_LIFE_SECONDS, HARD_LIFE_SECONDS - (now - grant.created_at))


def new_refresh_token(grant: grants.Grant, *, now: float) -> str:
    value = f"RT1-{secrets.randbelow(100)}-H0-{secrets.token_hex(16)}"
    grants.keep_token(sandbox().store, grant, "refresh", value, now=now, life_seconds=refresh_life(grant, now=now))
    return value


def token_answer(grant: grants.Grant, refresh_token: str, *, now: float) -> Response:
    header = base64.urlsafe_b64encode(b'{"alg":"dir","enc":"A128CBC-HS256"}').decode().rstrip("=")
    access_token = f"{header}..{secrets.token_urlsafe(420)}"
    grants.keep_token(sandbox().store, grant, "access", access_token, now=now, life_seconds=ACCESS_LIFE_SECONDS)
    body: dict[str, Any] = {
        "token_type": "bearer",
        "access_token": access_token,
        "expires_in": ACCESS_LIFE_SECONDS,
        "refresh_token": refresh_token,
        "x_refresh_token_expires_in": int(refresh_life(grant, now=now)),
    }
    if request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true":
        body["x_refresh_token_hard_expires_in"] = int(HARD_LIFE_SECONDS - (now - grant.created_at))
    return without_cache(jsonify(body))


@blueprint.post("/v2/oauth2/tokens/revoke")
@provider_call("quickbooks", "revoke")
def revoke() -> Response:
    """End the app's access to the token's company. The answers have empty bodies, good or bad."""
    app = authenticated_app("quickbooks", form_allowed=False)
    if app is None:
        return refusal(401, "invalid_client")
    store, now = sandbox().store, sandbox().clock.now()
    held = grants.find_token(store, "quickbooks", revoked_value())
    grant = grants.find_grant(store, held.grant_id) if held else None
    if held is None or grant is None or grant.revoked_at is not None or grant.client_id != app.client_id:
        return Response(status=400)
    grants.revoke_company(store, provider="quickbooks", tenant_id=grant.tenant_id or "", now=now)
    return Response(status=200)


def revoked_value() -> str:
    if request.is_json:
        body = request.get_json(silent=True)
        return str(body.get("token", "")) if isinstance(body, dict) else ""
    return request.form.get("token", "")


def refusal(status: int, code: str, description: str = "") -> Response:
    body = {"error": code} | ({"error_description": description} if description else {})
    return without_cache(Response(json.dumps(body), status=status, content_type="application/json"))


def without_cache(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response
