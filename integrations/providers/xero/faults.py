"""Xero's errors read as Athenty's. Xero has few codes; where only its words tell, they are quoted here.

Sources: Xero's pages "HTTP response codes" and "OAuth 2.0 troubleshooting", and recorded answers.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from integrations.providers import exact_json
from integrations.providers.base import Cause
from integrations.providers.errors import (
    CompanyGone,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    SaysUnavailable,
    ScopeMissing,
    TokenRejected,
    Unavailable,
)
from integrations.providers.texts import quoting, redact
from integrations.providers.transport import Response, retry_after

VALIDATION = 10
"""ErrorNumber of a ValidationException, whose elements tell of each journal."""

# "Account code '090' is not a valid code for this document." also for bank, receivable, payable and unknown accounts;
# "Account code 'X' has been archived, or has been deleted. Each line item must reference a valid account."
_BLAMED_ACCOUNT = re.compile(r"Account code '([^']*)'")
# "The document date cannot be before the period lock date, currently set at 30-Nov-2018"; or "end of year lock date"
_LOCKED = re.compile(r"lock date", re.IGNORECASE)
# "Idempotency Key: <key> is used with a different request."
_KEY_USED = re.compile(r"idempotency.?key.*different request", re.IGNORECASE | re.DOTALL)
# Xero's page "HTTP response codes" gives these for 503, as plain text: then Xero itself has turned the call away.
_OFFLINE = {
    b"The Organisation is offline",
    b"The Xero API is currently offline for maintenance",
    b"The Xero API is temporarily unavailable",
}


def raise_for_answer(answer: Response, *, writes: bool) -> None:
    """Return when the answer is a success, or tells of each journal; raise what it means otherwise."""
    if 200 <= answer.status < 300:
        return
    problem = read_problem(answer.body)
    if writes and answer.status == 400 and problem.get("errornumber") == VALIDATION and problem.get("elements"):
        return
    if answer.status == 429:
        raise _rate_limited(answer)
    words = redact(str(problem.get("detail") or problem.get("message") or ""))
    # "TokenExpired: token expired at 01/02/2026 03:04:05": the part before the colon is the nearest to a code.
    code = words.partition(":")[0] if re.fullmatch(r"\w+(:.*)?", words, re.DOTALL) else ""
    error = _meaning(answer, words, writes=writes)
    raise error(
        words or quoting(f"Xero answered {answer.status} without a problem's description.", answer.body),
        code=redact(str(problem.get("errornumber") or code or problem.get("type") or ""), longest=40),
        http_status=answer.status,
        request_id=answer.request_id,
    )


def read_problem(body: bytes) -> dict[str, Any]:
    """The members of an error with lower-case names, since Xero writes them both ways; empty for HTML and XML."""
    try:
        problem = exact_json.loads(body)
    except ValueError:
        return {}
    return {str(name).lower(): value for name, value in problem.items()} if isinstance(problem, Mapping) else {}


def cause(message: str) -> Cause:
    if _BLAMED_ACCOUNT.search(message):
        return Cause.ACCOUNT
    return Cause.PERIOD if _LOCKED.search(message) else Cause.OTHER


def blamed_account_code(message: str) -> str:
    found = _BLAMED_ACCOUNT.search(message)
    return found[1] if found else ""


def _meaning(answer: Response, words: str, *, writes: bool) -> type[ProviderError]:
    doubtful = OutcomeUnknown if writes else Unavailable
    if answer.status in {401, 403} and (
        "AuthorizationUnsuccessful" in words or "insufficient_scope" in answer.headers.get("WWW-Authenticate", "")
    ):
        # Xero's own texts name both statuses for it.
        return ScopeMissing
    if answer.status == 401:
        return TokenRejected
    if answer.status == 403:
        # AuthenticationUnsuccessful: disconnected in Xero, deleted, trial over, demo company reset, or the person lost
        # access. Anything else is the person's role, which is too low for manual journals.
        return CompanyGone
    if answer.status == 503:
        return Unavailable if not writes or answer.body.strip() in _OFFLINE else SaysUnavailable
    if _KEY_USED.search(words):
        # Whatever came first under this key was ours, and may have been written.
        return doubtful
    if b"ValidationException" in answer.body:
        # Without readable elements it may hide journals that were stored beside the refused ones.
        return doubtful
    # 501 is a method that Xero does not have, so nothing was done.
    was_refused = (400 <= answer.status < 500 and answer.status != 408) or answer.status == 501
    return Rejected if was_refused else doubtful


def _rate_limited(answer: Response) -> RateLimited:
    """Its body has no known form; the headers tell. There is no Retry-After for `concurrent` and `appminute`."""
    problem = redact(answer.headers.get("X-Rate-Limit-Problem", "").lower(), longest=40)
    otherwise = timedelta(seconds=5) if problem == "concurrent" else timedelta(seconds=60)
    return RateLimited(
        f"Xero's limit was reached: {problem or 'unnamed'}.",
        retry_after=retry_after(answer.headers, otherwise),
        scope="app" if problem == "appminute" else "company",
        code=problem,
        http_status=429,
        request_id=answer.request_id,
    )
