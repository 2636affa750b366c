"""The errors of Xero: its pages "HTTP response codes" and "OAuth 2.0 troubleshooting", and recorded answers."""

from tests.fidelity.rows import XERO, ErrorRow
from tests.providers.examples import company
from tests.providers.scripted_server import Reply, json_reply

BAD_ACCOUNT = "Account code '2100' is not a valid code for this document."
ARCHIVED = "Account code '2100' has been archived, or has been deleted. Each line item must reference a valid account."
LOCKED = "The document date cannot be before the {} lock date, currently set at 30-Nov-2018"
UNBALANCED = "The total debits (100.00) must equal total credits (-10.00)"
KEY_USED = "Idempotency Key: abc is used with a different request."
OFFLINE = ("The Xero API is currently offline for maintenance", "The Xero API is temporarily unavailable")


def _row(http: str, marker: str, meaning: str, expected: str, *replies: Reply) -> ErrorRow:
    return ErrorRow(XERO, "§7", http, marker, meaning, expected, replies)


def _element(message: str, meaning: str, expected: str, *, http: int) -> ErrorRow:
    """A refused journal, in a mixed 200 beside a stored one, or in a 400 that lists the bad ones alone."""
    bad = {
        "Narration": "ATH-1 Retainer moved to fees",
        "StatusAttributeString": "ERROR",
        "ManualJournalID": "00000000-0000-0000-0000-000000000000",
        "ValidationErrors": [{"Message": message}],
    }
    body: dict[str, object] = {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [bad]}
    if http == 200:
        body = {"Status": "OK", "ManualJournals": [bad]}
    return _row(f"{http}, element", message, meaning, expected, json_reply(body, http))


def _exception(number: int | None, kind: str, meaning: str, expected: str, message: str = "Xero's words") -> ErrorRow:
    body = {"ErrorNumber": number, "Type": kind, "Message": message} if number else {"Message": message}
    return _row("400", f"{number} {kind}" if number else message, meaning, expected, json_reply(body, 400))


def _problem(http: int, detail: str, meaning: str, expected: str, *then: Reply, marker: str = "") -> ErrorRow:
    body = {"Type": None, "Title": "Title", "Status": http, "Detail": detail, "Instance": "5d", "Extensions": {}}
    return _row(str(http), f"{detail} {marker}".strip(), meaning, expected, json_reply(body, http), *then)


def _limit(problem: str, meaning: str, expected: str, retry_after: int | None = None) -> ErrorRow:
    headers = {"X-Rate-Limit-Problem": problem}
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return _row("429", problem, meaning, expected, Reply(429, b"", headers))


def _text(http: int, text: str, meaning: str, expected: str) -> ErrorRow:
    return _row(str(http), text, meaning, expected, Reply(http, text.encode(), {"Content-Type": "text/html"}))


def _token_error(http: int, code: str, meaning: str, expected: str) -> ErrorRow:
    return ErrorRow(
        XERO, "§1.4", str(http), code, meaning, expected, (json_reply({"error": code}, http),), asked="refresh"
    )


_LISTED = json_reply([{"id": "c-1", "tenantId": company().id, "tenantType": "ORGANISATION"}])
_NOT_LISTED = json_reply([])
_INSUFFICIENT = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}

ROWS = (
    # 400
    _element(BAD_ACCOUNT, "account that journals can't use", "Refused: account", http=200),
    _element(ARCHIVED, "archived account", "Refused: account", http=200),
    _element(LOCKED.format("period"), "period locked", "Refused: period", http=200),
    _element(LOCKED.format("end of year"), "year locked", "Refused: period", http=200),
    _element(UNBALANCED, "our defect", "Refused: other", http=200),
    _element("Words never heard before", "unknown: deny by default", "Refused: other", http=200),
    _element(BAD_ACCOUNT, "the same, as a 400 tells it", "Refused: account", http=400),
    _exception(10, "ValidationException", "without elements it may hide stored journals", "OutcomeUnknown"),
    _exception(14, "PostDataInvalidException", "malformed payload", "Rejected"),
    _exception(16, "QueryParseException", "bad where or order", "Rejected"),
    _exception(17, "NoDataProcessedException", "empty body", "Rejected"),
    _exception(None, "", "key used for another body: the first of it may be stored", "OutcomeUnknown", KEY_USED),
    # 401 and 403
    _problem(401, "TokenExpired: token expired at 01/02/2026 03:04:05", "access token expired", "TokenRejected"),
    _problem(401, "AuthorizationUnsuccessful", "scope missing", "ScopeMissing"),
    _row(
        "401", "insufficient_scope", "scope missing, told by a header", "ScopeMissing", Reply(401, b"", _INSUFFICIENT)
    ),
    _problem(403, "AuthorizationUnsuccessful", "scope missing, as another text has it", "ScopeMissing"),
    _problem(
        403,
        "AuthenticationUnsuccessful",
        "disconnected there, deleted, or demo reset",
        "CompanyGone: disconnected",
        _NOT_LISTED,
        marker="(not in /connections)",
    ),
    _problem(
        403,
        "AuthenticationUnsuccessful",
        "the person lost access or role",
        "CompanyGone: permission",
        _LISTED,
        marker="(still in /connections)",
    ),
    _problem(
        403,
        "AuthenticationUnsuccessful",
        "either, when the list can't be had",
        "CompanyGone: AuthenticationUnsuccessful",
        Reply(500),
        marker="(no answer from /connections)",
    ),
    _problem(
        403,
        "You are not permitted to access this resource",
        "role too low for journals",
        "CompanyGone: permission",
        _LISTED,
    ),
    # The rest
    _text(404, "The resource you're looking for cannot be found", "wrong address", "Rejected"),
    _text(412, "", "bad conditional header", "Rejected"),
    _limit("minute", "60 calls a minute", "RateLimited: 41 s", 41),
    _limit("day", "calls of the day are used up", "RateLimited: 67000 s", 67_000),
    _limit("concurrent", "5 at a time; no Retry-After", "RateLimited: 5 s"),
    _limit("appminute", "all companies of the app; no Retry-After", "RateLimited: 60 s, app"),
    _row("500", "JSON", "may have partly run", "OutcomeUnknown", json_reply({"Message": "x"}, 500)),
    _text(500, "<html>", "the same as HTML", "OutcomeUnknown"),
    _text(501, "<ApiException/>", "method not implemented", "Rejected"),
    *(_text(503, text, "platform outage", "Unavailable") for text in OFFLINE),
    _text(503, "The Organisation is offline", "this organisation alone, for minutes", "Unavailable"),
    _text(503, "<html>", "a gateway's word, in its own words", "SaysUnavailable"),
    _text(502, "<html>", "unknown outcome", "OutcomeUnknown"),
    _text(504, "<html>", "unknown outcome", "OutcomeUnknown"),
    _row("", "connection lost", "unknown outcome", "OutcomeUnknown", Reply(raw=lambda connection: connection.close())),
    # The token endpoint
    _token_error(400, "invalid_grant", "code or refresh token is dead", "GrantLost"),
    _token_error(400, "invalid_client", "our id or secret is wrong", "Misconfigured"),
    _token_error(400, "unsupported_grant_type", "our defect", "Misconfigured"),
    _token_error(400, "unauthorized_client", "our configuration", "Misconfigured"),
    _token_error(400, "invalid_request", "our configuration", "Misconfigured"),
    _token_error(400, "invalid_scope", "our configuration", "Misconfigured"),
)
