"""The errors of QuickBooks Online: Intuit's pages "Error codes" and "Handling common errors", and recorded answers."""

from functools import partial

from tests.fidelity.rows import QUICKBOOKS, ErrorRow
from tests.providers.scripted_server import Reply, json_reply

INACTIVE = (
    "Something you're trying to use has been made inactive. Check the fields with accounts, customers, items, vendors"
)
UNEXPECTED = "An unexpected error occurred while accessing or saving your data. Please wait a few minutes and try again"
NUMBER_TAKEN = "DocNumber={} is assigned to TxnType=Journal Entry with TxnId=3632"


def _fault(code: str, detail: str) -> dict[str, object]:
    return {"Fault": {"Error": [{"Message": "Intuit's words", "Detail": detail, "code": code}], "type": "X"}}


def _of_call(code: str, http: int, meaning: str, expected: str, detail: str = "") -> ErrorRow:
    """The answer of the accounting service or its gateway to the whole call."""
    if http in {401, 403, 429}:
        error = {"message": f"errorCode=00{code}; statusCode={http}", "detail": detail or None, "code": code}
        body: dict[str, object] = {"fault": {"error": [error], "type": "SERVICE"}, "batchItemResponse": []}
    else:
        body = _fault(code, detail)
    return ErrorRow(QUICKBOOKS, "§8.3", str(http), code, meaning, expected, (json_reply(body, http),))


def _of_item(code: str, meaning: str, expected: str, detail: str = "", marker: str = "") -> ErrorRow:
    """A fault in one item of a batch, which comes with HTTP 200, beside a journal that was written."""
    written = {"bId": "2", "JournalEntry": {"Id": "229", "SyncToken": "0"}}
    body = {"BatchItemResponse": [written, {"bId": "1"} | _fault(code, detail)]}
    marker = f"{code} {marker}".strip()
    return ErrorRow(QUICKBOOKS, "§8.3", "200, item", marker, meaning, expected, (json_reply(body),))


def _bare(http: str, marker: str, expected: str, reply: Reply) -> ErrorRow:
    """No fault comes, or no answer at all: the same id again, after a while."""
    return ErrorRow(QUICKBOOKS, "§8.3", http, marker, "outage", expected, (reply,))


def _of_tokens(http: int, marker: str, meaning: str, expected: str, reply: Reply) -> ErrorRow:
    return ErrorRow(QUICKBOOKS, "§1.6", str(http), marker, meaning, expected, (reply,), asked="refresh")


def _token_error(http: int, code: str, meaning: str, expected: str, **members: str) -> ErrorRow:
    marker = " ".join((code, *members.values()))
    return _of_tokens(http, marker, meaning, expected, json_reply({"error": code} | members, http))


_defect = partial(_of_item, expected="Refused: other")
_wrong_account = partial(_of_item, expected="Refused: account")

