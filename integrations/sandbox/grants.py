"""Consents given, authorization codes, access and refresh tokens: what both providers keep alike."""

import secrets
import sqlite3
import uuid
from dataclasses import dataclass
from typing import Any

from .store import Store


@dataclass(frozen=True)
class Grant:
    """What one person allowed one app. `tenant_id` is None where a grant is not bound to one company (Xero)."""

    grant_id: str
    provider: str
    client_id: str
    user_id: str
    tenant_id: str | None
    scope: str
    event_id: str
    created_at: float
    revoked_at: float | None


@dataclass(frozen=True)
class Code:
    value: str
    client_id: str
    redirect_uri: str
    grant_id: str
    challenge: str | None
    issued_at: float
    spent_at: float | None


@dataclass(frozen=True)
class Token:
    """An access or refresh token (`kind`). A superseded refresh token was replaced by a newer one."""

    value: str
    kind: str
    grant_id: str
    issued_at: float
    expires_at: float
    superseded_at: float | None


def new_grant(
    store: Store, *, provider: str, client_id: str, user_id: str, tenant_id: str | None, scope: str, now: float
) -> Grant:
    grant = Grant(
        grant_id=str(uuid.uuid4()), provider=provider, client_id=client_id, user_id=user_id, tenant_id=tenant_id,
        scope=scope, event_id=str(uuid.uuid4()), created_at=now, revoked_at=None,
    )  # fmt: skip
    store.execute(
        "INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        grant.grant_id, provider, client_id, user_id, tenant_id, scope, grant.event_id, now,
    )  # fmt: skip
    return grant


def find_grant(store: Store, grant_id: str) -> Grant:
    row = store.row("SELECT * FROM grants WHERE grant_id = ?", grant_id)
    if row is None:
        raise LookupError(f"no grant {grant_id}")
    return Grant(**dict(row))


def grants_of_user(store: Store, *, provider: str, client_id: str, user_id: str) -> list[Grant]:
    """The live grants one person gave one app."""
    rows = store.rows(
        "SELECT * FROM grants WHERE provider = ? AND client_id = ? AND user_id = ? AND revoked_at IS NULL",
        provider, client_id, user_id,
    )  # fmt: skip
    return [Grant(**dict(row)) for row in rows]


def revoke(store: Store, grant_id: str, *, now: float) -> None:
    store.execute("UPDATE grants SET revoked_at = ? WHERE grant_id = ? AND revoked_at IS NULL", now, grant_id)


def revoke_company(store: Store, *, provider: str, tenant_id: str, now: float) -> None:
    """End every grant for one company, as its own administrator can."""
    store.execute(
        "UPDATE grants SET revoked_at = ? WHERE provider = ? AND tenant_id = ? AND revoked_at IS NULL",
        now, provider, tenant_id,
    )  # fmt: skip


def new_code(store: Store, grant: Grant, *, redirect_uri: str, challenge: str | None, now: float) -> str:
    value = secrets.token_urlsafe(32)
    store.execute(
        "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        value, grant.provider, grant.client_id, redirect_uri, grant.grant_id, challenge, now,
    )  # fmt: skip
    return value


def find_code(store: Store, provider: str, value: str) -> Code | None:
    row = store.row("SELECT * FROM codes WHERE provider = ? AND value = ?", provider, value)
    return Code(**_without(row, "provider")) if row else None


def spend_code(store: Store, code: Code, *, now: float) -> None:
    store.execute("UPDATE codes SET spent_at = ? WHERE value = ?", now, code.value)


def keep_token(store: Store, grant: Grant, kind: str, value: str, *, now: float, life_seconds: float) -> None:
    store.execute(
        "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)",
        value, grant.provider, kind, grant.grant_id, now, now + life_seconds,
    )  # fmt: skip


def find_token(store: Store, provider: str, value: str) -> Token | None:
    row = store.row("SELECT * FROM tokens WHERE provider = ? AND value = ?", provider, value)
    return Token(**_without(row, "provider")) if row else None


def supersede(store: Store, token: Token, *, now: float) -> None:
    store.execute("UPDATE tokens SET superseded_at = ? WHERE value = ? AND superseded_at IS NULL", now, token.value)


def prolong(store: Store, token: Token, *, expires_at: float) -> None:
    store.execute("UPDATE tokens SET expires_at = ? WHERE value = ?", expires_at, token.value)


def everything_issued(store: Store) -> list[dict[str, Any]]:
    """Every code and token ever issued, in the clear: for tests that search logs for them."""
    rows = store.rows("SELECT provider, kind, value FROM tokens UNION ALL SELECT provider, 'code', value FROM codes")
    return [dict(row) for row in rows]


def _without(row: sqlite3.Row, name: str) -> dict[str, Any]:
    return {key: row[key] for key in row.keys() if key != name}  # noqa: SIM118 - a Row iterates over its values
