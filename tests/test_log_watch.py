"""The search of the logs for tokens finds what it should, or its silence would mean nothing."""

import logging

import pytest

from tests.log_watch import LogWatch

TOKEN = "eyJhbGciOiJSUzI1NiJ9.c29tZXRoaW5n.aa-bb_cc"


@pytest.fixture
def logger():
    watch, logger = LogWatch(), logging.getLogger("of-this-test")
    watch.remember([TOKEN])
    logger.addHandler(watch)
    logger.propagate = False  # the run's own watch would rightly complain
    yield watch, logger
    logger.removeHandler(watch)


@pytest.mark.parametrize(
    "message", [TOKEN, f"Bearer {TOKEN}", f"/callback?code={TOKEN}&state=1", f"{{'token': '{TOKEN}'}}", f"x{TOKEN}."]
)
def test_a_token_is_found_wherever_it_stands(logger, message):
    watch, log = logger
    log.warning("%s", message)
    assert len(watch.leaks()) == 1
    assert TOKEN not in watch.leaks()[0]


def test_a_token_in_a_traceback_is_found(logger):
    watch, log = logger
    try:
        raise ValueError(TOKEN)
    except ValueError:
        log.exception("It failed.")
    assert watch.leaks()


def test_a_token_in_another_processs_log_is_found(logger):
    watch, _ = logger
    watch.overhear(f"worker: {TOKEN}\n", place="the worker")
    assert watch.leaks() == ["the worker"]


def test_a_token_in_a_log_file_is_found_with_its_line(logger, tmp_path):
    watch, _ = logger
    log = tmp_path / "worker.log"
    log.write_bytes(b"ready \xff\n" + TOKEN.encode())
    watch.overhear_file(log)
    assert watch.leaks() == ["worker.log:2"]


def test_one_token_of_many_is_told_from_those_like_it(logger):
    watch, log = logger
    watch.remember([f"{TOKEN[:-1]}x", f"x{TOKEN[1:]}"])
    log.warning("%s", f"x{TOKEN[2:]}")
    assert watch.leaks() == []
    log.warning("%s", f"x{TOKEN[1:]}")
    assert len(watch.leaks()) == 1


def test_this_very_run_is_watched():
    assert any(isinstance(handler, LogWatch) for handler in logging.getLogger().handlers)


def test_a_part_of_a_token_and_other_words_are_no_leak(logger):
    watch, log = logger
    log.warning("%s %s 0f8fad5b-d9cb-469f-a165-70867728950e", TOKEN[:-1], TOKEN[1:])
    assert watch.leaks() == []


@pytest.mark.parametrize("secret", ["short", "with spaces in between them"])
def test_a_secret_that_could_not_be_found_is_not_taken(secret):
    with pytest.raises(ValueError, match="searched for"):
        LogWatch().remember([secret])