ROWS = (
    # The connection and the call
    _of_call("3200", 401, "access token expired or invalid", "TokenRejected", "Token expired"),
    _of_call("100", 401, "general authentication failure", "TokenRejected"),
    _of_call("110", 401, "general authentication failure", "TokenRejected", "SRV-110-Authentication Failure"),
    _of_call("120", 401, "the person is no longer in the company; seen to pass", "Unavailable"),
    _of_call("120", 500, "the same inside a 500", "Unavailable", "11014-You do not have access"),
    _of_call("3100", 403, "app not authorised for this company, or disconnected", "CompanyGone: 3100"),
    _of_call("130", 400, "wrong cluster", "Unavailable"),
    _of_call("140", 400, "company locked out", "Unavailable"),
    _of_call("150", 400, "company under maintenance", "Unavailable"),
    _of_call("3001", 429, "throttled", "RateLimited: 60 s"),
    _of_call("3001", 403, "throttled, as it was once told", "RateLimited: 60 s"),
    _of_item("3001", "throttled, one item of a batch", "NotWritten: RateLimited"),
    _of_item("3200", "authentication, one item of a batch", "NotWritten: TokenRejected"),
    _of_call("6190", 400, "subscription ended, cancelled or unpaid", "CompanyGone: 6190"),
    _of_call("6190", 403, "the same", "CompanyGone: 6190"),
    _of_call("10200", 400, "company was reset", "CompanyGone: 10200"),
    # In doubt
    _of_call("600", 400, "duplicate request id: the first may still run", "OutcomeUnknown"),
    _of_item("600", "the same for one item", "Uncertain"),
    _of_item("6000", "transient, and the entry may have been saved", "Uncertain", UNEXPECTED, "unexpected error"),
    _of_item("6000", "the same in other words", "Uncertain", "Internal error -30003", "-30003"),
    _of_call("6000", 500, "the same of the whole call", "OutcomeUnknown", UNEXPECTED),
    _of_call("10000", 500, "application or system failure", "OutcomeUnknown"),
    _bare("500", "no Fault", "OutcomeUnknown", Reply(500, b"<html>")),
    _bare("502", "no Fault", "OutcomeUnknown", Reply(502, b"<html>")),
    _bare("503", "no Fault", "SaysUnavailable", Reply(503, b"<html>")),
    _bare("504", "no Fault", "OutcomeUnknown", Reply(504, b"<html>")),
    _bare("", "connection lost", "OutcomeUnknown", Reply(raw=lambda connection: connection.close())),
    # The mapping
    _wrong_account("610", "object made inactive", detail=INACTIVE),
    _wrong_account(
        "2500", "invalid reference, by its id", detail="Invalid Reference Id : Accounts element id 81 not found"
    ),
    _wrong_account("2500", "invalid reference, made inactive", detail=INACTIVE, marker="made inactive"),
    _wrong_account(
        "2020", "no account", detail="Required parameter AccountRef is missing in the request", marker="AccountRef"
    ),
    _wrong_account(
        "6000",
        "A/R without a customer",
        detail="When you use Accounts Receivable, you must choose a customer in the Name field.",
        marker="A/R",
    ),
    _wrong_account(
        "6000",
        "A/P without a vendor",
        detail="When you use Accounts Payable, you must choose a vendor in the Name field.",
        marker="A/P",
    ),
    _wrong_account(
        "6000",
        "currency clash",
        detail="Only home currency A/R and A/P accounts can be used with home currency balance sheet accounts",
        marker="home currency",
    ),
    *(_wrong_account(code, "account type not allowed, or guarded") for code in ("6430", "6440", "6470", "6540")),
    # The bookkeeper
    _of_item("6200", "period closed", "Refused: period"),
    _of_item("6210", "period closed with a password", "Refused: period", "Account Period Closed"),
    _of_item("5020", "permission denied, or not in this subscription", "Refused: permission"),
    _of_item("5030", "feature not supported", "Refused: permission"),
    _of_item(
        "6140", "number taken by our own journal", "Accepted: already there", NUMBER_TAKEN.format("ATH-1"), "ours"
    ),
    _of_item(
        "6140", "number taken by somebody else's", "Refused: duplicate", NUMBER_TAKEN.format("ATH-9"), "another's"
    ),
    # Ours to mend
    _of_call("500", 400, "unsupported operation: bad path or bytes, feature off", "Rejected"),
    _of_call("1040", 400, "batch too large", "Rejected"),
    _defect("2010", "unknown property"),
    _defect("2020", "required parameter missing", detail="Required parameter Line is missing in the request"),
    _defect("2050", "text too long"),
    *(_defect(code, "invalid date") for code in ("2060", "2070")),
    _of_call("2130", 400, "bad request id", "Rejected"),
    *(_defect(code, "bad amount or currency") for code in ("2140", "2220")),
    *(_defect(code, "no lines, no posting type, negative, or unbalanced") for code in ("2250", "2260", "2290", "2300")),
    *(_of_call(code, 400, "query that can't be parsed", "Rejected") for code in ("4000", "4001", "4002")),
    _defect("5010", "stale SyncToken; never where only creating"),
    _defect("6000", "business rule", detail="Fill out at least two detail lines to continue.", marker="two lines"),
    _defect("6240", "duplicate name; never for journals"),
    _defect("7777", "a code never heard of: deny by default", marker="(unknown)"),
    _of_call("7777", 400, "the same of the whole call", "Rejected"),
    _of_call("7777", 500, "a code never heard of with a server error", "OutcomeUnknown"),
    # The token endpoint
    _token_error(400, "invalid_grant", "refresh token unknown, rotated, revoked or lapsed", "GrantLost"),
    _token_error(400, "invalid_grant", "the person lost access", "GrantLost", x_error_reason="user_not_in_realm"),
    _token_error(401, "invalid_client", "our id or secret is wrong", "Misconfigured"),
    _token_error(400, "unsupported_grant_type", "our defect", "Misconfigured"),
    _token_error(400, "invalid_request", "our defect", "Misconfigured"),
    _of_tokens(500, "HTML", "transient; must not end the connection", "Unavailable", Reply(500, b"<html>")),
    _of_tokens(200, "HTML", "the same", "Unavailable", Reply(200, b"<html>")),
)
