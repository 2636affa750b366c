"""Xero's OAuth 2.0: PKCE together with the client's secret, as Xero's own guide for web apps sends it."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from oauthlib.oauth2 import WebApplicationClient
from requests_oauthlib import OAuth2Session

from integrations.providers.base import AuthorizationRequest, TokenSet
from integrations.providers.errors import Misconfigured, ScopeMissing, Unavailable
from integrations.providers.oauth import Endpoint, seconds
from integrations.providers.texts import excerpt, plain
from integrations.providers.xero.calls import REQUEST_ID_HEADER, transport

SCOPES = ("openid", "profile", "email", "offline_access", "accounting.manualjournals", "accounting.settings.read")
REFRESH_LIFETIME = timedelta(days=60)
_ACCESS_LIFETIME = timedelta(minutes=30)


def authorization_request(*, redirect_uri: str, state: str) -> AuthorizationRequest:
    pkce = WebApplicationClient(settings.XERO_CLIENT_ID)
    verifier = pkce.create_code_verifier(64)
    session = OAuth2Session(settings.XERO_CLIENT_ID, redirect_uri=redirect_uri, scope=list(SCOPES))
    url, _ = session.authorization_url(
        settings.XERO_AUTHORIZE_URL,
        state=state,
        code_challenge=pkce.create_code_challenge(verifier, "S256"),
        code_challenge_method="S256",
    )
    return AuthorizationRequest(url=url, code_verifier=verifier)


def exchange(code: str, *, redirect_uri: str, code_verifier: str) -> TokenSet:
    return _token_set(_endpoint().exchange(code, redirect_uri=redirect_uri, code_verifier=code_verifier))


def refresh(refresh_token: str) -> TokenSet:
    return _token_set(_endpoint().refresh(refresh_token))


def revoke(refresh_token: str) -> None:
    """End the grant, and with it every connection that its user made to our app. A dead grant is as good."""
    answer = transport.call(
        "POST",
        settings.XERO_REVOKE_URL,
        headers={
            "Authorization": _endpoint().authorization,
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode({"token": refresh_token, "token_type_hint": "refresh_token"}).encode(),
    )
    if answer.status in {200, 204, 404} or (answer.status == 400 and b"invalid_client" not in answer.body):
        return
    error = Misconfigured if answer.status in {400, 401, 403} else Unavailable
    raise error(excerpt(answer.body, refresh_token), http_status=answer.status, request_id=answer.request_id)


def check_scopes(tokens: TokenSet) -> None:
    """Raises ScopeMissing. More than asked is fine: Xero names all that the person ever granted us."""
    missing = [scope for scope in SCOPES if scope.startswith(("accounting.", "offline")) and scope not in tokens.scopes]
    if missing:
        raise ScopeMissing(f"The consent leaves out {', '.join(missing)}.")


def authorization_event(access_token: str) -> str:
    """The consent that this token came from, empty when it can't be told."""
    return _claim(access_token, "authentication_event_id")


def _claim(access_token: str, name: str) -> str:
    """Read from the token's payload without verifying it, and so only to narrow what Xero itself answers, or to find
    that two grants are one person's. Empty when it can't be told."""
    payload = access_token.split(".")[1] if access_token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return plain(claims.get(name), 64)
    except (ValueError, AttributeError):
        return ""


def _endpoint() -> Endpoint:
    return Endpoint(
        url=settings.XERO_TOKEN_URL,
        client_id=settings.XERO_CLIENT_ID,
        client_secret=settings.XERO_CLIENT_SECRET,
        transport=transport,
        request_id_header=REQUEST_ID_HEADER,
    )


def _token_set(answer: dict[str, Any]) -> TokenSet:
    # Xero doesn't always name the scopes, and names every one that this user ever granted us when it does.
    scope = answer.get("scope")
    return TokenSet(
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        access_expires_in=seconds(answer.get("expires_in"), _ACCESS_LIFETIME),
        refresh_expires_in=REFRESH_LIFETIME,
        scopes=tuple(scope.split() if isinstance(scope, str) else scope or SCOPES),
        person_id=_claim(answer["access_token"], "xero_userid"),
    )
