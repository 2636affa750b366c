"""Manual journals as Xero takes them, and its answers. Pure: no network, no clock, no settings.

Xero's reference page: ManualJournals.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from integrations.providers import exact_json
from integrations.providers.base import (
    Accepted,
    Cause,
    DraftLine,
    JournalDraft,
    Outcome,
    Refused,
    SealedBody,
    Uncertain,
)
from integrations.providers.errors import OutcomeUnknown
from integrations.providers.texts import quoting, redact
from integrations.providers.transport import Response
from integrations.providers.xero import faults

_LONGEST_NARRATION = 1000  # Xero tells no limit
_LONGEST_DESCRIPTION = 4000


def seal(drafts: Sequence[JournalDraft]) -> SealedBody:
    """One request. Xero has no field for our number: each journal is known by the first word of its narration."""
    journals = [manual_journal(draft) for draft in drafts]
    return SealedBody(
        body=exact_json.dumps({"ManualJournals": journals}), item_ids=tuple(draft.reference for draft in drafts)
    )


def manual_journal(draft: JournalDraft) -> dict[str, Any]:
    """Status and LineAmountTypes are always said: Xero's defaults are a draft, and a tax treatment told in two ways."""
    if draft.reference.split() != [draft.reference]:
        raise ValueError(f"The reference {draft.reference!r} should be one word.")
    return {
        "Narration": shortened(f"{draft.reference} {draft.memo}".rstrip(), _LONGEST_NARRATION),
        "Date": draft.on.isoformat(),
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "JournalLines": [_line(line) for line in draft.lines],
    }


def outcomes(
    answer: Response, *, item_ids: Sequence[str], references: Sequence[str], sent: bytes
) -> tuple[Outcome, ...]:
    """One outcome per journal sent, found by the reference in its narration, never by position.

    Reads both a mixed 200 and a 400 that lists only the bad ones; of the others a 400 says nothing, and Xero may have
    written them. Raises OutcomeUnknown when there are no elements to read.
    """
    try:
        members = exact_json.loads(answer.body)
        elements = members.get("Elements" if answer.status == 400 else "ManualJournals")
    except (ValueError, AttributeError):
        elements = None
    if not isinstance(elements, list):
        raise OutcomeUnknown(
            quoting("The answer lists no journals.", answer.body),
            http_status=answer.status,
            request_id=answer.request_id,
        )
    of_reference: dict[str, list[dict[str, Any]]] = {reference: [] for reference in references}
    for element in elements:
        reference = _reference(element)
        if reference in of_reference:
            of_reference[reference].append(element)
    account_ids = _account_ids(sent)
    return tuple(
        _outcome(of_reference[reference], answer, item_id=item_id, account_ids=account_ids)
        for item_id, reference in zip(item_ids, references, strict=True)
    )


def shortened(text: str, longest: int) -> str:
    """The text, cut at the limit: words may be cut, amounts, dates and accounts never."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _line(line: DraftLine) -> dict[str, Any]:
    """One signed amount: debits positive. The code is what Xero documents, the id what a renumbering leaves alone."""
    described = {"Description": shortened(line.description, _LONGEST_DESCRIPTION)} if line.description else {}
    return {
        **described,
        "LineAmount": line.debit if line.debit else -(line.credit or Decimal(0)),
        "AccountCode": line.account_number,
        "AccountID": line.account_id,
    }


def _outcome(
    elements: list[dict[str, Any]], answer: Response, *, item_id: str, account_ids: Mapping[str, str]
) -> Outcome:
    if len(elements) != 1:
        trouble = "The answer names this journal twice." if elements else "The answer omits this journal."
        return Uncertain(item_id, quoting(trouble, answer.body))
    (element,) = elements
    status, remote_id = element.get("StatusAttributeString"), _journal_id(element)
    errors, warnings = _messages(element, "ValidationErrors"), _messages(element, "Warnings")
    unreadable = Uncertain(
        item_id, quoting("The answer for this journal could not be read.", exact_json.quote(element))
    )
    if status == "ERROR" or errors or answer.status == 400:
        # An id beside an error would mean that it is there all the same; an error without a word can mean anything.
        return _refused(item_id, errors, account_ids) if errors and not remote_id else unreadable
    if warnings or status == "WARNING":
        # It was written, but Xero's own example of a warning is a line that it left out for want of a known account:
        # neither "as we sent it" nor "not there" would be true, so a person looks.
        return Uncertain(item_id, f"Xero stored it with a warning: {' '.join(warnings)}"[:2000])
    if remote_id and status in (None, "OK") and element.get("Status", "POSTED") == "POSTED":
        return Accepted(item_id, remote_id)
    return unreadable


def _refused(item_id: str, errors: list[str], account_ids: Mapping[str, str]) -> Refused:
    # A reason that we know how to lift comes before one that we don't.
    message = next((error for error in errors if faults.cause(error) is not Cause.OTHER), errors[0])
    return Refused(
        item_id,
        cause=faults.cause(message),
        code="ValidationException",
        message=" ".join(errors)[:2000],
        account_id=account_ids.get(faults.blamed_account_code(message), ""),
    )


def _reference(element: object) -> str:
    narration = element.get("Narration") if isinstance(element, Mapping) else None
    words = narration.split(None, 1) if isinstance(narration, str) else []
    return words[0] if words else ""


def _journal_id(element: Mapping[str, Any]) -> str:
    """The id that Xero gave, empty for none: a refused journal comes with one of zeros."""
    try:
        journal_id = UUID(element["ManualJournalID"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return ""
    return str(journal_id) if journal_id.int else ""


def _messages(element: Mapping[str, Any], member: str) -> list[str]:
    messages = element.get(member)
    return [
        redact(str(message["Message"]))
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, Mapping) and message.get("Message")
    ]


def _account_ids(sent: bytes) -> dict[str, str]:
    """The account ids by the codes that we sent, for Xero blames an account by its code."""
    journals = exact_json.loads(sent)["ManualJournals"]
    return {line["AccountCode"]: line["AccountID"] for journal in journals for line in journal["JournalLines"]}
