"""Companies that answer slowly hold none of a worker's threads, so that the others always find one free.

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

Pass = Callable[[UUID], bool]


class SlowLane:
    """What one process remembers. A company is slow once a pass of its takes long, until one does not.

    Each pass runs in a thread of its own. Its caller waits a moment for it, and not at all for one of a slow company;
    of those no more go on at once than there are `places`.
    """

    def __init__(
        self, places: int = _PLACES, caller_waits: timedelta = _CALLER_WAITS, slow_from: timedelta = _SLOW_FROM
    ) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._caller_waits, self._slow_from = caller_waits.total_seconds(), slow_from.total_seconds()
        self._slow: set[UUID] = set()
        self._began: dict[UUID, float] = {}
        """Of passes under way, of each company the first."""

    def run(self, connection_id: UUID, act: Pass) -> None:
        """Run the pass, which says whether it called the provider. Raises what it raises while its caller waits.

        Where a slow company finds no place it is not begun: the sweep comes by again.
        """
        if not self._is_slow(connection_id):
            under_way = self._begin(connection_id, act)
            wait([under_way], self._caller_waits)
            if under_way.done():
                under_way.result()
            else:
                under_way.add_done_callback(_log_failure)
        elif self._free.acquire(blocking=False):
            under_way = self._begin(connection_id, act)
            under_way.add_done_callback(_log_failure)
            under_way.add_done_callback(lambda _: self._free.release())

    def _is_slow(self, connection_id: UUID) -> bool:
        began = self._began.get(connection_id)
        return connection_id in self._slow or (began is not None and self._is_long_since(began))

    def _is_long_since(self, began: float) -> bool:
        return time.monotonic() - began >= self._slow_from

    def _begin(self, connection_id: UUID, act: Pass) -> Future[None]:
        under_way: Future[None] = Future()
        # No daemon: a worker that is told to stop lets it end, as it does with what its own threads are at.
        threading.Thread(target=self._pass, args=(connection_id, act, under_way)).start()
        return under_way

    def _pass(self, connection_id: UUID, act: Pass, under_way: Future[None]) -> None:
        began, has_called, failure = time.monotonic(), True, None
        self._began.setdefault(connection_id, began)
        try:
            has_called = _with_its_own_database(connection_id, act)
        except BaseException as error:  # noqa: BLE001 - for the caller, whatever it is
            failure = error
        self._began.pop(connection_id, None)
        if self._is_long_since(began):
            self._slow.add(connection_id)
        elif has_called:
            self._slow.discard(connection_id)
        # Last, since who waits for it looks at what is remembered.
        under_way.set_exception(failure) if failure else under_way.set_result(None)


def _log_failure(ended: Future[None]) -> None:
    if error := ended.exception():
        logger.error("A pass failed.", exc_info=error)


def lend_database() -> None:
    """Before a call: give this thread's database connection back, for as long as the provider takes to answer.

    Else there would have to be one for each call under way. What runs inside a transaction, as tests do, keeps it.
    """
    if not database.in_atomic_block:
        database.close()


def _with_its_own_database(connection_id: UUID, act: Pass) -> bool:
    try:
        return act(connection_id)
    finally:
        database.close()


slow_lane = SlowLane()
