"""Refreshing at Intuit's: in parallel, and up to the day when no refresh helps any more."""

import threading

import requests

from .callers import QUICKBOOKS_SECRET

DAY = 86400
HARD = {"x-include-refresh-token-hard-expires-in": "true"}


def test_a_parallel_refresh_is_refused_and_kills_what_the_first_one_got(quickbooks, turn):
    turn(quickbooks_parallel_refresh_kills="on")
    first = quickbooks.refresh(quickbooks.refresh_token)
    assert first.status_code == 200
    second = quickbooks.refresh(quickbooks.refresh_token)
    assert (second.status_code, second.json["error"]) == (400, "invalid_grant")
    quickbooks.access_token = first.json["access_token"]
    assert quickbooks.call("GET", "preferences").status_code == 401
    assert quickbooks.refresh(first.json["refresh_token"]).status_code == 400


def test_it_kills_the_chain_too_when_the_first_refresh_changed_the_value(quickbooks, turn, advance):
    turn(quickbooks_parallel_refresh_kills="on")
    advance(DAY)
    newer = quickbooks.refresh(quickbooks.refresh_token).json["refresh_token"]
    assert newer != quickbooks.refresh_token
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 400
    assert quickbooks.refresh(newer).status_code == 400


def test_refreshes_one_after_the_other_are_not_parallel(quickbooks, turn, advance):
    turn(quickbooks_parallel_refresh_kills="on")
    for _ in range(3):
        assert quickbooks.refresh(quickbooks.refresh_token).status_code == 200
        advance(6)


def test_without_the_switch_a_parallel_refresh_succeeds(quickbooks):
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 200
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 200


def test_two_workers_at_once_lose_the_grant(served, quickbooks, turn):
    turn(quickbooks_parallel_refresh_kills="on")
    answers = []

    def refresh():
        answers.append(
            requests.post(
                f"{served}/quickbooks/oauth2/v1/tokens/bearer",
                data={"grant_type": "refresh_token", "refresh_token": quickbooks.refresh_token},
                auth=("demo-quickbooks", QUICKBOOKS_SECRET),
                timeout=5,
            ).status_code
        )

    workers = [threading.Thread(target=refresh) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(answers) == [200, 400]
    assert quickbooks.call("GET", "preferences").status_code == 401


def test_the_hard_end_is_told_only_when_asked_for_and_comes_nearer(quickbooks, advance):
    assert "x_refresh_token_hard_expires_in" not in quickbooks.refresh(quickbooks.refresh_token).json
    assert quickbooks.refresh(quickbooks.refresh_token, **HARD).json["x_refresh_token_hard_expires_in"] == 157_680_000
    advance(10 * DAY)
    renewed = quickbooks.refresh(quickbooks.refresh_token, **HARD).json
    assert renewed["x_refresh_token_hard_expires_in"] == 157_680_000 - 10 * DAY
    assert renewed["x_refresh_token_expires_in"] == 100 * DAY


def test_near_the_hard_end_the_refresh_token_lives_no_longer_than_it(quickbooks, advance):
    value = quickbooks.refresh_token
    for _ in range(20):
        advance(90 * DAY)
        value = quickbooks.refresh(value).json["refresh_token"]
    last = quickbooks.refresh(value, **HARD).json
    assert last["x_refresh_token_expires_in"] == last["x_refresh_token_hard_expires_in"] == 25 * DAY
    advance(25 * DAY + 1)
    assert quickbooks.refresh(last["refresh_token"]).json["error"] == "invalid_grant"
