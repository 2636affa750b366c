import threading

import pytest
import requests

from .callers import DEMO_COMPANY, Xero, journal

pytestmark = pytest.mark.usefixtures("limits")


def read(xero):
    return xero.call("GET", "Organisation")


def test_what_is_left_is_told_on_every_answer(xero):
    first, second = read(xero).headers, xero.put(journal(debit="1000"), summarize="true").headers
    assert (first["X-MinLimit-Remaining"], second["X-MinLimit-Remaining"]) == ("59", "58")
    assert (first["X-DayLimit-Remaining"], second["X-DayLimit-Remaining"]) == ("4999", "4998")
    assert second["X-AppMinLimit-Remaining"] == "9998"


def test_the_sixty_first_call_in_a_window_is_429_with_an_empty_body_and_the_seconds_to_wait(xero, advance):
    assert [read(xero).status_code for _ in range(60)] == [200] * 60
    refused = xero.put(journal())
    assert (refused.status_code, refused.data) == (429, b"")
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert refused.headers["X-MinLimit-Remaining"] == "0"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert xero.books()["journals"] == 0
    advance(wait)
    assert read(xero).status_code == 200


def test_the_minute_window_is_fixed_not_sliding(xero, advance, limits):
    for _ in range(60):
        read(xero)
    advance(int(read(xero).headers["Retry-After"]))
    assert [read(xero).status_code for _ in range(60)] == [200] * 60


def test_each_organisation_has_its_own_minute(client, xero):
    for _ in range(60):
        read(xero)
    assert read(xero).status_code == 429
    assert read(Xero(client, DEMO_COMPANY).connected()).status_code == 200


def test_a_replay_costs_a_call_and_a_429_is_judged_before_the_key(xero):
    xero.put(journal(), key="k-1")
    for _ in range(59):
        xero.put(journal(), key="k-1")
    assert xero.put(journal(), key="k-1").status_code == 429


def test_a_used_up_day_is_told_with_hours_to_wait(xero, limits, app):
    read(xero)
    day = limits.fixed[("day", xero.tenant)]
    now = app.extensions["sandbox"].clock.now()
    while day.remaining(now):
        day.count(now)
    refused = read(xero)
    assert refused.status_code == 429
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert int(refused.headers["Retry-After"]) > 60


def test_a_used_up_app_minute_has_no_retry_after(xero, limits, app):
    read(xero)
    minute = limits.fixed[("app", "demo-xero")]
    now = app.extensions["sandbox"].clock.now()
    while minute.remaining(now):
        minute.count(now)
    refused = read(xero)
    assert refused.headers["X-Rate-Limit-Problem"] == "appminute"
    assert "Retry-After" not in refused.headers


def test_a_sixth_call_at_the_same_time_is_429_without_retry_after(served, app, xero):
    app.extensions["sandbox"].faults.arm(
        {"provider": "xero", "call": "organisation", "do": "delay", "delay_seconds": 0.5, "times": 6}
    )
    headers = {"Authorization": f"Bearer {xero.access_token}", "xero-tenant-id": xero.tenant}
    answers = []

    def get():
        answers.append(requests.get(f"{served}/xero/api.xro/2.0/Organisation", headers=headers))

    threads = [threading.Thread(target=get) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers
    assert read(xero).status_code == 200
