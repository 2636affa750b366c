"""First answers kept under an idempotency key, to be given again instead of doing the work twice."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .store import Store


@dataclass(frozen=True)
class Answer:
    """An HTTP answer as it can be kept: everything but the headers, which are made anew for each call."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Kept:
    """A first answer, what the request looked like (`fingerprint`) and when it came (seconds since 1970)."""

    answer: Answer
    fingerprint: str
    first_at: float


class Replays:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._guard = threading.Lock()
        self._busy: dict[tuple[str, str, str], tuple[threading.Lock, int]] = {}

    @contextmanager
    def one_at_a_time(self, provider: str, scope: str, key: str) -> Iterator[None]:
        """Hold the key: a second call with it waits, and then finds the first one's answer."""
        name = (provider, scope, key)
        with self._guard:
            lock, users = self._busy.get(name, (threading.Lock(), 0))
            self._busy[name] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._busy.pop(name)
                if users > 1:
                    self._busy[name] = (lock, users - 1)

    def find(self, provider: str, scope: str, key: str) -> Kept | None:
        row = self._store.row(
            "SELECT * FROM replays WHERE provider = ? AND scope = ? AND key = ?", provider, scope, key
        )
        if row is None:
            return None
        return Kept(Answer(row["status"], row["content_type"], row["body"]), row["fingerprint"], row["first_at"])

    def do_and_keep(
        self, provider: str, scope: str, key: str, fingerprint: str, *, now: float, work: Callable[[], Answer],
        keeps: Callable[[Answer], bool],
    ) -> Answer:  # fmt: skip
        """Do the work and keep its answer in one transaction: a kept answer and its journals exist together or not."""
        with self._store.transaction():
            answer = work()
            if keeps(answer):
                self._store.execute(
                    "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    provider, scope, key, fingerprint, now, answer.status, answer.content_type, answer.body,
                )  # fmt: skip
        return answer
