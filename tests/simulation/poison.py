"""Entries that a provider refuses for a reason of their own, whatever else is in the same call.

Closed periods and archived accounts are changed at the sandbox. The other kinds can't be posted in Athenty: the
provider gets to see something else than what was sent, and refuses that by its own rules.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

Journal = dict[str, Any]

# As Intuit words it; no journal of ours has that number.
_TAKEN_BY_ANOTHER = "DocNumber=JE-1042 is assigned to TxnType=Journal Entry with TxnId=77"


def _unbalance(journal: Journal) -> None:
    line = (journal.get("Line") or journal["JournalLines"])[0]
    name = "Amount" if "Amount" in line else "LineAmount"
    line[name] = round(float(line[name]) + 0.01, 2)


def _lengthen_number(journal: Journal) -> None:
    """To 22 characters, one more than Intuit takes."""
    journal["DocNumber"] = journal["DocNumber"].ljust(22, "0")


KINDS: dict[str, dict[str, Callable[[Journal], None]]] = {
    "quickbooks": {
        "unbalanced": _unbalance,
        "22-character number": _lengthen_number,
        # Refused in the same way, and then told to be taken.
        "number of another": _lengthen_number,
    },
    "xero": {"unbalanced": _unbalance},
}


@dataclass
class Poison:
    """`kinds` says which references are poisonous, and how. A repeat of a call is refused as the call was, even after
    `lift`: the provider remembers what it saw under that key."""

    kinds: dict[str, str] = field(default_factory=dict)
    _by_key: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, dice: random.Random, provider: str, references: Sequence[str]) -> None:
        """Before they are sent."""
        for reference in references:
            self.kinds[reference] = dice.choice(list(KINDS[provider]))

    def lift(self) -> None:
        self.kinds = {}

    def seen(self, provider: str, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request as the provider gets to see it."""
        kinds = self._kinds_in(request)
        if not kinds:
            return request
        sent = json.loads(request.body or b"")
        journals = [item["JournalEntry"] for item in sent["BatchItemRequest"]] if provider == "quickbooks" else None
        for journal in journals or sent["ManualJournals"]:
            if kind := kinds.get(_reference(journal)):
                KINDS[provider][kind](journal)
        unlike = request.copy()
        unlike.prepare_body(json.dumps(sent).encode(), None)
        return unlike

    def told(self, request: requests.PreparedRequest, answer: bytes) -> bytes:
        """The answer as the provider gives it."""
        kinds = self._kinds_in(request)
        if "number of another" not in kinds.values():
            return answer
        sent, told = json.loads(request.body or b""), json.loads(answer)
        by_id = {item["bId"]: _reference(item["JournalEntry"]) for item in sent["BatchItemRequest"]}
        for item in told.get("BatchItemResponse", []):
            if kinds.get(by_id[item["bId"]]) == "number of another" and "Fault" in item:
                error = {"Message": "Duplicate Document Number Error", "Detail": _TAKEN_BY_ANOTHER, "code": "6140"}
                item["Fault"] = {"Error": [error], "type": "ValidationFault"}
        return json.dumps(told).encode()

    def _kinds_in(self, request: requests.PreparedRequest) -> dict[str, str]:
        parameters = parse_qs(urlsplit(request.url or "").query)
        key = request.headers.get("Idempotency-Key") or parameters.get("requestid", [""])[0]
        if not key:
            return {}
        body = (request.body or b"").decode()
        inside = {name: kind for name, kind in self.kinds.items() if re.search(rf"\b{name}\b", body)}
        return self._by_key.setdefault(key, inside)


def _reference(journal: Journal) -> str:
    return str(journal.get("DocNumber") or journal["Narration"]).split()[0]
