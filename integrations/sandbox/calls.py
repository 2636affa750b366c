"""Naming a provider call: the name it is logged under, and the place where an armed fault strikes."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import make_response, request

from . import grants, request_log
from .state import sandbox
from .striking import struck
from .xero import connections

View = Callable[..., Any]


def provider_call(provider: str, call: str, *, is_write: bool = False) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def answer(*args: Any, **kwargs: Any) -> Any:
            request_log.note(provider=provider, call=call, is_write=is_write)
            fault = sandbox().faults.next_for(provider, call, tenants_concerned(provider))
            if fault is None:
                return view(*args, **kwargs)
            return struck(fault, lambda: make_response(view(*args, **kwargs)))

        return answer

    return decorate


def tenants_concerned(provider: str) -> set[str]:
    """The companies a call is about: named in the address or header, or reached by the token or code in the form."""
    named = (request.view_args or {}).get("realm") or request.headers.get("xero-tenant-id")
    if named:
        return {named.lower()}
    store = sandbox().store
    found: set[str] = set()
    for value in request.form.values():
        held = grants.find_token(store, provider, value) or grants.find_code(store, provider, value)
        if held is not None:
            grant = grants.find_grant(store, held.grant_id)
            found |= {grant.tenant_id} if grant.tenant_id else connections.tenants_of(store, user_id=grant.user_id)
    return found
