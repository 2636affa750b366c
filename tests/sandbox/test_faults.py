import pytest
import requests

from .callers import OTHER_AND_SONS, OTHER_REALM, QuickBooks, Xero, entry, journal


def post_batch(served, quickbooks):
    body = {"BatchItemRequest": [{"bId": "a", "operation": "create", "JournalEntry": entry()}]}
    headers = {"Authorization": f"Bearer {quickbooks.access_token}", "Accept": "application/json"}
    url = f"{served}/quickbooks/v3/company/{quickbooks.realm}/batch?requestid=r-1"
    return requests.post(url, json=body, headers=headers, timeout=5)


def test_a_drop_after_the_commit_leaves_the_entry_in_the_books_and_the_replay_finds_it(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="drop_after_commit")
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    assert quickbooks.books()["journals"] == 1
    assert post_batch(served, quickbooks).status_code == 200
    assert quickbooks.books()["journals"] == 1


def test_a_drop_before_the_commit_leaves_nothing(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="drop_before_commit")
    with pytest.raises(requests.ConnectionError):
        post_batch(served, quickbooks)
    assert quickbooks.books()["journals"] == 0


def test_a_late_answer_comes_after_the_commit(served, quickbooks, arm):
    arm(provider="quickbooks", call="batch", do="delay", delay_seconds=0.3)
    assert post_batch(served, quickbooks).elapsed.total_seconds() >= 0.3
    assert quickbooks.books()["journals"] == 1


def test_a_status_is_answered_without_doing_the_work(quickbooks, arm):
    arm(provider="quickbooks", call="journalentry", do="status", status=503, body="<h1>Sorry</h1>", retry_after=7)
    answer = quickbooks.post(entry())
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (503, "<h1>Sorry</h1>", "7")
    assert answer.content_type.startswith("text/html")
    assert quickbooks.books()["journals"] == 0
    assert quickbooks.post(entry()).status_code == 200


def test_a_failure_can_be_told_although_the_work_was_done(quickbooks, arm):
    arm(provider="quickbooks", call="journalentry", do="status_after_commit", status=500)
    assert quickbooks.post(entry(), requestid="r-1").status_code == 500
    assert quickbooks.books()["journals"] == 1
    assert quickbooks.post(entry(), requestid="r-1").status_code == 200
    assert quickbooks.books()["journals"] == 1


def test_the_token_endpoint_can_fail_too(xero, arm):
    arm(provider="xero", call="token", do="status", status=500)
    assert xero.refresh(xero.refresh_token).status_code == 500
    assert xero.refresh(xero.refresh_token).status_code == 200


def test_the_nth_call_is_struck_and_as_many_after_it_as_wanted(quickbooks, arm):
    arm(provider="quickbooks", call="journalentry", do="status", nth=3, times=2)
    statuses = [quickbooks.post(entry()).status_code for _ in range(6)]
    assert statuses == [200, 200, 503, 503, 200, 200]


def test_a_share_of_the_calls_is_struck_the_same_ones_for_a_seed(quickbooks, arm, client):
    def struck():
        client.delete("/control/faults")
        arm(provider="quickbooks", call="preferences", do="status", share=0.3, seed=5)
        return [quickbooks.call("GET", "preferences").status_code == 503 for _ in range(100)]

    first = struck()
    assert 15 <= sum(first) <= 45
    assert struck() == first


def test_other_calls_and_the_other_provider_are_spared(quickbooks, xero, arm):
    arm(provider="quickbooks", call="journalentry", do="status", times=100)
    assert quickbooks.call("GET", "preferences").status_code == 200
    assert xero.put(journal()).status_code == 200


def test_armed_faults_are_listed_with_their_strikes_and_lifted(quickbooks, arm, client):
    arm(provider="quickbooks", call="journalentry", do="status")
    quickbooks.post(entry())
    (listed,) = client.get("/control/faults").json["faults"]
    assert (listed["do"], listed["seen"], listed["struck"]) == ("status", 1, 1)
    assert client.delete("/control/faults").json == {"faults": []}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"provider": "sage"}, "provider must be"),
        ({"call": ""}, "call must name"),
        ({"do": "explode"}, "do must be one of"),
        ({"nth": 1, "share": 0.5}, "nth or share"),
        ({"colour": "red"}, "Unknown field colour"),
        ({"nth": "first"}, "invalid literal"),
        ({"call": "tokens"}, "call must name a call: authorize, token"),
        ({"do": "answer"}, "answer must be one of token_expired"),
        ({"do": "answer", "answer": "made_inactive"}, "answer must be one of"),
        ({"do": "item_answer", "answer": "made_inactive"}, "item_answer is for quickbooks only"),
        ({"retry_after_form": "hours"}, "retry_after_form must be seconds or date"),
    ],
)
def test_a_fault_that_cannot_be_armed_is_refused_with_a_sentence(client, wrong, sentence):
    fault = {"provider": "xero", "call": "token", "do": "status"} | wrong
    answer = client.post("/control/faults", json=fault)
    assert answer.status_code == 400
    assert sentence in answer.json["error"]


def test_an_item_of_a_batch_can_only_be_told_what_an_item_can_carry(client):
    fault = {"provider": "quickbooks", "call": "batch", "do": "item_answer", "answer": "html_502"}
    answer = client.post("/control/faults", json=fault)
    assert answer.status_code == 400
    assert "answer must be one of no_access" in answer.json["error"]


def test_a_fault_can_be_kept_to_one_company(client, quickbooks, arm):
    other = QuickBooks(client, OTHER_REALM).connected()
    arm(provider="quickbooks", call="journalentry", do="status", tenant=OTHER_REALM, nth=2)
    assert [quickbooks.post(entry()).status_code for _ in range(3)] == [200] * 3
    assert [other.post(entry()).status_code for _ in range(3)] == [200, 503, 200]


def test_a_fault_at_the_token_endpoint_can_be_kept_to_the_companies_behind_the_token(client, arm):
    pat, olu = Xero(client).connected(), Xero(client, OTHER_AND_SONS, user="olu").connected()
    arm(provider="xero", call="token", do="status", tenant=olu.tenant)
    assert pat.refresh(pat.refresh_token).status_code == 200
    assert olu.refresh(olu.refresh_token).status_code == 503

    first, second = QuickBooks(client).connected(), QuickBooks(client, OTHER_REALM).connected()
    arm(provider="quickbooks", call="token", do="status", tenant=second.realm)
    assert first.refresh(first.refresh_token).status_code == 200
    assert second.refresh(second.refresh_token).status_code == 503


def test_a_fault_can_strike_whatever_is_called(quickbooks, arm):
    arm(provider="quickbooks", call="any", do="status", times=3)
    assert quickbooks.call("GET", "preferences").status_code == 503
    assert quickbooks.post(entry()).status_code == 503
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 503
    assert quickbooks.post(entry()).status_code == 200


def test_retry_after_can_be_told_in_seconds_or_as_a_moment(quickbooks, arm):
    arm(provider="quickbooks", call="preferences", do="answer", answer="throttled", retry_after=90)
    assert quickbooks.call("GET", "preferences").headers["Retry-After"] == "90"
    arm(
        provider="quickbooks", call="preferences", do="answer", answer="throttled", retry_after=90,
        retry_after_form="date",
    )  # fmt: skip
    told = quickbooks.call("GET", "preferences").headers["Retry-After"]
    assert told == "Mon, 02 Mar 2026 12:01:30 GMT"
