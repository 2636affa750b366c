"""Who calls Xero's API, and whether they may see this organisation."""

from datetime import UTC, datetime

from flask import request

from .. import grants
from ..client_authentication import bearer_token
from ..companies import Company, companies, has_left
from ..state import sandbox
from . import connections
from .answers import access_refused, no_permission, scope_missing
from .bodies import Offline, Problem

ROLES = ("standard_with_reports", "adviser", "standard", "read_only")
STATES = ("active", "deleted", "trial_ended", "offline")  # and "reset", which only a demo company's reset sets


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
    """The organisation named by the xero-tenant-id header, if this person connected it and it is well.

    Raises Problem 403 or Offline.
    """
    tenant_id = request.headers.get("xero-tenant-id", "")
    store = sandbox().store
    if connections.is_connected(store, client_id=grant.client_id, user_id=grant.user_id, tenant_id=tenant_id):
        for company in companies(store, "xero"):
            if company.tenant_id.lower() == tenant_id.lower():
                check_state(company, grant.user_id)
                return company
    raise access_refused()


def check_state(company: Company, user_id: str) -> None:
    """Raises Problem 403, or Offline, unless the organisation is active and the person still in it."""
    state = company.profile.get("state", "active")
    if state == "offline":
        raise Offline
    if state in ("deleted", "trial_ended", "reset") or has_left(company, user_id):
        raise access_refused()


def check_may_journal(company: Company) -> None:
    """Since June 2026 manual journals want reporting rights; other calls don't. Raises Problem 403."""
    if role(company) in ("standard", "read_only"):
        raise no_permission()


def is_adviser(company: Company) -> bool:
    return role(company) == "adviser" or company.profile["user_is_adviser"]


def role(company: Company) -> str:
    """The connected person's role in the organisation, one of ROLES."""
    return str(company.profile.get("role", "standard_with_reports"))


def check_scope(grant: grants.Grant, *accepted: str) -> None:
    """Raises Problem 401 unless the token carries one of these scopes."""
    if not set(accepted) & set(grant.scope.split()):
        raise scope_missing()
