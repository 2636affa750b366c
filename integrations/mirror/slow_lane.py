"""A call to a provider holds none of a worker's threads, so that whoever answers slowly, the others find one free.

A call may take two minutes. A hundred companies whose provider lets them wait that long would else hold every thread,
and an entry of anybody else's would wait for one of them to end.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from datetime import timedelta
from uuid import UUID

from django.db import connection as database

logger = logging.getLogger(__name__)

_CALLER_WAITS = timedelta(seconds=2)
# Longer than a full batch usually takes.
_SLOW_FROM = timedelta(seconds=10)
# Each costs a little memory and nothing else while it waits.
_PLACES = 64

Act = Callable[[UUID], bool]


class _Pass:
    """One under way. `released` is set once its caller need not wait for it."""

    def __init__(self, connection_id: UUID) -> None:
        self.connection_id = connection_id
        self.began = time.monotonic()
        self.released = threading.Event()
        self.ended: Future[None] = Future()


_here = threading.local()
"""Its `current` is the pass that this thread is at, if any."""


class SlowLane:
    """What one process remembers. A company is slow once a pass of its takes long, until one does not.

    Each pass runs in a thread of its own. Its caller waits until it calls the provider: so the worker's threads bound
    what works here at once, and `places` what waits for an answer. With all of those taken its caller waits on for a
    moment. Slow companies have as many places of their own; their callers wait for nothing.
    """

    def __init__(
        self, places: int = _PLACES, caller_waits: timedelta = _CALLER_WAITS, slow_from: timedelta = _SLOW_FROM
    ) -> None:
        self._places = places
        self._caller_waits, self._slow_from = caller_waits.total_seconds(), slow_from.total_seconds()
        self._slow: set[UUID] = set()
        self._under_way: set[_Pass] = set()
        self._counting = threading.Lock()

    def run(self, connection_id: UUID, act: Act) -> None:
        """Run the pass, which says whether it called the provider. Raises what it raises while its caller waits.

        Where a slow company finds no place it is not begun: the sweep comes by again.
        """
        begun = _Pass(connection_id)
        with self._counting:
            slow = self._slow_companies()
            is_slow = connection_id in slow
            alike = [one for one in self._under_way if (one.connection_id in slow) is is_slow]
            has_place = len(alike) < self._places
            if is_slow and not has_place:
                return
            self._under_way.add(begun)
        # No daemon: a worker that is told to stop lets it end, as it does with what its own threads are at.
        threading.Thread(target=self._run, args=(begun, act)).start()
        if not is_slow and has_place:
            begun.released.wait(self._caller_waits)
        elif not is_slow:
            wait([begun.ended], self._caller_waits)
        if begun.ended.done():
            begun.ended.result()
        else:
            begun.ended.add_done_callback(_log_failure)

    def is_slow(self, connection_id: UUID) -> bool:
        with self._counting:
            return connection_id in self._slow_companies()

    def _slow_companies(self) -> set[UUID]:
        return self._slow | {one.connection_id for one in self._under_way if self._takes_long(one)}

    def _takes_long(self, one: _Pass) -> bool:
        return time.monotonic() - one.began >= self._slow_from

    def _run(self, this: _Pass, act: Act) -> None:
        _here.current = this
        has_called, failure = True, None
        try:
            has_called = act(this.connection_id)
        except BaseException as error:  # noqa: BLE001 - for the caller, whatever it is
            failure = error
        finally:
            database.close()
        with self._counting:
            self._under_way.remove(this)
            if self._takes_long(this):
                self._slow.add(this.connection_id)
            elif has_called:
                self._slow.discard(this.connection_id)
        # Last, since who waits for it looks at what is remembered.
        this.ended.set_exception(failure) if failure else this.ended.set_result(None)
        this.released.set()


def _log_failure(ended: Future[None]) -> None:
    if error := ended.exception():
        logger.error("A pass failed.", exc_info=error)


def begin_call() -> None:
    """To be said before each call. Gives this thread's database connection back for as long as the provider takes to
    answer, else there would have to be one for each call under way; and the pass's caller waits for it no longer.

    What runs inside a transaction, as tests do, keeps its connection.
    """
    if not database.in_atomic_block:
        database.close()
    if this := getattr(_here, "current", None):
        this.released.set()


slow_lane = SlowLane()
