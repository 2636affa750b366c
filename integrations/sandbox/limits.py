"""Windows that count calls. What is counted, and how much, is each provider's own affair."""

import math
import threading
import zlib
from collections import defaultdict, deque


class SlidingWindow:
    """At most `limit` counted in any stretch of `seconds`. A call is admitted while the count is below the limit."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self._counted: deque[tuple[float, int]] = deque()
        self._sum = 0

    def admits(self, now: float) -> bool:
        while self._counted and self._counted[0][0] <= now - self.seconds:
            self._sum -= self._counted.popleft()[1]
        return self._sum < self.limit

    def count(self, now: float, cost: int = 1) -> None:
        self._counted.append((now, cost))
        self._sum += cost


class FixedWindow:
    """At most `limit` in each window of `seconds`; the windows begin at a moment that differs by `name`."""

    def __init__(self, limit: int, seconds: int, name: str) -> None:
        self.limit, self.seconds = limit, seconds
        self._phase = zlib.crc32(name.encode()) % seconds
        self._window = -1
        self._used = 0

    def _enter(self, now: float) -> None:
        window = int((now + self._phase) // self.seconds)
        if window != self._window:
            self._window, self._used = window, 0

    def remaining(self, now: float) -> int:
        self._enter(now)
        return max(0, self.limit - self._used)

    def count(self, now: float) -> None:
        self._enter(now)
        self._used += 1

    def seconds_left(self, now: float) -> int:
        """Seconds until the next window, rounded up."""
        return math.ceil(self.seconds - (now + self._phase) % self.seconds)


class Limits:
    """Every window of a running sandbox, in memory: a restart begins with empty counters. Guard use with `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.enabled = True
        self.items_count_as_calls = True
        self.sliding: dict[tuple[str, ...], SlidingWindow] = {}
        self.fixed: dict[tuple[str, ...], FixedWindow] = {}
        self.in_flight: dict[str, int] = defaultdict(int)

    def sliding_window(self, *name: str, limit: int, seconds: float) -> SlidingWindow:
        return self.sliding.setdefault(name, SlidingWindow(limit, seconds))

    def fixed_window(self, *name: str, limit: int, seconds: int) -> FixedWindow:
        return self.fixed.setdefault(name, FixedWindow(limit, seconds, "/".join(name)))
