"""What a one-way mirror has no business asking is refused, loudly, and counted."""

import logging

from flask import Response, g, jsonify, request

from . import request_log

logger = logging.getLogger("sandbox.refusals")

LEDGER_READ = "ledger_read"
NOT_OUR_BUSINESS = "not_our_business"
REASONS = {
    LEDGER_READ: "A one-way mirror has no business reading the ledger",
    NOT_OUR_BUSINESS: "A one-way mirror has no business making this call",
}


def refuse(kind: str, *, provider: str, tenant_id: str | None, what: str) -> Response:
    """Answer 403 in nobody's words but the sandbox's own, so that it can't be mistaken for a provider's answer."""
    request_log.note(provider=provider, tenant_id=tenant_id, refusal=kind, call=what)
    logger.error("%s: %s %s (%s)", REASONS[kind], request.method, request.path, what)
    answer = jsonify(
        sandbox_refusal=kind, message=f"{REASONS[kind]}: {request.method} {what}.", request_id=g.request_id
    )
    answer.status_code = 403
    return answer
