"""The request log: what was called, how it was answered, how long it took. Never a token, a code or a body."""

import time
import uuid
from typing import Any

from flask import Response, g, request

from .state import sandbox


def begin() -> None:
    """Give the request its id, which both providers also tell their callers."""
    g.request_id = str(uuid.uuid4())
    g.started = time.perf_counter()


def note(**facts: Any) -> None:
    """Add to the current request's row: provider, tenant_id, call, idempotency_key, items, is_write, refusal, fault."""
    g.setdefault("facts", {}).update(facts)


def finish(response: Response) -> Response:
    if request.path.startswith(("/control/", "/books/")) or request.path == "/":
        return response  # only what a provider would see
    facts = g.get("facts", {})
    sandbox().store.execute(
        "INSERT INTO requests VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sandbox().clock.now(), g.request_id, request.method, request.path, facts.get("provider"),
        facts.get("tenant_id"), facts.get("call"), facts.get("idempotency_key"), facts.get("items"),
        int(facts.get("is_write", False)), facts.get("refusal"), facts.get("fault"), response.status_code,
        round((time.perf_counter() - g.started) * 1000, 2),
    )  # fmt: skip
    return response
