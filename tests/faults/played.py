"""Runs that set up servers of their own, each in a process of its own: what they tell goes into the table."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.scoreboard import board

_CHECKOUT = Path(__file__).resolve().parents[2]
_OF_THE_TESTS = {"DATABASE_URL", "REDIS_URL", "ATHENTY_STATE_FOLDER", "DJANGO_SETTINGS_MODULE"}


def play(module: str, *runs: str, timeout_seconds: float) -> dict[str, list[str]]:
    """The problems that were found, by what they were found in. Fails when a run does not tell."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTS}
    finished = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{module}", *runs],
        cwd=_CHECKOUT,
        env=environment | {"ATHENTY_PROFILE": "local"},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
    )
    told = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith('{"test"')]
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert len(told) >= len(runs)
    problems = {line["about"]: line.pop("problems") for line in told}
    for line in told:
        board.add(**line)
    return {about: found for about, found in problems.items() if found}
