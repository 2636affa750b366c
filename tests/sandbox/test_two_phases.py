"""Xero in two phases: a draft is created, then posted by its id. And what Xero makes of every other change."""

import pytest

from .callers import journal, messages


@pytest.fixture
def draft(xero) -> str:
    """The id of a draft in the books."""
    (element,) = xero.put(journal("ATH-1", Status="DRAFT")).json["ManualJournals"]
    return element["ManualJournalID"]


@pytest.fixture
def posted(xero) -> str:
    (element,) = xero.put(journal("ATH-1")).json["ManualJournals"]
    return element["ManualJournalID"]


def change(xero, journal_id, key=None, **members):
    headers = {"Idempotency-Key": key} if key else {}
    query = {"summarizeErrors": "false"}
    return xero.call("POST", f"ManualJournals/{journal_id}", json=members, headers=headers, query_string=query)


def element_of(answer):
    assert answer.status_code == 200, answer.text
    (element,) = answer.json["ManualJournals"]
    return element


def test_a_draft_is_posted_by_its_id_and_counts_from_then_on(xero, draft):
    assert (xero.books()["journals"], xero.books()["drafts"]) == (0, 1)
    element = element_of(change(xero, draft, Status="POSTED"))
    assert (element["ManualJournalID"], element["Status"]) == (draft, "POSTED")
    assert element["StatusAttributeString"] == "OK"
    assert [line["LineAmount"] for line in element["JournalLines"]] == [1250.5, -1250.5]
    assert (xero.books()["journals"], xero.books()["drafts"], xero.books()["refused_calls"]) == (1, 0, 0)


def test_the_second_phase_may_repeat_what_the_first_one_sent(xero, draft):
    assert element_of(change(xero, draft, **journal("ATH-1", ManualJournalID=draft)))["Status"] == "POSTED"


def test_drafts_can_be_posted_together_in_the_collection(xero):
    made = xero.put(journal("ATH-1", Status="DRAFT"), journal("ATH-2", Status="DRAFT")).json["ManualJournals"]
    body = [{"ManualJournalID": one["ManualJournalID"], "Status": "POSTED"} for one in made]
    answer = xero.call(
        "POST", "ManualJournals", json={"ManualJournals": body}, query_string={"summarizeErrors": "false"}
    )
    assert [one["StatusAttributeString"] for one in answer.json["ManualJournals"]] == ["OK", "OK"]
    assert xero.books()["journals"] == 2


def test_posting_twice_posts_once(xero, draft):
    for _ in range(2):
        assert element_of(change(xero, draft, Status="POSTED"))["Status"] == "POSTED"
    assert xero.books()["journals"] == 1
    assert len(xero.client.get(f"/control/books/xero/{xero.tenant}/changes").json["changes"]) == 1


def test_the_second_phase_has_an_idempotency_key_of_its_own(xero, draft):
    first = change(xero, draft, key="k-1", Status="POSTED")
    assert change(xero, draft, key="k-1", Status="POSTED").data == first.data
    assert change(xero, draft, key="k-1", Status="POSTED", Narration="ATH-1").status_code == 400


def test_a_draft_of_a_period_locked_since_is_not_posted(xero, draft):
    xero.control("settings", {"period_lock_date": "2026-03-31"})
    element = element_of(change(xero, draft, Status="POSTED"))
    assert messages(element) == [
        "The document date cannot be before the period lock date, currently set at 31-Mar-2026"
    ]
    assert xero.books()["drafts"] == 1


def test_a_draft_whose_account_was_archived_since_is_not_posted(xero, draft):
    account = next(row["id"] for row in xero.books()["accounts"] if row["number"] == "2100")
    xero.control(f"accounts/{account}", {"status": "ARCHIVED"})
    assert "has been archived" in messages(element_of(change(xero, draft, Status="POSTED")))[0]


