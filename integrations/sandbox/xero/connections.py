"""Which organisations a person connected to an app: /connections, and the rows behind it."""

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Response

from ..companies import GONE, find_company
from ..store import Store, as_json


def connect(store: Store, *, client_id: str, user_id: str, tenant_id: str, event_id: str, now: float) -> None:
    """Connect an organisation, or mark an existing connection as renewed by this consent."""
    renewed = store.execute(
        "UPDATE connections SET event_id = ?, updated_at = ?"
        " WHERE client_id = ? AND user_id = ? AND tenant_id = ? AND deleted_at IS NULL",
        event_id, now, client_id, user_id, tenant_id,
    )  # fmt: skip
    if not renewed:
        store.execute(
            "INSERT INTO connections VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            str(uuid.uuid4()), client_id, user_id, tenant_id, event_id, now, now,
        )  # fmt: skip


def is_connected(store: Store, *, client_id: str, user_id: str, tenant_id: str) -> bool:
    return (
        store.row(
            "SELECT 1 FROM connections"
            " WHERE client_id = ? AND user_id = ? AND tenant_id = ? COLLATE NOCASE AND deleted_at IS NULL",
            client_id, user_id, tenant_id,
        ) is not None
    )  # fmt: skip


def listed(store: Store, *, client_id: str, user_id: str, event_id: str | None) -> list[dict[str, Any]]:
    """The person's connections as the API shows them; with `event_id` only those of that consent."""
    rows = store.rows(
        "SELECT * FROM connections WHERE client_id = ? AND user_id = ? AND deleted_at IS NULL"
        " AND (? IS NULL OR event_id = ?) ORDER BY created_at",
        client_id, user_id, event_id, event_id,
    )  # fmt: skip
    shown = []
    for row in rows:
        company = find_company(store, "xero", row["tenant_id"])
        if company is not None and company.profile.get("state") not in GONE:
            shown.append(
                {
                    "id": row["connection_id"],
                    "authEventId": row["event_id"],
                    "tenantId": row["tenant_id"],
                    "tenantType": "ORGANISATION",
                    "tenantName": company.name,
                    "createdDateUtc": _moment(row["created_at"]),
                    "updatedDateUtc": _moment(row["updated_at"]),
                }
            )
    return shown


def tenants_of(store: Store, *, user_id: str) -> set[str]:
    """The organisations one person connected."""
    rows = store.rows("SELECT tenant_id FROM connections WHERE user_id = ? AND deleted_at IS NULL", user_id)
    return {row["tenant_id"] for row in rows}


def disconnect_everywhere(
    store: Store, *, now: float, user_id: str | None = None, tenant_id: str | None = None
) -> None:
    """End every connection of one person (a revocation) or of one organisation (its administrator's choice)."""
    store.execute(
        "UPDATE connections SET deleted_at = ? WHERE deleted_at IS NULL AND (user_id = ? OR tenant_id = ?)",
        now, user_id, tenant_id,
    )  # fmt: skip


def delete(store: Store, connection_id: str, *, client_id: str, user_id: str, now: float) -> Response | None:
    """Delete one connection. None when the id is one of a tenant or a consent, which Xero answers with 403."""
    deleted = store.execute(
        "UPDATE connections SET deleted_at = ?"
        " WHERE connection_id = ? AND client_id = ? AND user_id = ? AND deleted_at IS NULL",
        now, connection_id, client_id, user_id,
    )  # fmt: skip
    if deleted:
        return Response(status=204)
    other_id = store.row("SELECT 1 FROM connections WHERE tenant_id = ? OR event_id = ?", connection_id, connection_id)
    return (
        None if other_id else Response(as_json({"status": 404, "title": "Not Found"}), 404, mimetype="application/json")
    )


def _moment(seconds: float) -> str:
    """Seven fractional digits and no zone, as /connections writes it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}0"
