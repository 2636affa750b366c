"""Simulated time, and the workers that live in it.

Workers are threads of which exactly one runs at any moment: it goes on until it waits for a provider, and then the next
thing on the agenda happens. So a seed decides every interleaving, and the same seed brings the same one again.
"""

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import OperationalError, connection

from tests.simulation.clock import StandingClock


class Killed(BaseException):
    """The process that ran this is gone, as by `kill -9`: its transaction is abandoned, nothing is cleaned up."""


class Stage:
    def __init__(self, clock: StandingClock, begins_at: datetime) -> None:
        self._clock = clock
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._control = _closed_gate()
        self.bugs: list[BaseException] = []
        """What no worker expected: anything but a kill and a lost database connection."""
        self.begin(begins_at)

    def begin(self, at: datetime) -> None:
        """An empty agenda. Workers that still wait for something are killed."""
        for worker in list(self._busy):
            worker.is_doomed = True
            self._resume(worker)
        self._agenda.clear()
        self.bugs.clear()
        self.now = at
        self._clock.stand_at(at)

    def monotonic(self) -> float:
        """What `time.monotonic` says of this time."""
        return self.now.timestamp()

    @contextmanager
    def cursor(self) -> Iterator["Stage"]:
        """In place of the connection that `integrations.clock` asks for the time: a third of all statements are that
        question, and the answer is known."""
        yield self

    def execute(self, sql: str) -> None:
        assert sql == "SELECT clock_timestamp()"
        pass_step()

    def fetchone(self) -> tuple[datetime]:
        return (self.now,)

    def at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._numbers), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now + timedelta(seconds=seconds), act)

    @property
    def next_at(self) -> datetime | None:
        return self._agenda[0][0] if self._agenda else None

    @property
    def busy(self) -> int:
        """Workers in the middle of something."""
        return len(self._busy)

    def step(self) -> None:
        """The next thing on the agenda, at its time."""
        moment, _, act = heapq.heappop(self._agenda)
        self.move_to(moment)
        act()
        if self.bugs:
            raise self.bugs[0]

    def move_to(self, moment: datetime) -> None:
        if moment > self.now:
            self.now = moment
            self._clock.stand_at(moment)

    def run_until(self, end: datetime) -> None:
        while self._agenda and self._agenda[0][0] <= end:
            self.step()
        self.move_to(end)

    def work(self, body: Callable[[], object]) -> None:
        """Have a worker do this, up to its first wait or its end."""
        worker = self._idle.pop() if self._idle else _Worker(self._control, self.bugs)
        worker.body = body
        self._busy.append(worker)
        self._resume(worker)

    def wait(self, seconds: float) -> None:
        """In a worker: let this much time pass, and others work meanwhile. Where waiting would hold up others with
        this worker's locks, and in the main thread, no time passes."""
        worker = _current.worker
        if worker is None or connection.in_atomic_block or not _current.may_wait:
            return
        self.after(seconds, lambda: self._resume(worker))
        worker.hand_back()

    def close(self) -> None:
        self.begin(self.now)
        for worker in self._idle:
            worker.retire()
        self._idle.clear()

    def _resume(self, worker: "_Worker") -> None:
        worker.go.release()
        self._control.acquire()
        if worker.body is None and worker in self._busy:
            self._busy.remove(worker)
            self._idle.append(worker)


class _Current(threading.local):
    worker: "_Worker | None" = None
    take_step: Callable[[], None] = staticmethod(lambda: None)
    may_wait = True


_current = _Current()


def pass_step() -> None:
    """This thread has come to its next step: a statement, a part of a call, a wake-up."""
    _current.take_step()


@contextmanager
def without_a_break() -> Iterator[None]:
    """Between two things that nothing comes between, this thread does not wait."""
    _current.may_wait = False
    try:
        yield
    finally:
        _current.may_wait = True


@contextmanager
def stepping(take_step: Callable[[], None]) -> Iterator[None]:
    """Have `take_step` called before each step that this thread takes."""

    def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        take_step()
        return execute(sql, params, many, context)

    _current.take_step = take_step  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(statement):
            yield
    finally:
        del _current.take_step


def _closed_gate() -> threading.Lock:
    """Whoever wants to pass waits for somebody to release it, once for each: threads take turns at little cost."""
    gate = threading.Lock()
    gate.acquire()
    return gate


class _Worker:
    """A thread that is used again, with its database connection."""

    def __init__(self, control: threading.Lock, bugs: list[BaseException]) -> None:
        self.go = _closed_gate()
        self.body: Callable[[], object] | None = None
        self.is_doomed = False
        self._control, self._bugs = control, bugs
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def hand_back(self) -> None:
        self._control.release()
        self.go.acquire()
        if self.is_doomed:
            raise Killed

    def retire(self) -> None:
        self.body = None
        self.go.release()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        _current.worker = self
        while True:
            self.go.acquire()
            if self.body is None:
                break
            try:
                self.body()
            except Killed:
                pass
            except OperationalError:
                connection.close()
            except BaseException as bug:  # noqa: BLE001 - reported with the seed
                self._bugs.append(bug)
            self.body, self.is_doomed = None, False
            self._control.release()
        connection.close()
