"""How an armed fault plays out around the work of a call."""

import threading
import time
from collections.abc import Callable
from io import BytesIO

from flask import Response, current_app, g, request

from . import request_log
from .answers import ANSWERS
from .faults import INSIDE, Fault, drop_connection
from .retry_after import retry_after
from .server import CUT, PIECES

Work = Callable[[], Response]

DRIPS = 20


def struck(fault: Fault, work: Work) -> Response:
    """Answer as the fault says. The work commits before this returns, so a drop after it is a drop after the commit."""
    request_log.note(fault=fault.do)
    if fault.do in INSIDE:
        g.fault = fault
        return work()
    if fault.do == "commit_late":
        commit_later(fault, work)
        time.sleep(fault.hold_seconds)
        drop_connection(request.environ)
        return Response(status=fault.status)
    response = work() if fault.do in ("delay", "drip", "trickle", "cut") or fault.do.endswith("_after_commit") else None
    if fault.do == "drip":
        length = len(response.get_data()) if response else 0
        request.environ[PIECES] = max(1, length // DRIPS), fault.delay_seconds / DRIPS
    elif fault.do == "trickle":
        request.environ[PIECES] = 1, 1.0
    elif fault.do == "cut":
        request.environ[CUT] = True
    else:
        time.sleep(fault.delay_seconds)
    if fault.do.startswith("drop"):
        drop_connection(request.environ)
    if response is None or fault.do.startswith(("status", "answer")):
        response = told_instead(fault)
    return response


def told_instead(fault: Fault) -> Response:
    """The answer that stands where the work's own would: named after a provider's, or spelt out in the fault."""
    if fault.answer is not None:
        response = ANSWERS[fault.provider][fault.answer].build()
    else:
        response = Response(fault.body, status=fault.status, content_type=fault.content_type)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = retry_after(fault.retry_after, fault.retry_after_form)
    return response


def commit_later(fault: Fault, work: Work) -> None:
    """Do the work when its caller is gone. Whatever else arrives in between is done before it."""
    application = current_app._get_current_object()  # type: ignore[attr-defined]
    environ = request.environ | {"wsgi.input": BytesIO(request.get_data())}
    facts = dict(g.facts)

    def finish() -> None:
        with application.request_context(environ):
            request_log.begin()
            request_log.note(**facts)
            try:
                response = work()
            except Exception as refusal:  # noqa: BLE001 - whatever the call raises has its answer, which nobody gets
                response = application.make_response(application.handle_user_exception(refusal))
            request_log.finish(response)

    timer = threading.Timer(fault.hold_seconds + fault.delay_seconds, finish)
    timer.daemon = True  # a stopping sandbox doesn't wait for it
    timer.start()
