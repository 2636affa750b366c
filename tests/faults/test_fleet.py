"""Faults under fifty firms and more; see fleet_runs.py."""

import pytest

from tests.faults.played import play

pytestmark = [pytest.mark.faults, pytest.mark.long]


def test_f03_workers_and_beat_killed_at_random_under_fifty_firms():
    assert play("fleet_runs", "killed_at_random", timeout_seconds=900) == {}


@pytest.mark.whole
def test_f03_workers_and_beat_killed_at_random_for_half_an_hour():
    assert play("fleet_runs", "killed_for_half_an_hour", timeout_seconds=3600) == {}


def test_f29_a_hundred_slow_companies_hold_up_no_other():
    assert play("fleet_runs", "slow_companies", timeout_seconds=900) == {}


@pytest.mark.whole
def test_f29_nor_does_it_under_the_load_of_two_hundred():
    assert play("fleet_runs", "slow_companies_among_two_hundred", timeout_seconds=1800) == {}
