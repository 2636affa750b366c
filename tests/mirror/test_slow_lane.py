"""A worker's sixteen threads, and companies that hold them for long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from integrations.mirror.slow_lane import SlowLane

SLOW = 0.3


@pytest.fixture
def lane() -> SlowLane:
    return SlowLane(threads=8, slow_from=timedelta(seconds=SLOW / 2))


def slow(_company) -> bool:
    time.sleep(SLOW)
    return True


def quick(_company) -> bool:
    return True


def test_a_hundred_slow_companies_leave_half_of_the_threads_to_the_others(lane):
    companies = [uuid4() for _ in range(100)]
    with ThreadPoolExecutor(100) as known_by_now:
        list(known_by_now.map(lambda each: lane.run(each, slow), companies))
    stop = threading.Event()

    with ThreadPoolExecutor(16) as worker:

        def wake_all_slow_ones() -> None:
            while not stop.is_set():
                for each in companies:
                    worker.submit(lane.run, each, slow)
                time.sleep(SLOW)

        waker = threading.Thread(target=wake_all_slow_ones)
        waker.start()
        waits = []
        for _ in range(20):
            time.sleep(0.02)
            began = time.monotonic()
            assert worker.submit(lane.run, uuid4(), quick).result()
            waits.append(time.monotonic() - began)
        stop.set()
        waker.join()
    assert max(waits) < SLOW / 2, "nobody waits for a slow company's answer"


def test_no_more_than_its_share_of_threads_is_in_it(lane):
    companies = [uuid4() for _ in range(16)]
    with ThreadPoolExecutor(16) as worker:
        list(worker.map(lambda each: lane.run(each, slow), companies))
        went = list(worker.map(lambda each: lane.run(each, slow), companies))
    assert went.count(True) == 8


def test_one_quick_answer_takes_a_company_out_of_it_and_a_look_does_not(lane):
    company = uuid4()
    lane.run(company, slow)
    others = [uuid4() for _ in range(8)]
    for each in others:
        lane.run(each, slow)
    full = threading.Barrier(9)

    def hold(_company) -> bool:
        full.wait()
        full.wait()
        return True

    with ThreadPoolExecutor(8) as worker:
        lane.run(company, lambda _company: False)  # a look that called nobody
        for each in others:
            worker.submit(lane.run, each, hold)
        full.wait()
        assert not lane.run(company, quick), "all eight are taken"
        full.wait()
    assert lane.run(company, quick)
    with ThreadPoolExecutor(8) as worker:
        for each in others:
            lane.run(each, slow)
        full.reset()
        for each in others:
            worker.submit(lane.run, each, hold)
        full.wait()
        assert lane.run(company, quick), "it is not slow any more"
        full.wait()


def test_a_pass_that_fails_late_counts_as_slow(lane):
    company = uuid4()

    def fail(_company) -> bool:
        time.sleep(SLOW)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        lane.run(company, fail)
    assert company in lane._slow
