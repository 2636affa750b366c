"""Who calls Xero's API, and whether they may see this organisation."""

from datetime import UTC, datetime

from flask import request

from .. import grants
from ..client_authentication import bearer_token
from ..companies import Company, companies
from ..state import sandbox
from . import connections
from .bodies import Problem


def caller_grant() -> grants.Grant:
    """The live grant behind the caller's access token. Raises Problem 401."""
    value = bearer_token()
    token = grants.find_token(sandbox().store, "xero", value) if value else None
    if token is None or token.kind != "access":
        raise Problem(401, "AuthenticationUnsuccessful")
    if token.expires_at <= sandbox().clock.now():
        expired = datetime.fromtimestamp(token.expires_at, UTC)
        raise Problem(401, f"TokenExpired: token expired at {expired:%m/%d/%Y %H:%M:%S}")
    grant = grants.find_grant(sandbox().store, token.grant_id)
    if grant.revoked_at is not None:
        raise Problem(401, "AuthenticationUnsuccessful")
    return grant


def organisation_for(grant: grants.Grant) -> Company:
    """The organisation named by the xero-tenant-id header, if this person connected it. Raises Problem 403."""
    tenant_id = request.headers.get("xero-tenant-id", "")
    store = sandbox().store
    if connections.is_connected(store, client_id=grant.client_id, user_id=grant.user_id, tenant_id=tenant_id):
        for company in companies(store, "xero"):
            if company.tenant_id.lower() == tenant_id.lower():
                return company
    raise Problem(403, "AuthenticationUnsuccessful")


def check_scope(grant: grants.Grant, *accepted: str) -> None:
    """Raises Problem 401 unless the token carries one of these scopes."""
    if not set(accepted) & set(grant.scope.split()):
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        raise Problem(401, "AuthorizationUnsuccessful", challenge)
