"""Windows that count calls. What is counted, and how much, is each provider's own affair."""

import math
import threading
import zlib
from collections import defaultdict, deque


class SlidingWindow:
    """At most `limit` counted in any stretch of `seconds`. A call is admitted while the count is below the limit."""

    def __init__(self, limit: int, seconds: int) -> None:
        self.limit, self.seconds = limit, seconds
        self._counted: deque[tuple[float, int]] = deque()
        self._sum = 0

    def remaining(self, now: float) -> int:
        while self._counted and self._counted[0][0] <= now - self.seconds:
            self._sum -= self._counted.popleft()[1]
        return max(0, self.limit - self._sum)

    def count(self, now: float, cost: int = 1) -> None:
        self._counted.append((now, cost))
        self._sum += cost

    def seconds_left(self, now: float) -> int:
        """Seconds until the oldest counted call is forgotten, rounded up."""
        return math.ceil(self._counted[0][0] + self.seconds - now) if self._counted else 0


class FixedWindow:
    """At most `limit` in each window of `seconds`; the windows begin at a moment that differs by `name`."""

    def __init__(self, limit: int, seconds: int, name: str) -> None:
        self.limit, self.seconds = limit, seconds
        self._phase = zlib.crc32(name.encode()) % seconds
        self._window = -1
        self._used = 0

    def remaining(self, now: float) -> int:
        window = int((now + self._phase) // self.seconds)
        if window != self._window:
            self._window, self._used = window, 0
        return max(0, self.limit - self._used)

    def count(self, now: float, cost: int = 1) -> None:
        self.remaining(now)  # enters the window of this moment
        self._used += cost

    def seconds_left(self, now: float) -> int:
        """Seconds until the next window, rounded up."""
        return math.ceil(self.seconds - (now + self._phase) % self.seconds)


Window = SlidingWindow | FixedWindow


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

    def window(self, kind: str, *name: str, limit: int, seconds: int) -> Window:
        """The window of this name, "sliding" or "fixed"; its limit may have been changed since it was last used."""
        window: Window
        if kind == "fixed":
            window = self.fixed.setdefault(name, FixedWindow(limit, seconds, "/".join(name)))
        else:
            window = self.sliding.setdefault(name, SlidingWindow(limit, seconds))
        window.limit = limit
        return window