def test_a_draft_whose_account_was_renumbered_since_is_posted_to_the_same_account(xero, draft):
    account = next(row["id"] for row in xero.books()["accounts"] if row["number"] == "2100")
    xero.control(f"accounts/{account}", {"number": "2199"})
    element = element_of(change(xero, draft, Status="POSTED"))
    assert element["JournalLines"][0]["AccountCode"] == "2199"
    assert element["JournalLines"][0]["AccountID"] == account


def test_a_draft_deleted_by_people_cannot_be_posted(xero, draft):
    xero.control(f"journals/{draft}", {}, method="DELETE")
    element = element_of(change(xero, draft, Status="POSTED"))
    assert element["StatusAttributeString"] == "ERROR"
    assert messages(element) == ["The manual journal is deleted and can't be changed"]
    assert xero.books()["journals"] == 0


def test_an_unknown_id_in_the_address_is_404_as_html_and_in_the_body_an_error(xero):
    nobody = "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b99"
    answer = change(xero, nobody, Status="POSTED")
    assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8")
    assert answer.text == "The resource you're looking for cannot be found"
    (element,) = xero.call(
        "POST",
        "ManualJournals",
        json={"ManualJournalID": nobody, "Status": "POSTED"},
        query_string={"summarizeErrors": "false"},
    ).json["ManualJournals"]
    assert element["StatusAttributeString"] == "ERROR"


@pytest.mark.parametrize(
    "members",
    [
        {"Status": "POSTED", "Narration": "Another"},
        {"Status": "POSTED", "JournalLines": journal(amount=1)["JournalLines"]},
        {"Status": "POSTED", "Date": "2026-03-03"},
        {"Status": "DELETED"},
        {"Narration": "ATH-1"},
    ],
)
def test_any_other_change_is_no_business_of_a_mirror(xero, draft, members):
    answer = change(xero, draft, **members)
    assert answer.status_code == 403
    assert answer.json["sandbox_refusal"] == "not_our_business"
    assert xero.books()["drafts"] == 1


def test_with_the_switch_a_posted_journal_can_be_edited_and_voided(xero, posted, turn):
    turn(journal_changes="on")
    edited = element_of(change(xero, posted, Narration="Another", Date="2026-03-05"))
    assert (edited["Narration"], edited["Date"]) == ("Another", "/Date(1772668800000+0000)/")
    voided = element_of(change(xero, posted, Status="VOIDED"))
    assert voided["Status"] == "VOIDED"
    assert xero.books()["journals"] == 0
    assert messages(element_of(change(xero, posted, Status="POSTED"))) == [
        "The manual journal is voided and can't be changed"
    ]


def test_a_lock_date_blocks_the_void_of_a_journal_it_covers_and_moving_it_out(xero, posted, turn):
    turn(journal_changes="on")
    xero.control("settings", {"end_of_year_lock_date": "2026-03-31"})
    text = "The document date cannot be before the end of year lock date, currently set at 31-Mar-2026"
    assert messages(element_of(change(xero, posted, Status="VOIDED"))) == [text]
    assert messages(element_of(change(xero, posted, Date="2026-04-02"))) == [text]
    assert xero.books()["journals"] == 1


def test_a_status_that_cannot_follow_is_refused(xero, posted, draft, turn):
    turn(journal_changes="on")
    assert messages(element_of(change(xero, posted, Status="DRAFT"))) == [
        "A manual journal can't go from POSTED to DRAFT"
    ]
    assert messages(element_of(change(xero, draft, Status="VOIDED"))) == [
        "A manual journal can't go from DRAFT to VOIDED"
    ]


def test_an_edit_is_held_to_the_rules_of_a_new_journal(xero, posted, turn):
    turn(journal_changes="on")
    lines = journal(debit="1000")["JournalLines"]
    assert messages(element_of(change(xero, posted, JournalLines=lines))) == [
        "Account code '1000' is not a valid code for this document."
    ]
