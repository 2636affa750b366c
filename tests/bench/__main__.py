"""How fast the mirror is, beside what one would write first: `python -m tests.bench [--quick|--scale]`.

Ends with 0 only when every goal was met.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import table
from tests.bench.figures import Figure, Goal
from tests.bench.machine import Watch
from tests.bench.parts import PARTS

_CHECKOUT = Path(__file__).resolve().parents[2]
# A database or Redis of one's own is not measured: each part starts its own and begins with empty ones.
_OF_OTHERS = {"DATABASE_URL", "REDIS_URL", "ATHENTY_STATE_FOLDER", "DJANGO_SETTINGS_MODULE", "ATHENTY_CRASH"}


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    size = arguments.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const="quick", dest="size", help="all of it in three minutes")
    size.add_argument("--scale", action="store_const", const="scale", dest="size", help="up to a million waiting rows")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    arguments.add_argument(
        "--markdown", type=Path, metavar="FILE", help="put the table there, into docs/performance.md"
    )
    arguments.add_argument("--only", action="append", choices=PARTS, help="one part; may be given several times")
    chosen = arguments.parse_args()
    size_name = chosen.size or "full"
    began = time.monotonic()
    names = [name for name in PARTS if size_name in PARTS[name].sizes and name in (chosen.only or PARTS)]
    with tempfile.TemporaryDirectory(prefix="athenty-bench-") as prepared, Watch() as machine:
        subprocess.run(
            [sys.executable, "-m", "tests.bench.prepared", prepared], cwd=_CHECKOUT, env=_environment(), check=True
        )
        running = [_Part(name, size_name, prepared) for name in names]
        failed = [part.name for part in running if not part.ended_well()]
        figures = [figure for part in running for figure in part.figures()]
    figures.sort(key=lambda figure: int(figure.benchmark.removeprefix("B")))
    sys.stdout.write(f"\n{table.text(figures)}\n" if figures else "")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s. {machine}.\n")
    for name in failed:
        sys.stdout.write(f"The part {name} failed; what it wrote stands above.\n")
    if chosen.json:
        chosen.json.write_text(
            json.dumps(_report(size_name, figures, failed, machine, time.monotonic() - began), indent=2)
        )
    if chosen.markdown:
        table.put_into(
            chosen.markdown, figures, f"`make bench{'' if size_name == 'full' else f'-{size_name}'}`, {machine}."
        )
    return 0 if figures and not failed and all(figure.passes for figure in figures) else 1


class _Part:
    """In a process of its own, since a process has one set of settings. It is made once all is measured there, so that
    the next part may begin while this one counts and puts things away."""

    def __init__(self, name: str, size: str, prepared: str) -> None:
        sys.stdout.write(f"== {name}: {PARTS[name].sizes[size]}\n")
        sys.stdout.flush()
        self.name = name
        self._told = Path(prepared, f"{name}.jsonl")
        self._told.touch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.parts", name, size, self._told],
            cwd=_CHECKOUT,
            env=_environment() | {"ATHENTY_BENCH_PREPARED": prepared},
        )
        while self._process.poll() is None and "null" not in self._lines():
            time.sleep(0.1)

    def ended_well(self) -> bool:
        """Waits for its end."""
        return self._process.wait() == 0

    def figures(self) -> list[Figure]:
        """What it told by its end, however that came."""
        return [_figure(line) for line in self._lines() if line != "null"]

    def _lines(self) -> list[str]:
        return self._told.read_text().splitlines()


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _OF_OTHERS} | {"ATHENTY_PROFILE": "local"}


def _figure(line: str) -> Figure:
    told = json.loads(line)
    return Figure(**told | {"goal": Goal(**told["goal"]) if told["goal"] else None})


def _report(size: str, figures: list[Figure], failed: list[str], machine: Watch, seconds: float) -> dict[str, object]:
    return {
        "size": size,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "machine": f"{machine}, {platform.platform()}",
        "taken_by_host": machine.share,
        "taken_by_host_in_a_second_at_most": machine.worst,
        "passes": bool(figures) and not failed and all(figure.passes for figure in figures),
        "failed_parts": failed,
        "figures": [figure.as_json() for figure in figures],
    }


if __name__ == "__main__":
    sys.exit(main())
