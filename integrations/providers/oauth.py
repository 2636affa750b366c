"""The token endpoint, alike for both providers (RFC 6749): trade a code, refresh."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from oauthlib.oauth2 import OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from integrations.providers.errors import GrantLost, Misconfigured, ProviderError, RateLimited, Unavailable
from integrations.providers.texts import excerpt, redact, request_id
from integrations.providers.transport import READ_TIMEOUT, Transport, retry_after

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
        session = _Session(self, code, code_verifier, redirect_uri=redirect_uri)
        verifier = {"code_verifier": code_verifier} if code_verifier else {}
        return session.tokens(
            lambda: session.fetch_token(
                self.url,
                code=code,
                client_secret=self.client_secret,
                headers={**_FORM, **self.headers},
                timeout=READ_TIMEOUT.total_seconds(),
                **verifier,
            )
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """New tokens. When the answer brings no new refresh token, the old one is in it."""
        session = _Session(self, refresh_token)
        return session.tokens(
            lambda: session.refresh_token(
                self.url,
                refresh_token=refresh_token,
                auth=HTTPBasicAuth(self.client_id, self.client_secret),
                headers={**_FORM, **self.headers},
                timeout=READ_TIMEOUT.total_seconds(),
            )
        )


class _Session(OAuth2Session):
    """One conversation with a token endpoint. It remembers what the answer was, for the error that may come of it."""

    def __init__(self, endpoint: Endpoint, *secrets: str, redirect_uri: str | None = None) -> None:
        super().__init__(endpoint.client_id, redirect_uri=redirect_uri)
        self._secrets = secrets
        self._request_id_header = endpoint.request_id_header
        self._answer = requests.Response()
        self.trust_env = False
        self.mount("https://", endpoint.transport)
        self.mount("http://", endpoint.transport)
        for moment in ("access_token_response", "refresh_token_response"):
            self.register_compliance_hook(moment, self._readable)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """A token endpoint has no business sending us elsewhere."""
        return

    def tokens(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `ask` brings, which has both tokens in it. Raises what the answer means otherwise."""
        try:
            answer = ask()
        except OAuth2Error as error:
            code = redact(str(error.error or ""), *self._secrets, longest=40)
            # Its chain holds the request, and so the secrets.
            raise self._error(_meaning(code), redact(str(error.description or code), *self._secrets), code) from None
        except (TypeError, ValueError, AttributeError):
            raise self._error(Unavailable, "The token endpoint's answer could not be read.") from None
        if not all(_is_token(answer.get(name)) for name in ("access_token", "refresh_token")):
            raise self._error(Unavailable, "The token endpoint's answer holds no tokens.")
        return answer

    def _readable(self, answer: requests.Response) -> requests.Response:
        """Pass on an answer that speaks OAuth. oauthlib looks at no status and would take any page for a lost grant."""
        self._answer = answer
        if answer.status_code == 429:
            raise RateLimited(
                retry_after=retry_after(answer.headers),
                scope="app",
                http_status=429,
                request_id=request_id(answer.headers, self._request_id_header),
            )
        try:
            is_object = isinstance(json.loads(answer.content), dict)
        except (ValueError, RecursionError):
            is_object = False
        if answer.status_code >= 500 or not is_object:
            # A success that can't be read may hold new tokens, which nothing here would know for such: not quoted.
            page = excerpt(answer.content, *self._secrets) if answer.status_code >= 300 else ""
            raise self._error(Unavailable, page or "The token endpoint's answer could not be read.")
        return answer

    def _error(self, error: type[ProviderError], message: str, code: str = "") -> ProviderError:
        return error(
            message,
            code=code,
            http_status=self._answer.status_code,
            request_id=request_id(self._answer.headers, self._request_id_header),
        )


def _is_token(value: object) -> bool:
    """Visible ASCII, as RFC 6749 has it: anything else could not go into a header."""
    return isinstance(value, str) and re.fullmatch(r"[!-~]+", value) is not None


def _meaning(code: str) -> type[ProviderError]:
    if code == "invalid_grant":
        return GrantLost
    # A word we don't know must not cost anybody a connection.
    return Misconfigured if code in _OURS_TO_FIX else Unavailable


def seconds(value: object, otherwise: timedelta) -> timedelta:
    """A length of time that a token answer gives in seconds, as number or text."""
    try:
        return timedelta(seconds=int(str(value)))
    except (ValueError, OverflowError):
        return otherwise
