"""B11: what the workers hold in memory, idle and after ever more entries."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from integrations.models import QueueRow
from tests.bench.figures import Figure, at_most
from tests.bench.stage import Stage

EARLY_ENTRIES = 10_000
_BARE = (
    "import celery, cryptography, django, psycopg, requests, time;"
    "django.setup(); print('ready', flush=True); time.sleep(60)"
)
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Held:
    """Megabytes: of the largest worker (RSS), and of all together, what they share counted once (PSS)."""

    resident: float
    proportional: float


class Growth:
    """Looks at the workers of a stage while entries pass through them."""

    def __init__(self, stage: Stage) -> None:
        self._pids = [child.process.pid for child in stage.workers if child.name.startswith("worker")]
        self._stage = stage
        time.sleep(1)
        self.idle = held(self._pids)
        self.early: Held | None = None
        self.early_entries = 0

    def look(self) -> None:
        if self.early is None and (passed := _passed()) >= EARLY_ENTRIES:
            self.early, self.early_entries = held(self._pids), passed

    def figures(self) -> Iterator[Figure]:
        late, passed = held(self._pids), _passed()
        bare = _bare()
        yield Figure("B11", "worker, idle, RSS", self.idle.resident, "MB", "P2", bare, at_most(1.6, of_ratio=True))
        yield Figure("B11", f"worker after {passed:,} entries, RSS", late.resident, "MB", "P2", bare, at_most(110))
        if self.early:
            yield Figure(
                "B11", f"growth of all workers, {self.early_entries:,} to {passed:,} entries, PSS",
                late.proportional - self.early.proportional, "MB", goal=at_most(5),
            )  # fmt: skip


def held(pids: list[int]) -> Held:
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return Held(max(_field(each, "Rss") for each in rollups), sum(_field(each, "Pss") for each in rollups))


def _field(rollup: str, name: str) -> float:
    line = next(line for line in rollup.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / _MEGABYTE


def _passed() -> int:
    return QueueRow.objects.filter(state=QueueRow.State.SENT).count()


def _bare() -> float:
    """P2: a process that has imported what a worker can't do without, and nothing of ours but the settings."""
    process = subprocess.Popen([sys.executable, "-c", _BARE], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return held([process.pid]).resident
    finally:
        process.kill()
        process.wait()
