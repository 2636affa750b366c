"""Faults of answers, clocks, wake-ups and mode switches under two real workers; see two_workers_runs.py."""

import pytest

from tests.faults.played import play

pytestmark = [pytest.mark.faults, pytest.mark.long]

LONG = ["answers_lost", "modes_switched", "tasks_repeated", "clocks_apart"]
# In this order: what the outage leaves to a person would be counted with the other's.
WHOLE = ["clocks_far_off", "answers_lost_then_away"]


@pytest.mark.parametrize(
    "runs", [pytest.param(LONG, id="long"), pytest.param(WHOLE, id="whole", marks=pytest.mark.whole)]
)
def test_two_workers_survive_what_is_between_them_and_everybody_else(runs):
    assert play("two_workers_runs", *runs, timeout_seconds=3600) == {}
