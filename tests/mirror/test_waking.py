"""Wake-ups: at once for who was quiet, twice a second for who is not, and never none after the last commit."""

import uuid
from datetime import timedelta

import pytest

from integrations.mirror import waking

DRAIN = "integrations.mirror.tasks.drain"


class _Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(waking, "time", _Clock())
    return waking.time


@pytest.fixture
def broker(clock, monkeypatch):
    """One whose thread does not run, so that what it was given stays to be looked at."""
    broker = waking._Broker()
    monkeypatch.setattr(broker, "_start", lambda: None)
    return broker


def asked_for(broker):
    """The moments of the wake-ups since the last look."""
    moments = []
    while not broker._messages.empty():
        moments.append(pytest.approx(broker._messages.get()[2]))
    return moments


def test_who_was_quiet_is_woken_at_once(broker, clock):
    broker.publish(DRAIN, uuid.uuid4(), None)
    broker.publish(DRAIN, uuid.uuid4(), None)
    assert asked_for(broker) == [100.0, 100.0]


def test_many_postings_in_a_row_ask_twice_a_second_and_once_after_the_last(broker, clock):
    busy = uuid.uuid4()
    for _ in range(50):
        broker.publish(DRAIN, busy, None)
        clock.now += 0.05
    last_wish = clock.now - 0.05
    moments = asked_for(broker)
    assert len(moments) == 6
    assert max(moment.expected for moment in moments) >= last_wish


def test_a_wake_up_for_later_does_not_stand_in_for_one_that_is_wanted_now(broker, clock):
    connection = uuid.uuid4()
    broker.publish(DRAIN, connection, timedelta(seconds=5))
    broker.publish(DRAIN, connection, None)
    assert asked_for(broker) == [105.0, 100.0]


def test_a_look_at_a_moment_is_not_put_off_by_what_was_wanted_shortly_before(broker, clock):
    connection = uuid.uuid4()
    broker.publish(DRAIN, connection, None)
    broker.publish(DRAIN, connection, timedelta())
    broker.publish(DRAIN, connection, timedelta())
    assert asked_for(broker) == [100.0, 100.0, 100.0]


def test_what_it_remembers_has_a_bound(broker, clock):
    for _ in range(2_500):
        broker.publish(DRAIN, uuid.uuid4(), None)
    assert len(asked_for(broker)) == 2_500
    assert len(broker._latest) <= waking._Broker._REMEMBERED
