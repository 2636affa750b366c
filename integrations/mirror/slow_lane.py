"""Companies that answer slowly share half of a worker's threads, so that the others always find one free.

A call may take two minutes. A hundred companies whose provider lets them wait that long would else hold every thread,
and an entry of anybody else's would wait for one of them to end.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

_SLOW_FROM = timedelta(seconds=5)
# Of the sixteen that a worker has.
_THREADS = 8


class SlowLane:
    """What one process remembers. A company is slow once a pass of its took long, until one does not."""

    def __init__(self, threads: int = _THREADS, slow_from: timedelta = _SLOW_FROM) -> None:
        self._free = threading.BoundedSemaphore(threads)
        self._slow_from = slow_from.total_seconds()
        self._slow: set[UUID] = set()

    def run(self, connection_id: UUID, act: Callable[[UUID], bool]) -> bool:
        """Run the pass, which says whether it called the provider. False, too, where a slow one finds no thread left:
        the sweep comes by again."""
        if connection_id not in self._slow:
            return self._timed(connection_id, act)
        if not self._free.acquire(blocking=False):
            return False
        try:
            return self._timed(connection_id, act)
        finally:
            self._free.release()

    def _timed(self, connection_id: UUID, act: Callable[[UUID], bool]) -> bool:
        began, has_called = time.monotonic(), True
        try:
            has_called = act(connection_id)
        finally:
            if time.monotonic() - began >= self._slow_from:
                self._slow.add(connection_id)
            elif has_called:
                self._slow.discard(connection_id)
        return has_called


slow_lane = SlowLane()
