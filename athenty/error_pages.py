"""What a visitor sees when something can't be done: no access, a form grown old, a failure of ours."""

import logging
import secrets
import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.template import loader
from django.template.response import TemplateResponse

from athenty.organizations.access import no_access, page_it_came_from

logger = logging.getLogger(__name__)

_REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another
_PLAIN = "Something went wrong on our side. Reference {reference}. Write to {support_email}."


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return no_access(request).render()


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of this session: it was open while the person signed in anew, or is not ours."""
    context = {"came_from": page_it_came_from(request), "no_cookie": reason == REASON_NO_CSRF_COOKIE}
    return TemplateResponse(request, "403_csrf.html", context, status=403).render()


def server_error(request: HttpRequest) -> HttpResponse:
    """A page that needs no database, session or context processor: any of them may be what failed.

    The reference stands on the page, in a header for scripts, and in the log beside the name of the error.
    """
    reference = "AT-" + "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(6))
    logger.error("%s: %s %s, %s", reference, request.method, request.path, _name_of(sys.exc_info()[1]))
    context = {"reference": reference, "support_email": settings.SUPPORT_EMAIL}
    try:
        answer = HttpResponse(loader.render_to_string("500.html", context), status=500)
    except Exception:
        logger.exception("%s: the page that says so failed too", reference)
        answer = HttpResponse(_PLAIN.format(**context), content_type="text/plain; charset=utf-8", status=500)
    answer.headers["X-Error-Reference"] = reference
    return answer


def _name_of(error: BaseException | None) -> str:
    return type(error).__name__ if error else "no exception"
