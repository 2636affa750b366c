"""Intuit's faults, in all their shapes, read as Athenty's errors. Decided by code: the HTTP status says little there.

Codes and words: Intuit's pages "Error codes" and "Handling common errors".
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from integrations.providers import exact_json
from integrations.providers.base import Accepted, Cause, NotWritten, Outcome, Refused, Uncertain
from integrations.providers.errors import (
    CompanyGone,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    SaysUnavailable,
    TokenRejected,
    Unavailable,
)
from integrations.providers.texts import quoting, redact
from integrations.providers.transport import Response, retry_after

MEANINGS: dict[str, type[ProviderError] | Cause] = {
    # About the call, and so about every journal in it.
    "3200": TokenRejected,
    "100": TokenRejected,
    "110": TokenRejected,
    "120": Unavailable,  # the person lost access, but it is also seen to pass
    "3100": CompanyGone,
    "6190": CompanyGone,  # the subscription ended
    "10200": CompanyGone,  # the company was reset
    "130": Unavailable,  # wrong cluster
    "140": Unavailable,  # company locked out
    "150": Unavailable,  # company under maintenance
    "3001": RateLimited,
    "003001": RateLimited,
    # It may have been written.
    "600": OutcomeUnknown,  # duplicate request id: the first may still be running
    "10000": OutcomeUnknown,
    # About one journal, which was not written.
    "610": Cause.ACCOUNT,  # "has been made inactive"
    "2500": Cause.ACCOUNT,
    "6430": Cause.ACCOUNT,
    "6440": Cause.ACCOUNT,
    "6470": Cause.ACCOUNT,
    "6540": Cause.ACCOUNT,
    "6200": Cause.PERIOD,
    "6210": Cause.PERIOD,
    "6140": Cause.DUPLICATE,
    "5020": Cause.PERMISSION,
    "5030": Cause.PERMISSION,
}
"""What is not here is refused for a reason that we don't know: Cause.OTHER."""
DUPLICATE_NAME = "6240"

# 6000 is every business rule at once. These two texts need more than "refused":
# "An unexpected error occurred while accessing or saving your data. Please wait a few minutes and try again", after
# which the journal may be there; and "When you use Accounts Receivable, you must choose a customer in the Name field."
_UNEXPECTED = re.compile(r"unexpected error|-3000[03]\b", re.IGNORECASE)
_WANTS_ANOTHER_ACCOUNT = re.compile(r"Accounts (?:Receivable|Payable)|A/R and A/P|home currency", re.IGNORECASE)
# 2020: "Required parameter AccountRef is missing in the request"
_LACKS_ACCOUNT = re.compile(r"\bAccountRef\b")
# "Invalid Reference Id : Accounts element id 33 not found"
_BLAMED_ACCOUNT = re.compile(r"Accounts element id ([0-9]{1,20})\b")
# "DocNumber=X is assigned to TxnType=Journal Entry with TxnId=3632"
_HOLDER = re.compile(r"TxnType=(?P<type>.*?)\s+\S+\s+TxnId=(?P<id>[0-9]{1,20})\b")

_DOUBTFUL_STATUS = {408, 500, 502, 504}
_BY_STATUS = {401: TokenRejected, 403: CompanyGone, 429: RateLimited, 503: Unavailable}


@dataclass(frozen=True)
class Fault:
    code: str
    message: str
    """Intuit's own words, redacted: its gateway echoes the access token in the detail of a 401."""

    @property
    def meaning(self) -> type[ProviderError] | Cause:
        if _UNEXPECTED.search(self.message):
            return OutcomeUnknown
        if self.code == "6000" and _WANTS_ANOTHER_ACCOUNT.search(self.message):
            return Cause.ACCOUNT
        if self.code == "2020" and _LACKS_ACCOUNT.search(self.message):
            return Cause.ACCOUNT
        return MEANINGS.get(self.code, Cause.OTHER)


def read_faults(body: bytes) -> list[Fault]:
    """The faults of a whole answer: from the accounting service, its gateway (lower-case keys), or either in XML."""
    try:
        answer = exact_json.loads(body)
    except ValueError:
        return _xml_faults(body.decode("utf-8", "replace"))
    return faults_in(answer)


def faults_in(member: object) -> list[Fault]:
    """The faults in one JSON object, which is an answer or an item of a batch; none when there is no Fault in it."""
    fault = _lower(_lower(member).get("fault"))
    errors = fault.get("error")
    if isinstance(errors, Mapping):
        errors = [errors]
    return [_fault(_lower(error)) for error in errors or []] if isinstance(errors, list | None) else []


