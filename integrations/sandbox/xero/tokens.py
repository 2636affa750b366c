"""Xero's access and id tokens: signed JSON web tokens whose claims an app may read."""

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

from ..grants import Grant

# Xero signs with RS256 and publishes its keys; no app verifies an access token it only passes back.
SIGNING_KEY = b"sandbox"


def access_token(grant: Grant, *, scope: str, now: float, life_seconds: int) -> str:
    return signed(
        {
            "iss": "https://identity.xero.com",
            "aud": "https://identity.xero.com/resources",
            "client_id": grant.client_id,
            "sub": grant.user_id,
            "xero_userid": user_uuid(grant.user_id),
            "global_session_id": uuid.uuid4().hex,
            "authentication_event_id": grant.event_id,
            "scope": scope.split(),
            "jti": uuid.uuid4().hex,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now + life_seconds),
        }
    )


def id_token(grant: Grant, *, now: float) -> str:
    return signed(
        {
            "iss": "https://identity.xero.com",
            "aud": grant.client_id,
            "sub": grant.user_id,
            "xero_userid": user_uuid(grant.user_id),
            "email": f"{grant.user_id}@example.test",
            "given_name": grant.user_id.title(),
            "family_name": "Sandbox",
            "iat": int(now),
            "exp": int(now + 300),
        }
    )


def user_uuid(user_id: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{user_id}.sandbox.test"))


def signed(claims: dict[str, Any]) -> str:
    signed_part = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed_part}.{_encoded(hmac.digest(SIGNING_KEY, signed_part.encode(), hashlib.sha256))}"


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
