"""Naming a provider call: the name it is logged under, and the place where an armed fault strikes."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, make_response, request

from . import request_log
from .faults import Fault, drop_connection
from .state import sandbox

View = Callable[..., Any]


def provider_call(provider: str, call: str, *, is_write: bool = False) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def answer(*args: Any, **kwargs: Any) -> Any:
            request_log.note(provider=provider, call=call, is_write=is_write)
            fault = sandbox().faults.next_for(provider, call)
            if fault is None:
                return view(*args, **kwargs)
            return _struck(fault, lambda: make_response(view(*args, **kwargs)))

        return answer

    return decorate


def _struck(fault: Fault, work: Callable[[], Response]) -> Response:
    """Answer as the fault says. The work commits before this returns, so a drop after it is a drop after the commit."""
    request_log.note(fault=fault.do)
    response = Response(fault.body, status=fault.status, content_type=fault.content_type)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    if fault.do in ("drop_after_commit", "status_after_commit"):
        work()
    elif fault.do == "delay":
        response = work()
    time.sleep(fault.delay_seconds)
    if fault.do.startswith("drop"):
        drop_connection(request.environ)
    return response
