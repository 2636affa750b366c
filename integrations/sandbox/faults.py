"""Faults on command: what to break, which call of whom, which time."""

import random
import socket
import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

ACTIONS = {
    "drop_before_commit": "close the connection without doing the work",
    "drop_after_commit": "do the work, then close the connection without an answer",
    "commit_late": "close the connection after `hold_seconds`, and do the work `delay_seconds` after that",
    "delay": "do the work, then answer `delay_seconds` late",
    "drip": "do the work, then send the answer piece by piece over about `delay_seconds`",
    "trickle": "do the work, then send the answer a byte a second, for as long as anybody listens",
    "cut": "do the work, then break off in the middle of the answer",
    "status": "answer with `status` (and `body`, `content_type`) without doing the work",
    "status_after_commit": "do the work, then answer with `status` as if it had failed",
    "answer": "give the provider's answer named in `answer` without doing the work",
    "answer_after_commit": "do the work, then give the provider's answer named in `answer`",
    "item_answer": "in a QuickBooks batch, refuse item number `item` with the fault named in `answer`",
    "item_answer_after_commit": "the same, with the item's entry made",
    "keep_500": "at Xero, fail with an internal error that is kept under the Idempotency-Key",
    "keep_500_after_commit": "the same, with the journals stored",
    "warn": "at Xero, store journal number `item` with a warning, and without line number `line` if that is given",
}
# Faults that strike in the middle of the work, where the work itself looks for them.
INSIDE = {"item_answer", "item_answer_after_commit", "keep_500", "keep_500_after_commit", "warn"}
CALLS = {
    "quickbooks": (
        "authorize", "token", "revoke", "companyinfo", "preferences", "query", "account", "customer", "vendor",
        "journalentry", "batch",
    ),
    "xero": (
        "authorize", "token", "revoke", "connections", "disconnect", "organisation", "accounts", "manualjournals",
    ),
}  # fmt: skip
ONLY_AT = {
    "item_answer": "quickbooks", "item_answer_after_commit": "quickbooks", "keep_500": "xero",
    "keep_500_after_commit": "xero", "warn": "xero",
}  # fmt: skip
ANY_CALL = "any"
FOREVER = 10**9


class FaultRefused(ValueError):
    """The fault can't be armed as described."""


@dataclass
class Fault:
    """One armed fault. Strikes the `nth` matching call from now on, or a seeded `share` of them, at most `times`.

    `tenant` narrows it to one company; `retry_after` is in seconds and sent in the `retry_after_form`.
    """

    number: int
    provider: str
    call: str
    do: str
    tenant: str | None = None
    nth: int | None = None
    share: float | None = None
    seed: int = 1
    times: int = 1
    status: int = 503
    body: str = ""
    content_type: str = "text/html; charset=utf-8"
    answer: str | None = None
    retry_after: int | None = None
    retry_after_form: str = "seconds"
    delay_seconds: float = 0.0
    hold_seconds: float = 0.0
    item: int = 1
    line: int | None = None
    seen: int = 0
    struck: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def concerns(self, provider: str, call: str, tenants: Collection[str]) -> bool:
        return (
            self.provider == provider
            and self.call in (call, ANY_CALL)
            and (self.tenant is None or self.tenant in tenants)
        )

    def strikes(self) -> bool:
        self.seen += 1
        if self.struck >= self.times:
            return False
        if self.nth is not None:
            hit = self.nth <= self.seen < self.nth + self.times
        else:
            hit = self.dice.random() < (1.0 if self.share is None else self.share)
        self.struck += hit
        return hit

    def described(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "dice"}


KEPT_BY_THE_SANDBOX = {"number", "seen", "struck", "dice"}
READ_AS: dict[str, type] = {
    "nth": int, "share": float, "seed": int, "times": int, "status": int, "retry_after": int, "delay_seconds": float,
    "hold_seconds": float, "item": int, "line": int,
}  # fmt: skip


class Faults:
    """The armed faults of a running sandbox, in memory.

    `answers` are the names `answer` may give, by provider; `item_answers` those that one item of a batch can carry.
    """

    def __init__(self, answers: Mapping[str, Collection[str]], item_answers: Collection[str]) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._number = 0
        self._answers, self._item_answers = answers, item_answers

    def arm(self, wanted: dict[str, Any]) -> Fault:
        """Arm a fault from its JSON. Raises FaultRefused with a sentence."""
        self._check(wanted)
        given = {
            name: READ_AS.get(name, str)(value) for name, value in wanted.items() if value is not None and value != ""
        }
        if "share" in given:
            given.setdefault("times", FOREVER)  # a share goes on until it is lifted; a plain fault strikes once
        with self._lock:
            self._number += 1
            fault = Fault(
                number=self._number, dice=random.Random(given.get("seed", 1)),  # noqa: S311 - repeatable is the point
                **given,
            )  # fmt: skip
            self._armed.append(fault)
        return fault

    def _check(self, wanted: dict[str, Any]) -> None:
        unknown = set(wanted) - ({known.name for known in fields(Fault)} - KEPT_BY_THE_SANDBOX)
        if unknown:
            raise FaultRefused(f"Unknown field {sorted(unknown)[0]}.")
        provider = wanted.get("provider")
        if provider not in CALLS:
            raise FaultRefused("provider must be quickbooks or xero.")
        if wanted.get("call") not in (*CALLS[provider], ANY_CALL):
            raise FaultRefused(f"call must name a call: {', '.join(CALLS[provider])}, or any.")
        if wanted.get("do") not in ACTIONS:
            raise FaultRefused(f"do must be one of {', '.join(ACTIONS)}.")
        if ONLY_AT.get(wanted["do"], provider) != provider:
            raise FaultRefused(f"{wanted['do']} is for {ONLY_AT[wanted['do']]} only.")
        if wanted.get("nth") is not None and wanted.get("share") is not None:
            raise FaultRefused("Give nth or share, not both.")
        if "answer" in wanted["do"]:
            known = self._item_answers if wanted["do"].startswith("item") else self._answers[provider]
            if wanted.get("answer") not in known:
                raise FaultRefused(f"answer must be one of {', '.join(known)}.")
        if wanted.get("retry_after_form", "seconds") not in ("seconds", "date"):
            raise FaultRefused("retry_after_form must be seconds or date.")

    def next_for(self, provider: str, call: str, tenants: Collection[str]) -> Fault | None:
        """The fault that strikes this call, if any. Every armed fault that concerns the call counts it."""
        with self._lock:
            hits = [fault for fault in self._armed if fault.concerns(provider, call, tenants) and fault.strikes()]
        return hits[0] if hits else None

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.described() for fault in self._armed]

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()


def drop_connection(environ: dict[str, Any]) -> None:
    """Close the caller's connection under it. Raises ConnectionResetError where there is no socket, as in a test."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is None:
        raise ConnectionResetError("dropped by an armed fault")
    connection.shutdown(socket.SHUT_RDWR)
