"""Faults of Redis, Postgres, beat and the worker under the whole of Athenty; see stack_runs.py."""

import pytest

from tests.faults.played import play

QUICK = ["redis_flushed", "redis_hangs", "postgres_crashes_thrice"]
LONG = [
    "beat_stopped",
    "beat_restarted",
    "redis_full",
    "redis_slow",
    "redis_stopped",
    "postgres_crashes",
    "postgres_full",
    "worker_killed",
    "whale",
]
WHOLE = ["redis_stopped_for_ten_minutes", "postgres_crashes_every_minute", "snapshot_held_for_half_an_hour"]
HOUR = ["beat_stopped_for_an_hour"]


@pytest.mark.faults
@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(QUICK, id="quick"),
        pytest.param(LONG, id="long", marks=pytest.mark.long),
        pytest.param(HOUR, id="hour", marks=[pytest.mark.long, pytest.mark.whole]),
        pytest.param(WHOLE, id="whole", marks=[pytest.mark.long, pytest.mark.whole]),
    ],
)
def test_the_whole_stack_survives_its_servers(runs):
    assert play("stack_runs", *runs, timeout_seconds=7200 if runs in (WHOLE, HOUR) else 1500) == {}
