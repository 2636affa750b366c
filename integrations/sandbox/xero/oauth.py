"""Xero's OAuth 2.0: consent, tokens that rotate at every refresh, revocation, and the connections a consent makes."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

from flask import Blueprint, Response, jsonify, request

from .. import consent, grants
from ..calls import provider_call
from ..client_authentication import authenticated_app
from ..state import RegisteredApp, sandbox
from . import connections
from .access import caller_grant
from .bodies import Problem, problem_response
from .tokens import access_token, id_token

blueprint = Blueprint("xero_oauth", __name__, url_prefix="/xero")

CODE_LIFE_SECONDS = 300
ACCESS_LIFE_SECONDS = 1800
REFRESH_LIFE_SECONDS = 60 * 86400
GRACE_SECONDS = 30 * 60
# The granular scopes an app created since March 2026 may have; a broad one such as accounting.transactions is refused.
KNOWN_SCOPES = {
    "openid", "profile", "email", "offline_access", "accounting.manualjournals", "accounting.manualjournals.read",
    "accounting.settings", "accounting.settings.read", "accounting.contacts", "accounting.contacts.read",
    "accounting.attachments", "accounting.attachments.read",
}  # fmt: skip


@blueprint.errorhandler(Problem)
def on_problem(problem: Problem) -> Response:
    return problem_response(problem)


@blueprint.route("/identity/connect/authorize", methods=["GET", "POST"])
@provider_call("xero", "authorize")
def authorize() -> Response:
    asked = consent.ConsentRequest.from_query()
    problem = consent.unusable("xero", asked)
    if problem is None and asked.response_type != "code":
        problem = "unsupported_response_type: response_type must be code."
    if problem is None and (not asked.scope.split() or set(asked.scope.split()) - KNOWN_SCOPES):
        problem = "invalid_scope: the app may not ask for one of these scopes."
    if problem is None and asked.challenge and asked.challenge_method != "S256":
        problem = "invalid_request: code_challenge_method must be S256."
    if problem:
        # Xero shows a page in the style of a server error for all of these and never comes back to the app.
        return consent.error_page("xero", problem, status=500)
    if request.method == "GET":
        return consent.consent_page("xero", asked)
    decision = consent.read_decision("xero")
    if isinstance(decision, str):
        return consent.consent_page("xero", asked, problem=decision, status=400)
    if not decision.allowed:
        return consent.send_back(
            asked.redirect_uri, error="access_denied", error_description="TenantConsent status DENIED",
            state=asked.state,
        )  # fmt: skip
    code, scope = connect_companies(asked, decision)
    return consent.send_back(
        asked.redirect_uri, code=code, scope=scope, state=asked.state, session_state=secrets.token_urlsafe(16)
    )


def connect_companies(asked: consent.ConsentRequest, decision: consent.Decision) -> tuple[str, str]:
    """Record the consent. Returns the code and the scopes, which include all this person ever allowed the app."""
    store, now = sandbox().store, sandbox().clock.now()
    with store.transaction():
        earlier = grants.grants_of_user(store, provider="xero", client_id=asked.client_id, user_id=decision.user_id)
        scope = " ".join(dict.fromkeys(asked.scope.split() + [s for grant in earlier for s in grant.scope.split()]))
        grant = grants.new_grant(
            store, provider="xero", client_id=asked.client_id, user_id=decision.user_id, tenant_id=None, scope=scope,
            now=now,
        )  # fmt: skip
        for company in decision.companies:
            connections.connect(
                store, client_id=asked.client_id, user_id=decision.user_id, tenant_id=company.tenant_id,
                event_id=grant.event_id, now=now,
            )  # fmt: skip
        code = grants.new_code(
            store, grant, redirect_uri=asked.redirect_uri, challenge=asked.challenge or None, now=now
        )
    return code, scope


@blueprint.post("/connect/token")
@provider_call("xero", "token")
def token() -> Response:
    app = authenticated_app("xero", form_allowed=True)
    if app is None:
        return refusal("invalid_client")
    with sandbox().store.transaction():
        if request.form.get("grant_type") == "authorization_code":
            return exchange(app)
        if request.form.get("grant_type") == "refresh_token":
            return refresh(app)
    return refusal("unsupported_grant_type")


def exchange(app: RegisteredApp) -> Response:
    store, now = sandbox().store, sandbox().clock.now()
    code = grants.find_code(store, "xero", request.form.get("code", ""))
    if code is None or code.client_id != app.client_id or code.spent_at is not None:
        return refusal("invalid_grant")
    if now - code.issued_at > CODE_LIFE_SECONDS or request.form.get("redirect_uri") != code.redirect_uri:
        return refusal("invalid_grant")
    if code.challenge and not answers_challenge(code.challenge, request.form.get("code_verifier", "")):
        return refusal("invalid_grant")
    grants.spend_code(store, code, now=now)
    return token_answer(grants.find_grant(store, code.grant_id), now=now)


def answers_challenge(challenge: str, verifier: str) -> bool:
    """PKCE, S256: asked only of those who sent a challenge."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(digest, challenge)


