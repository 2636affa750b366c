"""Where tiers, days and sources differ, a switch decides: each in every position."""

import pytest

from .callers import XERO_SCOPE, Xero, entry, journal, messages


def test_switches_start_in_their_first_position_and_say_what_they_are(client):
    listed = client.get("/control/switches").json
    assert {switch["position"] == switch["positions"][0] for switch in listed.values()} == {True}
    assert all(switch["about"] for switch in listed.values())


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"xero_tier": "gold"}, {"xero_token_scope": False}])
def test_a_wrong_switch_or_position_is_refused_and_none_is_turned(client, wrong):
    answer = client.post("/control/switches", json={"xero_windows": "sliding"} | wrong)
    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json["error"]
    assert client.get("/control/switches").json["xero_windows"]["position"] == "fixed"


def test_a_reset_turns_every_switch_back(client, turn):
    turn(xero_tier="starter")
    client.post("/control/reset", json={})
    assert client.get("/control/switches").json["xero_tier"]["position"] == "core"


@pytest.mark.usefixtures("limits")
class TestLimits:
    def test_intuits_minute_can_be_a_fixed_window_that_begins_anew_at_its_edge(
        self, quickbooks, turn, advance, limits, app
    ):
        turn(quickbooks_windows="fixed")
        quickbooks.call("GET", "preferences")
        minute = limits.fixed["minute", quickbooks.realm]
        now = app.extensions["sandbox"].clock.now()
        minute.count(now, 499)
        assert quickbooks.call("GET", "preferences").status_code == 429
        assert minute.seconds_left(now) < 60
        advance(minute.seconds_left(now))
        assert quickbooks.call("GET", "preferences").status_code == 200

    @pytest.mark.parametrize(
        ("form", "told"), [("none", None), ("seconds", "60"), ("date", "Mon, 02 Mar 2026 12:01:00 GMT")]
    )
    def test_intuits_429_can_carry_retry_after_in_each_form(self, quickbooks, turn, form, told):
        turn(quickbooks_retry_after=form)
        for _ in range(10):
            quickbooks.call("GET", "preferences")
        assert quickbooks.call("GET", "preferences").headers.get("Retry-After") == told

    def test_xeros_starter_tier_has_a_thousand_calls_a_day(self, xero, turn):
        turn(xero_tier="starter")
        assert xero.call("GET", "Organisation").headers["X-DayLimit-Remaining"] == "999"
        turn(xero_tier="core")
        assert xero.call("GET", "Organisation").headers["X-DayLimit-Remaining"] == "4998"

    def test_a_used_up_day_of_the_starter_tier_is_429_day(self, xero, turn, limits, app):
        turn(xero_tier="starter")
        xero.call("GET", "Organisation")
        limits.fixed["day", xero.tenant].count(app.extensions["sandbox"].clock.now(), 999)
        refused = xero.call("GET", "Organisation")
        assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "day")
        turn(xero_tier="core")
        assert xero.call("GET", "Organisation").status_code == 200

    def test_xeros_minute_can_slide(self, xero, turn, advance):
        turn(xero_windows="sliding")
        for _ in range(30):
            xero.call("GET", "Organisation")
        advance(40)
        for _ in range(30):
            xero.call("GET", "Organisation")
        refused = xero.call("GET", "Organisation")
        assert refused.headers["Retry-After"] == "20"
        advance(20)
        assert [xero.call("GET", "Organisation").status_code for _ in range(31)] == [200] * 30 + [429]

    def test_xeros_retry_after_can_be_a_moment(self, xero, turn):
        turn(xero_retry_after="date")
        for _ in range(60):
            xero.call("GET", "Organisation")
        assert xero.call("GET", "Organisation").headers["Retry-After"].endswith(" GMT")


def test_xeros_token_answers_may_lack_the_scope(client, turn):
    turn(xero_token_scope="off")
    caller = Xero(client)
    answer = caller.exchange(caller.code()).json
    assert "scope" not in answer
    assert answer["refresh_token"]
    turn(xero_token_scope="on")
    assert caller.refresh(answer["refresh_token"]).json["scope"] == XERO_SCOPE


def test_xeros_replaced_refresh_token_may_be_dead_at_once(client, turn):
    turn(xero_refresh_grace="off")
    caller = Xero(client)
    first = caller.exchange(caller.code()).json["refresh_token"]
    second = caller.refresh(first).json["refresh_token"]
    assert caller.refresh(first).json == {"error": "invalid_grant"}
    assert caller.refresh(second).status_code == 200


@pytest.mark.parametrize(("position", "date"), [("on", "/Date(1772409600000+0000)/"), ("off", "/Date(1772409600000)/")])
def test_xeros_dates_come_with_and_without_an_offset(xero, turn, position, date):
    turn(xero_date_offset=position)
    assert xero.put(journal()).json["ManualJournals"][0]["Date"] == date
    xero.control("settings", {"period_lock_date": "2026-03-02"})
    organisation = xero.call("GET", "Organisation").json["Organisations"][0]
    assert organisation["PeriodLockDate"] == date


