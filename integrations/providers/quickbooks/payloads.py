"""Journals as QuickBooks takes them, and its answers. Pure: no network, no clock, no settings.

Intuit's reference pages: Batch, JournalEntry.
"""

import re
from collections.abc import Sequence
from typing import Any

from integrations.providers import exact_json
from integrations.providers.base import Accepted, DraftLine, JournalDraft, Outcome, Party, SealedBody, Uncertain
from integrations.providers.errors import OutcomeUnknown
from integrations.providers.quickbooks import faults
from integrations.providers.texts import quoting
from integrations.providers.transport import Response

_LONGEST_NUMBER = 21
_LONGEST_TEXT = 4000
_ID = re.compile(r"[0-9]{1,20}")


def seal(drafts: Sequence[JournalDraft]) -> SealedBody:
    """One batch, also for a single journal: one shape of answer, and one rule for recognising a replay.

    Intuit recognises a replay by its requestid together with the bIds, which may then have at most ten characters.
    """
    item_ids = tuple(str(number) for number in range(1, len(drafts) + 1))
    items = [
        {"bId": item_id, "operation": "create", "JournalEntry": journal_entry(draft)}
        for item_id, draft in zip(item_ids, drafts, strict=True)
    ]
    return SealedBody(body=exact_json.dumps({"BatchItemRequest": items}), item_ids=item_ids)


def journal_entry(draft: JournalDraft) -> dict[str, Any]:
    if not 0 < len(draft.reference) <= _LONGEST_NUMBER:
        raise ValueError(f"The reference {draft.reference!r} should have 1 to {_LONGEST_NUMBER} characters.")
    entry: dict[str, Any] = {"TxnDate": draft.on.isoformat(), "DocNumber": draft.reference}
    if draft.memo:
        entry["PrivateNote"] = shortened(draft.memo)
    entry["Line"] = [_line(number, line) for number, line in enumerate(draft.lines, start=1)]
    return entry


def outcomes(answer: Response, *, item_ids: Sequence[str], references: Sequence[str]) -> tuple[Outcome, ...]:
    """One outcome per journal sent, found by its bId alone: items come back in any order.

    Raises OutcomeUnknown when there are no items to read.
    """
    items = exact_json.loads(answer.body).get("BatchItemResponse")
    if not isinstance(items, list):
        raise OutcomeUnknown(
            quoting("The answer holds no items.", answer.body), http_status=answer.status, request_id=answer.request_id
        )
    of_item = {
        item_id: [item for item in items if isinstance(item, dict) and item.get("bId") == item_id]
        for item_id in item_ids
    }
    return tuple(
        _outcome(of_item[item_id], answer, item_id=item_id, reference=reference)
        for item_id, reference in zip(item_ids, references, strict=True)
    )


def shortened(text: str) -> str:
    """The text, cut at QuickBooks' limit: words may be cut, amounts, dates and accounts never."""
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _line(number: int, line: DraftLine) -> dict[str, Any]:
    described = {"Description": shortened(line.description)} if line.description else {}
    return {
        "LineNum": number,
        **described,
        "Amount": line.debit or line.credit,
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": {
            "PostingType": "Debit" if line.debit else "Credit",
            "AccountRef": {"value": line.account_id},
            **_entity(line),
        },
    }


def _entity(line: DraftLine) -> dict[str, Any]:
    """Whom a receivable or payable line names."""
    if line.party is None:
        return {}
    kind = {Party.CUSTOMER: "Customer", Party.SUPPLIER: "Vendor"}[line.party]
    return {"Entity": {"Type": kind, "EntityRef": {"value": line.party_id}}}


def _outcome(items: list[dict[str, Any]], answer: Response, *, item_id: str, reference: str) -> Outcome:
    if len(items) != 1:
        trouble = "The answer names this journal twice." if items else "The answer omits this journal."
        return Uncertain(item_id, quoting(trouble, answer.body))
    (item,) = items
    item_faults, entry = faults.faults_in(item), item.get("JournalEntry")
    if item_faults and entry is None:
        return faults.outcome_of_faults(item_faults, answer, item_id=item_id, reference=reference)
    if not item_faults and "Fault" not in item and isinstance(entry, dict):
        remote_id = entry.get("Id")
        is_ours = entry.get("DocNumber", reference) == reference
        if is_ours and isinstance(remote_id, str) and _ID.fullmatch(remote_id):
            return Accepted(item_id, remote_id)
    return Uncertain(item_id, quoting("This journal's answer could not be read.", exact_json.quote(item)))
