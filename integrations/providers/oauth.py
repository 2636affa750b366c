"""The token endpoint, alike for both providers (RFC 6749): trade a code, refresh."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from integrations.providers.errors import GrantLost, Misconfigured, ProviderError, RateLimited, Unavailable
from integrations.providers.transport import READ_TIMEOUT, Transport, excerpt, redact, retry_after

_OURS_TO_FIX = {"invalid_client", "unauthorized_client", "invalid_scope", "invalid_request", "unsupported_grant_type"}
_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Endpoint:
    """A provider's token endpoint and our credentials there. `headers` go with every call to it."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    transport: Transport = field(repr=False)
    request_id_header: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def authorization(self) -> str:
        """Our credentials as the value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()

    def exchange(self, code: str, *, redirect_uri: str, code_verifier: str = "") -> dict[str, Any]:
        """Trade a code for tokens. Once only: Intuit may withdraw the tokens of a code that is shown again.

        The session carries no scope, since oauthlib raises when more was granted than asked, after the code is spent.
        """
        session = self._session(redirect_uri)
        verifier = {"code_verifier": code_verifier} if code_verifier else {}
        return self._answer(
            lambda: session.fetch_token(
                self.url,
                code=code,
                client_secret=self.client_secret,
                headers={**_FORM, **self.headers},
                timeout=READ_TIMEOUT.total_seconds(),
                **verifier,
            ),
            code,
            code_verifier,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """New tokens. When the answer brings no new refresh token, the old one is in it."""
        session = self._session()
        return self._answer(
            lambda: session.refresh_token(
                self.url,
                refresh_token=refresh_token,
                auth=HTTPBasicAuth(self.client_id, self.client_secret),
                headers={**_FORM, **self.headers},
                timeout=READ_TIMEOUT.total_seconds(),
            ),
            refresh_token,
        )

    def _session(self, redirect_uri: str | None = None) -> OAuth2Session:
        session = _Session(self.client_id, redirect_uri=redirect_uri)
        session.trust_env = False
        session.mount("https://", self.transport)
        session.mount("http://", self.transport)
        for moment in ("access_token_response", "refresh_token_response"):
            session.register_compliance_hook(moment, self._readable)
        return session

    def _readable(self, answer: requests.Response) -> requests.Response:
        """Pass on an answer that speaks OAuth. oauthlib looks at no status and would take any page for a lost grant."""
        status, request_id = answer.status_code, answer.headers.get(self.request_id_header, "")
        if status == 429:
            raise RateLimited(
                retry_after=retry_after(answer.headers), scope="app", http_status=status, request_id=request_id
            )
        try:
            is_object = isinstance(json.loads(answer.content), dict)
        except ValueError:
            is_object = False
        if status >= 500 or not is_object:
            message = excerpt(answer.content) or "The token endpoint gave no answer."
            raise Unavailable(message, http_status=status, request_id=request_id)
        return answer

    def _answer(self, ask: Callable[[], dict[str, Any]], *secrets: str) -> dict[str, Any]:
        try:
            answer = ask()
        except OAuth2Error as error:
            raise _meaning(error, *secrets) from None  # its chain holds the request, and so the secrets
        except (TypeError, ValueError, AttributeError):
            raise Unavailable("The token endpoint's answer could not be read.") from None
        if not all(isinstance(answer.get(name), str) and answer[name] for name in ("access_token", "refresh_token")):
            raise Unavailable("The token endpoint's answer holds no tokens.")
        return answer


class _Session(OAuth2Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """A token endpoint has no business sending us elsewhere."""
        return


def _meaning(error: OAuth2Error, *secrets: str) -> ProviderError:
    code = error.error or ""
    message = redact(error.description or code, *secrets)
    if code == "invalid_grant":
        return GrantLost(message, code=code, http_status=400)
    if code in _OURS_TO_FIX:
        return Misconfigured(message, code=code)
    # A word we don't know must not cost anybody a connection.
    return Unavailable(message, code=code)


def seconds(value: object, otherwise: timedelta) -> timedelta:
    """A length of time that a token answer gives in seconds, as number or text."""
    try:
        return timedelta(seconds=int(str(value)))
    except (ValueError, OverflowError):
        return otherwise