def raise_for_answer(answer: Response, *, writes: bool) -> None:
    """Return when the answer is HTTP 200, readable and without a fault of its own; raise what it means otherwise."""
    faults = read_faults(answer.body)
    doubtful = OutcomeUnknown if writes else Unavailable
    if faults:
        raise _error_for(faults, answer, doubtful)
    if answer.status == 200 and _is_without_fault(answer.body):
        return
    error = _BY_STATUS.get(answer.status, Rejected if 400 <= answer.status < 500 else doubtful)
    if answer.status in _DOUBTFUL_STATUS:
        error = doubtful
    if error is Unavailable and writes:
        error = SaysUnavailable
    raise _error(error, answer, message=quoting(f"Intuit answered {answer.status} without a fault.", answer.body))


def outcome_of_faults(faults: list[Fault], answer: Response, *, item_id: str, reference: str) -> Outcome:
    """What the faults of one batch item say of its journal. Any doubt among several wins."""
    meanings = [fault.meaning for fault in faults]
    if OutcomeUnknown in meanings:
        return Uncertain(item_id, _words(faults))
    for fault in faults:
        remote_id = _already_there(fault, reference)
        if remote_id:
            return Accepted(item_id, remote_id, already_there=True)
    error = _error_of_item(faults, answer)
    if error:
        return NotWritten(item_id, error)
    # A reason that we know how to lift comes before one that we don't.
    fault = next((fault for fault in faults if fault.meaning is not Cause.OTHER), faults[0])
    cause = fault.meaning if isinstance(fault.meaning, Cause) else Cause.OTHER
    blamed = _BLAMED_ACCOUNT.search(fault.message)
    return Refused(
        item_id,
        cause=cause,
        code=fault.code,
        message=_words(faults),
        account_id=blamed[1] if blamed else "",
    )


def _error_of_item(faults: list[Fault], answer: Response) -> ProviderError | None:
    """What a batch item says that is about the call and not about its journal."""
    for fault in faults:
        if not isinstance(fault.meaning, Cause) and fault.meaning is not OutcomeUnknown:
            return _error(fault.meaning, answer, message=fault.message, code=fault.code)
    return None


def _words(faults: list[Fault]) -> str:
    return " ".join(fault.message for fault in faults)[:2000]


def _already_there(fault: Fault, reference: str) -> str:
    """The id under which our own number is taken: an earlier send of ours has arrived. Empty when it is another's.

    The words around are in the company's language; "journal" stands in the English and the French.
    """
    holder = _HOLDER.search(fault.message)
    if fault.code != "6140" or holder is None or "journal" not in holder["type"].lower():
        return ""
    ours = re.search(rf"DocNumber={re.escape(reference)}(?=\s)", fault.message)
    return holder["id"] if ours else ""


def _error_for(faults: list[Fault], answer: Response, doubtful: type[ProviderError]) -> ProviderError:
    errors = [(fault, fault.meaning) for fault in faults]
    # Doubt first, then what concerns the connection, then what is refused.
    errors.sort(key=lambda pair: (pair[1] is not OutcomeUnknown, isinstance(pair[1], Cause)))
    fault, meaning = errors[0]
    if meaning is OutcomeUnknown or (meaning is Cause.OTHER and answer.status >= 500):
        error = doubtful
    else:
        error = Rejected if isinstance(meaning, Cause) else meaning
    return _error(error, answer, message=fault.message, code=fault.code)


def _error(error: type[ProviderError], answer: Response, *, message: str, code: str = "") -> ProviderError:
    make = partial(RateLimited, retry_after=retry_after(answer.headers)) if error is RateLimited else error
    return make(message, code=code, http_status=answer.status, request_id=answer.request_id)


def _fault(error: dict[str, Any]) -> Fault:
    words = [str(error[name]) for name in ("message", "detail") if error.get(name)]
    if words[1:] and words[1].startswith(words[0]):
        del words[0]  # the detail says it again, and goes on
    return Fault(code=redact(str(error.get("code") or ""), longest=40), message=redact(": ".join(words)))


def _xml_faults(text: str) -> list[Fault]:
    """By pattern and not by parser: the gateway's XML is at times cut short, and an error hides nothing deeper."""
    faults = []
    for attributes, inner in re.findall(r"<Error\b([^>]{0,500})>(.*?)(?:</Error>|$)", text[:100_000], re.DOTALL):
        code = re.search(r'\bcode="([^"]*)"', attributes)
        words = {
            name.lower(): html.unescape(value).strip()
            for name, value in re.findall(r"<(Message|Detail)>(.*?)</\1>", inner, re.DOTALL)
        }
        faults.append(_fault({"code": code[1] if code else "", **words}))
    return faults


def _lower(member: object) -> dict[str, Any]:
    """The object with lower-case names, as the gateway writes them; empty for what is no object."""
    return {str(name).lower(): value for name, value in member.items()} if isinstance(member, Mapping) else {}


def _is_without_fault(body: bytes) -> bool:
    """Whether it is an object, and has no fault in it that we could not read."""
    try:
        answer = exact_json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and not _lower(answer).get("fault") and "Fault" not in answer
