"""Who is calling a token endpoint: HTTP Basic, or client_id and client_secret in the form."""

import hmac

from flask import request

from .state import RegisteredApp, sandbox


def authenticated_app(provider: str, *, form_allowed: bool) -> RegisteredApp | None:
    """The registered app the caller proved to be, or None. QuickBooks takes Basic only, Xero both ways."""
    app = sandbox().apps[provider]
    if request.authorization and request.authorization.type == "basic":
        client_id, secret = request.authorization.username, request.authorization.password
    elif form_allowed:
        client_id, secret = request.form.get("client_id"), request.form.get("client_secret")
    else:
        return None
    return app if _same(client_id, app.client_id) and _same(secret, app.client_secret) else None


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())


def bearer_token() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None
