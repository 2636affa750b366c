"""Calls whose outcome the caller can't know: dropped, late, slow, broken off, or failed although the work was done."""

import http.client
import threading
import time

import pytest
import requests

from .callers import entry, journal

BATCH = {"BatchItemRequest": [{"bId": "a", "operation": "create", "JournalEntry": entry(DocNumber="ATH-1")}]}


def post_batch(served, quickbooks, request_id="r-1", timeout=5.0):
    headers = {"Authorization": f"Bearer {quickbooks.access_token}", "Accept": "application/json"}
    url = f"{served}/quickbooks/v3/company/{quickbooks.realm}/batch?requestid={request_id}"
    return requests.post(url, json=BATCH, headers=headers, timeout=timeout)


def put_journal(served, xero, key=None, timeout=5.0):
    headers = {
        "Authorization": f"Bearer {xero.access_token}", "xero-tenant-id": xero.tenant, "Accept": "application/json",
    } | ({"Idempotency-Key": key} if key else {})  # fmt: skip
    url = f"{served}/xero/api.xro/2.0/ManualJournals?summarizeErrors=false"
    return requests.put(url, json=journal("ATH-1"), headers=headers, timeout=timeout)


def wait_for(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_commit_can_come_after_the_caller_was_dropped(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="commit_late", delay_seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    assert quickbooks.books()["journals"] == 0
    wait_for(lambda: quickbooks.books()["journals"] == 1)


def test_a_commit_can_come_after_the_caller_gave_up_waiting(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="commit_late", hold_seconds=0.3, delay_seconds=0.1)
    with pytest.raises(requests.ReadTimeout):
        post_batch(served, quickbooks, timeout=0.1)
    assert quickbooks.books()["journals"] == 0
    wait_for(lambda: quickbooks.books()["journals"] == 1)


def test_a_resend_that_overtakes_a_late_commit_enters_once_under_its_requestid(served, quickbooks, arm, client):
    arm(provider="quickbooks", call="batch", do="commit_late", delay_seconds=0.2)
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    assert post_batch(served, quickbooks).status_code == 200
    rows = client.get("/control/requests?call=batch")
    wait_for(lambda: len(client.get("/control/requests?call=batch").json["requests"]) > len(rows.json["requests"]))
    assert quickbooks.books()["journals"] == 1


def test_a_resend_that_overtakes_a_late_commit_is_doubled_at_xero_without_a_key_and_not_with_one(served, xero, arm):
    for key, stored in (("k-1", 1), (None, 3)):
        arm(provider="xero", call="manualjournals", do="commit_late", delay_seconds=0.2)
        with pytest.raises(requests.ConnectionError):
            put_journal(served, xero, key)
        assert put_journal(served, xero, key).status_code == 200
        time.sleep(0.3)
        wait_for(lambda stored=stored: xero.books()["journals"] == stored)
    assert xero.books()["duplicates"] == ["ATH-1"]


def test_a_late_commit_is_judged_when_it_comes(served, quickbooks, arm, client):
    arm(provider="quickbooks", call="batch", do="commit_late", delay_seconds=0.15)
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    quickbooks.control("disconnect", {})
    log = "/control/requests?call=batch"
    wait_for(lambda: 401 in {row["status"] for row in client.get(log).json["requests"]})
    assert quickbooks.books()["journals"] == 0


def test_an_answer_can_come_drop_by_drop(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="drip", delay_seconds=0.4)
    address = served.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=5)
    headers = {"Authorization": f"Bearer {quickbooks.access_token}", "Accept": "application/json"}
    started = time.monotonic()
    connection.request("GET", f"/quickbooks/v3/company/{quickbooks.realm}/preferences", headers=headers)
    connection.getresponse().read()
    fast = time.monotonic() - started
    started = time.monotonic()
    answer = post_batch(served, quickbooks)
    assert time.monotonic() - started >= 0.3 > fast
    assert answer.json()["BatchItemResponse"][0]["JournalEntry"]["Id"] == "228"
    connection.close()


def test_an_answer_can_trickle_a_byte_a_second(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="trickle")
    headers = {"Authorization": f"Bearer {quickbooks.access_token}", "Accept": "application/json"}
    url = f"{served}/quickbooks/v3/company/{quickbooks.realm}/batch?requestid=r-1"
    started = time.monotonic()
    with requests.post(url, json=BATCH, headers=headers, stream=True, timeout=5) as answer:
        assert answer.raw.read(3) == b'{"B'
    assert 1.9 < time.monotonic() - started < 4, "the third byte comes after two seconds"
    assert quickbooks.books()["journals"] == 1


def test_an_answer_can_break_off_in_the_middle_with_the_work_done(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="cut")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post_batch(served, quickbooks)
    assert quickbooks.books()["journals"] == 1


def test_an_unexpected_error_6000_may_hide_an_entry_that_was_saved_and_the_replay_finds_it(quickbooks, arm):
    arm(provider="quickbooks", call="journalentry", do="answer_after_commit", answer="unexpected_error")
    hidden = quickbooks.post(entry(), requestid="r-1").json["Fault"]["Error"][0]
    assert hidden["code"] == "6000"
    assert "Please wait a few minutes and try again" in hidden["Detail"]
    assert quickbooks.books()["journals"] == 1
    assert quickbooks.post(entry(), requestid="r-1").json["JournalEntry"]["Id"] == "228"
    assert quickbooks.books()["journals"] == 1


def test_an_unexpected_error_6000_may_also_have_saved_nothing(quickbooks, arm):
    arm(provider="quickbooks", call="journalentry", do="answer", answer="unexpected_error")
    assert quickbooks.post(entry(), requestid="r-1").status_code == 400
    assert quickbooks.books()["journals"] == 0
    assert quickbooks.post(entry(), requestid="r-1").status_code == 200
    assert quickbooks.books()["journals"] == 1


def test_one_item_of_a_batch_can_be_entered_and_told_to_have_failed(quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="item_answer_after_commit", answer="unexpected_error", item=1)
    told = {item["bId"]: item for item in quickbooks.batch({"a": entry(), "b": entry()}).json["BatchItemResponse"]}
    assert told["a"]["Fault"]["Error"][0]["code"] == "6000"
    assert "JournalEntry" in told["b"]
    assert quickbooks.books()["journals"] == 2


@pytest.mark.parametrize(("do", "stored"), [("keep_500", 0), ("keep_500_after_commit", 1)])
def test_an_internal_error_of_xeros_is_kept_under_its_key_for_six_minutes(xero, arm, advance, do, stored):
    arm(provider="xero", call="manualjournals", do=do)
    first = xero.put(journal("ATH-1"), key="k-1")
    assert first.status_code == 500
    assert xero.books()["journals"] == stored
    again = xero.put(journal("ATH-1"), key="k-1")
    assert (again.status_code, again.data) == (500, first.data)
    assert xero.books()["journals"] == stored
    advance(360)
    assert xero.put(journal("ATH-1"), key="k-1").status_code == 200
    assert xero.books()["journals"] == stored + 1


def test_a_kept_internal_error_is_got_round_with_a_new_key(xero, arm):
    arm(provider="xero", call="manualjournals", do="keep_500")
    xero.put(journal("ATH-1"), key="k-1")
    assert xero.put(journal("ATH-1"), key="k-2").status_code == 200


def test_an_internal_error_without_a_key_is_kept_nowhere(xero, arm):
    arm(provider="xero", call="manualjournals", do="keep_500_after_commit")
    assert xero.put(journal("ATH-1")).status_code == 500
    assert xero.put(journal("ATH-1")).status_code == 200
    assert xero.books()["duplicates"] == ["ATH-1"]


def test_a_server_that_stops_does_not_wait_for_a_late_commit(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="commit_late", delay_seconds=3600)
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    (waiting,) = [thread for thread in threading.enumerate() if getattr(thread, "interval", 0) == 3600]
    assert waiting.daemon
    waiting.cancel()
