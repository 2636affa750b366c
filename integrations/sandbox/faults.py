"""Faults on command: what to break, which call, which time."""

import random
import socket
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

ACTIONS = {
    "drop_before_commit": "close the connection without doing the work",
    "drop_after_commit": "do the work, then close the connection without an answer",
    "status": "answer with `status` (and `body`, `retry_after`) without doing the work",
    "status_after_commit": "do the work, then answer with `status` as if it had failed",
    "delay": "do the work, then answer `delay_seconds` late",
}


class FaultRefused(ValueError):
    """The fault can't be armed as described."""


@dataclass
class Fault:
    """One armed fault. Strikes the `nth` matching call from now on, or a seeded `share` of them, at most `times`."""

    number: int
    provider: str
    call: str
    do: str
    nth: int | None
    share: float | None
    seed: int
    times: int
    status: int
    body: str
    content_type: str
    retry_after: int | None
    delay_seconds: float
    seen: int = 0
    struck: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

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


class Faults:
    """The armed faults of a running sandbox, in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._number = 0

    def arm(self, wanted: dict[str, Any]) -> Fault:
        """Arm a fault from its JSON. Raises FaultRefused with a sentence."""
        unknown = set(wanted) - {
            "provider", "call", "do", "nth", "share", "seed", "times", "status", "body", "content_type",
            "retry_after", "delay_seconds",
        }  # fmt: skip
        if unknown:
            raise FaultRefused(f"Unknown field {sorted(unknown)[0]}.")
        if wanted.get("provider") not in ("quickbooks", "xero"):
            raise FaultRefused("provider must be quickbooks or xero.")
        if not wanted.get("call"):
            raise FaultRefused("call must name a call, such as batch, journalentry, manualjournals or token.")
        if wanted.get("do") not in ACTIONS:
            raise FaultRefused(f"do must be one of {', '.join(ACTIONS)}.")
        nth, share = wanted.get("nth"), wanted.get("share")
        if nth is not None and share is not None:
            raise FaultRefused("Give nth or share, not both.")
        with self._lock:
            self._number += 1
            seed = int(wanted.get("seed", 1))
            fault = Fault(
                number=self._number, provider=wanted["provider"], call=wanted["call"], do=wanted["do"],
                nth=None if nth is None else int(nth), share=None if share is None else float(share), seed=seed,
                # A share goes on until it is lifted; a plain fault strikes once.
                times=int(wanted.get("times", 1 if share is None else 10**9)),
                status=int(wanted.get("status", 503)), body=str(wanted.get("body", "")),
                content_type=str(wanted.get("content_type", "text/html; charset=utf-8")),
                retry_after=wanted.get("retry_after"), delay_seconds=float(wanted.get("delay_seconds", 0)),
                dice=random.Random(seed),  # noqa: S311 - repeatable is the point
            )  # fmt: skip
            self._armed.append(fault)
        return fault

    def next_for(self, provider: str, call: str) -> Fault | None:
        """The fault that strikes this call, if any. Every armed fault for the call counts it."""
        with self._lock:
            hits = [f for f in self._armed if (f.provider, f.call) == (provider, call) and f.strikes()]
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