def refresh(app: RegisteredApp) -> Response:
    """A new pair at every refresh. The previous token works for 30 more minutes, in case the answer was lost."""
    store, now = sandbox().store, sandbox().clock.now()
    held = grants.find_token(store, "xero", request.form.get("refresh_token", ""))
    if held is None or held.kind != "refresh" or held.expires_at <= now:
        return refusal("invalid_grant")
    if held.superseded_at is not None and not has_grace(held.superseded_at, now=now):
        return refusal("invalid_grant")
    grant = grants.find_grant(store, held.grant_id)
    if grant.revoked_at is not None or grant.client_id != app.client_id:
        return refusal("invalid_grant")
    grants.supersede(store, held, now=now)
    return token_answer(grant, now=now)


def has_grace(superseded_at: float, *, now: float) -> bool:
    return sandbox().switches.is_on("xero_refresh_grace") and now - superseded_at <= GRACE_SECONDS


def token_answer(grant: grants.Grant, *, now: float) -> Response:
    store = sandbox().store
    access = access_token(grant, scope=grant.scope, now=now, life_seconds=ACCESS_LIFE_SECONDS)
    grants.keep_token(store, grant, "access", access, now=now, life_seconds=ACCESS_LIFE_SECONDS)
    body: dict[str, Any] = {
        "access_token": access,
        "expires_in": ACCESS_LIFE_SECONDS,
        "token_type": "Bearer",
    }
    if sandbox().switches.is_on("xero_token_scope"):
        body["scope"] = grant.scope
    if "openid" in grant.scope.split():
        body["id_token"] = id_token(grant, now=now)
    if "offline_access" in grant.scope.split():
        body["refresh_token"] = secrets.token_urlsafe(32)
        grants.keep_token(store, grant, "refresh", body["refresh_token"], now=now, life_seconds=REFRESH_LIFE_SECONDS)
    return jsonify(body)


@blueprint.post("/connect/revocation")
@provider_call("xero", "revoke")
def revoke() -> Response:
    """End all that the token's person gave the app: for other firms too, where they share the person."""
    app = authenticated_app("xero", form_allowed=True)
    if app is None:
        return refusal("invalid_client")
    store, now = sandbox().store, sandbox().clock.now()
    held = grants.find_token(store, "xero", request.form.get("token", ""))
    if held is not None:
        grant = grants.find_grant(store, held.grant_id)
        with store.transaction():
            for each in grants.grants_of_user(store, provider="xero", client_id=app.client_id, user_id=grant.user_id):
                grants.revoke(store, each.grant_id, now=now)
            connections.disconnect_everywhere(store, user_id=grant.user_id, now=now)
    return Response(status=200)


@blueprint.get("/connections")
@provider_call("xero", "connections")
def list_connections() -> Response:
    grant = caller_grant()
    shown = connections.listed(
        sandbox().store, client_id=grant.client_id, user_id=grant.user_id, event_id=request.args.get("authEventId")
    )
    return jsonify(shown)


@blueprint.delete("/connections/<connection_id>")
@provider_call("xero", "disconnect")
def delete_connection(connection_id: str) -> Response:
    grant = caller_grant()
    deleted = connections.delete(
        sandbox().store, connection_id, client_id=grant.client_id, user_id=grant.user_id, now=sandbox().clock.now()
    )
    if deleted is None:
        raise Problem(403, "AuthenticationUnsuccessful")
    return deleted


def refusal(code: str) -> Response:
    return Response(json.dumps({"error": code}), status=400, content_type="application/json")
