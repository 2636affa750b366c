"""Intuit's OAuth 2.0: a confidential client without PKCE, which Intuit does not offer."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from requests_oauthlib import OAuth2Session

from integrations.providers import exact_json
from integrations.providers.base import AuthorizationRequest, TokenSet
from integrations.providers.errors import Misconfigured, Unavailable
from integrations.providers.oauth import Endpoint, seconds
from integrations.providers.quickbooks.calls import REQUEST_ID_HEADER, transport
from integrations.providers.texts import excerpt

SCOPE = "com.intuit.quickbooks.accounting"  # there is no narrower one
REFRESH_LIFETIME = timedelta(days=100)


def authorization_request(*, redirect_uri: str, state: str) -> AuthorizationRequest:
    session = OAuth2Session(settings.QUICKBOOKS_CLIENT_ID, redirect_uri=redirect_uri, scope=[SCOPE])
    url, _ = session.authorization_url(settings.QUICKBOOKS_AUTHORIZE_URL, state=state)
    return AuthorizationRequest(url=url, code_verifier="")


def exchange(code: str, *, redirect_uri: str) -> TokenSet:
    return _token_set(_endpoint().exchange(code, redirect_uri=redirect_uri))


def refresh(refresh_token: str) -> TokenSet:
    return _token_set(_endpoint().refresh(refresh_token))


def revoke(refresh_token: str) -> None:
    """End the grant. Intuit answers 400, often with an empty body, for one that is dead already: that is done too."""
    answer = transport.call(
        "POST",
        settings.QUICKBOOKS_REVOKE_URL,
        headers={
            "Authorization": _endpoint().authorization,
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
        body=exact_json.dumps({"token": refresh_token}),
    )
    if answer.status in {200, 204, 400, 404}:
        return
    error = Misconfigured if answer.status in {401, 403} else Unavailable
    raise error(excerpt(answer.body, refresh_token), http_status=answer.status, request_id=answer.request_id)


def _endpoint() -> Endpoint:
    return Endpoint(
        url=settings.QUICKBOOKS_TOKEN_URL,
        client_id=settings.QUICKBOOKS_CLIENT_ID,
        client_secret=settings.QUICKBOOKS_CLIENT_SECRET,
        transport=transport,
        request_id_header=REQUEST_ID_HEADER,
        # Without it the answer does not tell when the five years of a grant end.
        headers={"x-include-refresh-token-hard-expires-in": "true"},
    )


def _token_set(answer: dict[str, Any]) -> TokenSet:
    hard_end = seconds(answer.get("x_refresh_token_hard_expires_in"), timedelta(0))
    return TokenSet(
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        access_expires_in=seconds(answer.get("expires_in"), timedelta(hours=1)),
        refresh_expires_in=seconds(answer.get("x_refresh_token_expires_in"), REFRESH_LIFETIME),
        grant_expires_in=hard_end or None,
        scopes=(SCOPE,),
    )
