"""What the bench runs on, and how much of it was there: a machine that others share may take its processors away."""

import os
import platform
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

_LOOKS_EVERY = 1.0
_KERNELS_COUNT = Path("/proc/stat")


class Watch:
    """While entered, looks each second at how much of the processors' time the host gave to others ("steal").

    `read` gives how much was stolen and how much there was in all since the machine was started, in any unit.
    """

    def __init__(self, read: Callable[[], tuple[float, float]] | None = None) -> None:
        self._read = read or _stolen_and_all
        self._began = self._last = self._read()
        self.worst = 0.0
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._looking.join()

    @property
    def share(self) -> float:
        """Of the processors' time, since the watch was made."""
        return _share(self._began, self._last)

    def look(self) -> None:
        now = self._read()
        self.worst = max(self.worst, _share(self._last, now))
        self._last = now

    def _look_on(self) -> None:
        while not self._over.wait(_LOOKS_EVERY):
            self.look()

    def __str__(self) -> str:
        return (
            f"{datetime.now(UTC):%d %B %Y}, Python {platform.python_version()}, {os.cpu_count()} processors, "
            f"of whose time the host took {self.share:.1%}, at most {self.worst:.0%} in a second"
        )


def _stolen_and_all() -> tuple[float, float]:
    """By the kernel's count: user, nice, system, idle, iowait, irq, softirq, steal; guests' are counted in user."""
    times = [float(each) for each in _KERNELS_COUNT.read_text().split("\n", 1)[0].split()[1:9]]
    return times[7], sum(times)


def _share(before: tuple[float, float], after: tuple[float, float]) -> float:
    everything = after[1] - before[1]
    return (after[0] - before[0]) / everything if everything else 0.0