def test_a_draft_may_lose_its_unknown_line_with_a_warning(xero, turn):
    turn(xero_drafts_drop_lines="on")
    draft = journal("ATH-1", Status="DRAFT")
    draft["JournalLines"].append({"LineAmount": 0, "AccountCode": "9999"})
    (element,) = xero.put(draft).json["ManualJournals"]
    assert element["StatusAttributeString"] == "WARNING"
    assert [warning["Message"] for warning in element["Warnings"]] == [
        "Account code '9999' has been removed as it does not match a recognised account."
    ]
    assert [line["AccountCode"] for line in element["JournalLines"]] == ["2100", "4000"]
    assert xero.books()["drafts"] == 1
    draft["Status"] = "POSTED"
    (refused,) = xero.put(draft).json["ManualJournals"]
    assert messages(refused) == ["Account code '9999' is not a valid code for this document."]


def test_without_the_switch_such_a_draft_is_refused(xero):
    (element,) = xero.put(journal(Status="DRAFT", debit="9999")).json["ManualJournals"]
    assert element["StatusAttributeString"] == "ERROR"


def test_a_posted_journal_can_be_stored_with_a_warning_and_without_a_line(xero, arm):
    arm(provider="xero", call="manualjournals", do="warn", item=2, line=1)
    first, second = xero.put(journal("ATH-1"), journal("ATH-2")).json["ManualJournals"]
    assert (first["StatusAttributeString"], second["StatusAttributeString"]) == ("OK", "WARNING")
    assert "Warnings" not in first
    assert second["Warnings"][0]["Message"]
    assert [line["AccountCode"] for line in second["JournalLines"]] == ["4000"]
    books = xero.books()
    assert (books["totals"]["debits"], books["totals"]["credits"]) == ("1250.50", "2501.00")


def test_a_warning_alone_changes_nothing_of_the_journal(xero, arm):
    arm(provider="xero", call="manualjournals", do="warn")
    (element,) = xero.put(journal()).json["ManualJournals"]
    assert element["StatusAttributeString"] == "WARNING"
    assert len(element["JournalLines"]) == 2


def test_apps_may_change_entries_at_quickbooks_once_the_switch_allows_it(quickbooks, turn):
    created = quickbooks.post(entry(DocNumber="ATH-1")).json["JournalEntry"]
    change = entry(Id=created["Id"], SyncToken="0", DocNumber="ATH-1", amount=7)
    assert quickbooks.post(change).status_code == 403
    turn(journal_changes="on")
    changed = quickbooks.post(change).json["JournalEntry"]
    assert (changed["Id"], changed["SyncToken"]) == (created["Id"], "1")
    assert quickbooks.books()["totals"]["debits"] == "7.00"
    stale = quickbooks.post(change)
    assert stale.json["Fault"]["Error"][0]["code"] == "5010"
    gone = {"Id": created["Id"], "SyncToken": "1"}
    deleted = quickbooks.call("POST", "journalentry", json=gone, query_string={"operation": "delete"})
    assert deleted.json["JournalEntry"] == {"status": "Deleted", "domain": "QBO", "Id": created["Id"]}
    assert quickbooks.books()["journals"] == 0
    again = quickbooks.call("POST", "journalentry", json=gone, query_string={"operation": "delete"})
    assert again.json["Fault"]["Error"][0]["code"] == "610"


def test_a_batch_may_update_and_delete_once_the_switch_allows_it(quickbooks, turn):
    turn(journal_changes="on")
    first, second = (quickbooks.post(entry()).json["JournalEntry"]["Id"] for _ in range(2))
    items = [
        {"bId": "a", "operation": "update", "JournalEntry": entry(Id=first, SyncToken="0", amount=7)},
        {"bId": "b", "operation": "delete", "JournalEntry": {"Id": second, "SyncToken": "0"}},
        {"bId": "c", "operation": "delete", "JournalEntry": {"Id": second, "SyncToken": "5"}},
    ]
    answer = quickbooks.call("POST", "batch", json={"BatchItemRequest": items})
    told = {item["bId"]: item for item in answer.json["BatchItemResponse"]}
    assert told["a"]["JournalEntry"]["SyncToken"] == "1"
    assert told["b"]["JournalEntry"]["status"] == "Deleted"
    assert told["c"]["Fault"]["Error"][0]["code"] == "610"
    assert quickbooks.books()["totals"]["debits"] == "7.00"


def test_an_app_cannot_change_an_entry_of_closed_books(quickbooks, turn):
    turn(journal_changes="on")
    created = quickbooks.post(entry()).json["JournalEntry"]["Id"]
    quickbooks.control("settings", {"book_close_date": "2026-03-02"})
    change = entry(Id=created, SyncToken="0") | {"TxnDate": "2026-03-09"}
    assert quickbooks.post(change).json["Fault"]["Error"][0]["code"] == "6210"
    deleted = quickbooks.call(
        "POST", "journalentry", json={"Id": created, "SyncToken": "0"}, query_string={"operation": "delete"}
    )
    assert deleted.json["Fault"]["Error"][0]["code"] == "6210"
