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
    figures, failed = [], []
    with tempfile.TemporaryDirectory(prefix="athenty-bench-") as prepared:
        subprocess.run(
            [sys.executable, "-m", "tests.bench.prepared", prepared], cwd=_CHECKOUT, env=_environment(), check=True
        )
        for name in names:
            found = _run(name, size_name, prepared)
            figures += found or []
            if found is None:
                failed.append(name)
    figures.sort(key=lambda figure: int(figure.benchmark.removeprefix("B")))
    sys.stdout.write(f"\n{table.text(figures)}\n" if figures else "")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s.\n")
    for name in failed:
        sys.stdout.write(f"The part {name} failed; what it wrote stands above.\n")
    if chosen.json:
        chosen.json.write_text(json.dumps(_report(size_name, figures, failed, time.monotonic() - began), indent=2))
    if chosen.markdown:
        table.put_into(
            chosen.markdown, figures, f"`make bench{'' if size_name == 'full' else f'-{size_name}'}`, {_machine()}."
        )
    return 0 if figures and not failed and all(figure.passes for figure in figures) else 1


def _run(name: str, size: str, prepared: str) -> list[Figure] | None:
    """The part in a process of its own, since a process has one set of settings. None when it failed."""
    sys.stdout.write(f"== {name}: {PARTS[name].sizes[size]}\n")
    sys.stdout.flush()
    with tempfile.NamedTemporaryFile("r", prefix="athenty-bench-", suffix=".jsonl") as told:
        finished = subprocess.run(
            [sys.executable, "-m", "tests.bench.parts", name, size, told.name],
            cwd=_CHECKOUT,
            env=_environment() | {"ATHENTY_BENCH_PREPARED": prepared},
            check=False,
        )
        if finished.returncode:
            return None
        return [_figure(line) for line in told]


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in _OF_OTHERS} | {"ATHENTY_PROFILE": "local"}


def _figure(line: str) -> Figure:
    told = json.loads(line)
    return Figure(**told | {"goal": Goal(**told["goal"]) if told["goal"] else None})


def _machine() -> str:
    return f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} processors, Python {platform.python_version()}"


def _report(size: str, figures: list[Figure], failed: list[str], seconds: float) -> dict[str, object]:
    return {
        "size": size,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "machine": f"{_machine()}, {platform.platform()}",
        "passes": bool(figures) and not failed and all(figure.passes for figure in figures),
        "failed_parts": failed,
        "figures": [figure.as_json() for figure in figures],
    }


if __name__ == "__main__":
    sys.exit(main())
