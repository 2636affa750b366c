"""Faults of Redis, beat and the worker under the whole of Athenty; see stack_runs.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.scoreboard import board

_CHECKOUT = Path(__file__).resolve().parents[2]
_OF_THE_TESTS = {"DATABASE_URL", "REDIS_URL", "ATHENTY_STATE_FOLDER", "DJANGO_SETTINGS_MODULE"}

QUICK = ["redis_flushed", "redis_hangs"]
LONG = [
    "beat_stopped",
    "redis_full",
    "redis_slow",
    "redis_stopped",
    "postgres_crashes",
    "worker_killed",
    "killed_at_random",
    "whale",
]


@pytest.mark.faults
@pytest.mark.parametrize(
    "runs", [pytest.param(QUICK, id="quick"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
)
def test_the_whole_stack_survives_its_servers(runs):
    environment = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTS}
    finished = subprocess.run(
        [sys.executable, "-m", "tests.faults.stack_runs", *runs],
        cwd=_CHECKOUT,
        env=environment | {"ATHENTY_PROFILE": "local"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    told = [json.loads(line) for line in finished.stdout.splitlines() if line.startswith('{"test"')]
    assert len(told) == len(runs), finished.stderr[-3000:]
    problems = {line["about"]: line.pop("problems") for line in told}
    for line in told:
        board.add(**line)
    assert not any(problems.values()), problems
