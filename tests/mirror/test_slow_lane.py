"""A worker's sixteen threads, and companies that would hold them for long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from integrations.mirror.slow_lane import SlowLane, begin_call

MOMENT, LONG = 0.05, 0.2


@pytest.fixture
def answer():
    """What slow companies wait for; nobody waits for ever."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def lane() -> SlowLane:
    return SlowLane(places=8, caller_waits=timedelta(seconds=MOMENT), slow_from=timedelta(seconds=LONG))


@pytest.fixture
def begun() -> list:
    return []


@pytest.fixture
def slow(answer, begun):
    def wait_for_an_answer(company) -> bool:
        begun.append(company)
        begin_call()
        assert answer.wait(20)
        return True

    return wait_for_an_answer


def quick(_company) -> bool:
    return True


def look(_company) -> bool:
    """Nothing was to be sent, so nobody was called."""
    return False


def until(holds) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def known_as_slow(lane: SlowLane, slow) -> UUID:
    company = uuid4()
    lane.run(company, slow)
    time.sleep(LONG)
    return company


def how_long(act, *arguments) -> float:
    began = time.monotonic()
    act(*arguments)
    return time.monotonic() - began


def test_a_hundred_companies_that_turn_slow_at_once_hold_a_workers_threads_for_a_moment(lane, slow):
    with ThreadPoolExecutor(16) as worker:
        for _ in range(100):
            worker.submit(lane.run, uuid4(), slow)
        # Their answers never come while this is waited for.
        worker.submit(lane.run, uuid4(), quick).result(timeout=10)


def test_whoever_calls_the_provider_holds_no_thread(slow):
    patient = SlowLane(places=8, caller_waits=timedelta(seconds=20))
    assert how_long(patient.run, uuid4(), slow) < 10


def test_what_only_works_here_holds_its_thread_so_that_no_more_of_it_goes_on_at_once(lane, answer):
    assert how_long(lane.run, uuid4(), lambda _: answer.wait(20)) >= MOMENT


def test_with_all_places_taken_its_caller_waits_for_the_answer_for_a_moment(lane, slow):
    for _ in range(8):
        lane.run(uuid4(), slow)
    assert how_long(lane.run, uuid4(), slow) >= MOMENT


def test_those_that_take_long_take_no_place_from_the_others(slow):
    lane = SlowLane(places=8, caller_waits=timedelta(seconds=20), slow_from=timedelta(seconds=LONG))
    for _ in range(8):
        lane.run(uuid4(), slow)
    time.sleep(LONG)
    assert how_long(lane.run, uuid4(), slow) < 10


def test_a_company_known_as_slow_holds_no_thread(lane, slow, begun):
    company = known_as_slow(lane, slow)
    assert how_long(lane.run, company, slow) < MOMENT
    until(lambda: len(begun) == 2)


def test_no_more_of_them_go_on_than_there_are_places(lane, slow, begun, answer):
    company = known_as_slow(lane, slow)
    for _ in range(12):
        lane.run(company, slow)
    until(lambda: len(begun) == 8)
    answer.set()
    until(lambda: not lane._under_way)
    lane.run(uuid4(), slow)
    until(lambda: len(begun) == 8 + 1)


def test_when_all_their_places_are_taken_a_company_that_is_not_slow_goes_all_the_same(lane, slow, begun):
    company = known_as_slow(lane, slow)
    for _ in range(8):
        lane.run(company, slow)
    lane.run(uuid4(), slow)
    until(lambda: len(begun) == 8 + 1)


@pytest.mark.parametrize(("act", "is_slow"), [(quick, False), (look, True)], ids=["an answer", "a look"])
def test_one_quick_answer_takes_a_company_out_of_it_and_a_look_does_not(lane, slow, answer, act, is_slow):
    company = known_as_slow(lane, slow)
    answer.set()
    until(lambda: not lane._under_way)
    lane.run(company, act)
    until(lambda: not lane._under_way)
    assert lane.is_slow(company) is is_slow


def test_what_fails_while_its_caller_waits_fails_the_caller(lane):
    def fail(_company) -> bool:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        lane.run(uuid4(), fail)


def test_what_fails_later_is_logged(lane, answer, caplog):
    def fail(_company) -> bool:
        begin_call()
        answer.wait(20)
        raise TimeoutError

    lane.run(uuid4(), fail)
    answer.set()
    until(lambda: caplog.records)
    assert [record.exc_info[0] for record in caplog.records] == [TimeoutError]
