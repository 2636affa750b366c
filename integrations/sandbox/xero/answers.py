"""Xero's troubles, by name: problem bodies, exceptions, plain texts, pages of a proxy, and recorded ones."""

from collections.abc import Callable

from flask import Response

from ..named import Named, plain, recorded
from ..replays import Answer
from ..unverified import words
from .bodies import ApiException, Offline, Problem, Throttled, problem_response, rendered, respond, throttled_response

HTML, TEXT, XML, JSON = (
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
    "text/xml; charset=utf-8",
    "application/json",
)
NOT_FOUND = "The resource you're looking for cannot be found"
INSUFFICIENT_SCOPE = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}


def access_refused() -> Problem:
    """One answer for many troubles: no such tenant, disconnected, deleted, trial over, reset, person removed."""
    return Problem(403, "AuthenticationUnsuccessful")


def scope_missing() -> Problem:
    return Problem(401, "AuthorizationUnsuccessful", INSUFFICIENT_SCOPE)


def no_permission() -> Problem:
    """The connected person's role is too low for manual journals, as since June 2026 without reporting rights."""
    return Problem(403, words("xero_no_permission"))


def internal_error() -> Answer:
    body = {"ErrorNumber": 500, "Type": "InternalServerException", "Message": words("xero_internal_error")}
    return rendered(body, root="ApiException", status=500)


def not_found() -> Response:
    """text/html whatever was asked for, as Xero sends it for a path or an id it doesn't know."""
    return Response(NOT_FOUND, status=404, content_type=HTML)


def problem(make: Callable[[], Problem]) -> Callable[[], Response]:
    return lambda: problem_response(make())


def exception(number: int, kind: str, message: str) -> Callable[[], Response]:
    return lambda: respond(ApiException(number, kind, message).answer())


def throttled(name: str, retry_after: int | None) -> Callable[[], Response]:
    return lambda: throttled_response(Throttled(name, retry_after))


ANSWERS: dict[str, Named] = {
    "token_expired": recorded("xero_expired_oauth2_token.json", 401, JSON, "401 TokenExpired"),
    "unauthenticated": recorded("xero_invalid_oauth2_request_token.json", 401, JSON, "401 AuthenticationUnsuccessful"),
    "scope_missing": Named("401 AuthorizationUnsuccessful: a scope is missing", problem(scope_missing)),
    "access_refused": recorded("xero_invalid_tenant_header.json", 403, JSON, "403 AuthenticationUnsuccessful"),
    "no_permission": Named("403: the person's role is too low", problem(no_permission)),
    "invalid_request": recorded("xero_bad_request.json", 400, JSON, "400 as a problem body"),
    "validation_xml": recorded("xero_validation_exception.xml", 400, XML, "400 ValidationException as XML"),
    "malformed": Named("400, error 14", exception(14, "PostDataInvalidException", "Error converting value")),
    "bad_query": Named("400, error 16", exception(16, "QueryParseException", "Operator '=' incompatible")),
    "not_found": Named("404 as text/html", not_found),
    "precondition_failed": plain("", 412, TEXT, "a bad conditional header, or an old TLS"),
    "throttled_minute": Named("429, minute, 30 seconds to wait", throttled("minute", 30)),
    "throttled_day": Named("429, day, eighteen hours to wait", throttled("day", 67000)),
    "throttled_concurrent": Named("429, concurrent", throttled("concurrent", None)),
    "throttled_app": Named("429, appminute", throttled("appminute", None)),
    "internal_error": Named("500 as JSON, not kept", lambda: respond(internal_error())),
    "internal_error_html": plain("<h1>Server Error</h1>", 500, HTML, "500 as a page"),
    "not_implemented_xml": plain(
        "<ApiException><ErrorNumber>20</ErrorNumber><Type>ApiMethodNotImplementedException</Type><Message>The Api"
        " Method called is not implemented</Message></ApiException>",
        501, XML, "501 as XML whatever was asked for",
    ),
    "html_502": plain("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, HTML, "a proxy's page"),
    "html_504": plain("<html><body><h1>504 Gateway Time-out</h1></body></html>", 504, HTML, "nobody knows the outcome"),
    "maintenance": plain("The Xero API is currently offline for maintenance", 503, HTML, "the platform is down"),
    "unavailable": plain("The Xero API is temporarily unavailable", 503, HTML, "the platform is down"),
    "organisation_offline": plain(Offline.text, 503, HTML, "one organisation is down for minutes"),
    "invalid_grant": plain('{"error":"invalid_grant"}', 400, JSON, "token: the grant is gone"),
    "invalid_client": plain('{"error":"invalid_client"}', 400, JSON, "token: wrong id or secret"),
    "unauthorized_client": plain('{"error":"unauthorized_client"}', 400, JSON, "token: the app may not"),
    "reference_token_store": plain(
        "ReferenceTokenStore is not supported in Identity", 500, TEXT, "disconnect failed so in February 2026"
    ),
}  # fmt: skip
