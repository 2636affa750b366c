import threading

import requests

from .callers import DEMO_COMPANY, Xero, journal

WINDOW = 360


def test_the_same_key_gives_the_first_answer_again_and_stores_nothing(xero):
    first = xero.put(journal(), key="k-1")
    again = xero.put(journal(), key="k-1")
    assert again.data == first.data
    assert xero.books()["journals"] == 1


def test_the_same_key_with_another_body_url_or_method_is_400_in_xeros_words(xero):
    xero.put(journal(), key="k-1")
    text = "Idempotency Key: k-1 is used with a different request."
    other_body = xero.put(journal(amount=5), key="k-1")
    other_url = xero.put(journal(), key="k-1", summarize="true")
    other_method = xero.call(
        "POST",
        "ManualJournals",
        json={"ManualJournals": [journal()]},
        query_string={"summarizeErrors": "false"},
        headers={"Idempotency-Key": "k-1"},
    )
    for answer in (other_body, other_url, other_method):
        assert (answer.status_code, answer.json["Message"]) == (400, text)
    assert xero.books()["journals"] == 1


def test_six_minutes_after_the_first_call_the_key_is_new_and_the_journal_doubled(xero, advance):
    xero.put(journal("ATH-1"), key="k-1")
    advance(WINDOW - 1)
    xero.put(journal("ATH-1"), key="k-1")
    assert xero.books()["journals"] == 1
    xero.refresh_token, xero.access_token = "", xero.refresh(xero.refresh_token).json["access_token"]
    advance(1)
    xero.put(journal("ATH-1"), key="k-1")
    assert xero.books()["duplicates"] == ["ATH-1"]


def test_a_validation_answer_is_replayed_even_after_its_cause_is_gone(xero):
    account = next(row["id"] for row in xero.books()["accounts"] if row["number"] == "1150")
    xero.control("refuse_account", {"account_id": account})
    first = xero.put(journal(debit="1150"), key="k-1", summarize="true")
    xero.control("refuse_account", {"account_id": account}, method="DELETE")
    again = xero.put(journal(debit="1150"), key="k-1", summarize="true")
    assert (again.status_code, again.data) == (400, first.data)
    assert xero.put(journal(debit="1150"), key="k-2", summarize="true").status_code == 200


def test_a_key_has_128_characters_at_most(xero):
    assert xero.put(journal(), key="k" * 128).status_code == 200
    assert xero.put(journal(), key="k" * 129).status_code == 400
    assert xero.books()["journals"] == 1


def test_keys_are_judged_per_app_over_all_its_organisations(client, xero):
    demo = Xero(client, DEMO_COMPANY, user="olu").connected()
    xero.put(journal(), key="k-1")
    assert demo.put(journal(), key="k-1").status_code == 400


def test_two_calls_at_once_with_one_key_store_one_journal(served, app, xero):
    app.extensions["sandbox"].faults.arm(
        {"provider": "xero", "call": "manualjournals", "do": "delay", "delay_seconds": 0.1}
    )
    headers = {
        "Authorization": f"Bearer {xero.access_token}",
        "xero-tenant-id": xero.tenant,
        "Accept": "application/json",
        "Idempotency-Key": "k-1",
    }
    answers = []

    def put():
        answers.append(requests.put(f"{served}/xero/api.xro/2.0/ManualJournals", json=journal(), headers=headers))

    threads = [threading.Thread(target=put) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert xero.books()["journals"] == 1
