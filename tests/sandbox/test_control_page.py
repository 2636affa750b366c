"""The control page: every lever works as a plain form, without a script, and says so when it can't."""

import re

import pytest

from .callers import DEMO_COMPANY, PARK_AND_LOWE, PARK_AND_LOWE_REALM, entry, journal

HOME = "/control/"
QUICKBOOKS_PAGE = f"/control/companies/quickbooks/{PARK_AND_LOWE_REALM}"
XERO_PAGE = f"/control/companies/xero/{PARK_AND_LOWE}"


@pytest.fixture
def press(client):
    """Send a form as a browser would and follow it back to its page."""

    def press(action, back=HOME, **fields):
        answer = client.post(f"/control/{action}", data={"_back": back} | fields)
        assert answer.status_code == 303, answer.text
        assert answer.location == back
        return client.get(answer.location).text

    return press


@pytest.mark.parametrize("address", [HOME, QUICKBOOKS_PAGE, XERO_PAGE])
def test_the_pages_need_no_script_and_every_form_leads_to_a_call_that_exists(app, client, address):
    page = client.get(address).text
    assert "<script" not in page
    assert "http" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', page))
    actions = set(re.findall(r'<form method="post" action="([^"]+)"', page))
    assert actions
    adapter = app.url_map.bind("localhost")
    for action in actions:
        assert adapter.match(action, method="POST")


def test_every_field_on_the_pages_has_a_label(client, quickbooks):
    quickbooks.post(entry())
    for address in (HOME, QUICKBOOKS_PAGE, XERO_PAGE):
        page = client.get(address).text
        unlabelled = re.sub(r"<label[^>]*>.*?</label>", "", page, flags=re.DOTALL)
        assert not re.findall(r'<select|<input type="(?!hidden)|<input name', unlabelled)


def test_the_clock_is_moved_by_a_stretch(client, press):
    before = client.get("/control/clock").json["now"]
    page = press("clock", advance_seconds="3600")
    assert "13:00:00 UTC" in page
    assert client.get("/control/clock").json["now"] > before


def test_a_fault_is_armed_listed_and_lifted(press, quickbooks):
    page = press(
        "faults", provider="quickbooks", call="journalentry", do="answer", answer="throttled_xml", tenant="", nth="",
        share="", times="2", retry_after="", retry_after_form="seconds", delay_seconds="",
    )  # fmt: skip
    assert "answer throttled xml" in page
    assert [quickbooks.post(entry()).status_code for _ in range(3)] == [429, 429, 200]
    assert "No fault is armed" in press("faults/clear")


def test_a_share_given_in_the_form_is_a_number(client, press):
    press("faults", provider="xero", call="any", do="status", share="0.25", seed="7", status="500")
    (fault,) = client.get("/control/faults").json["faults"]
    assert (fault["share"], fault["seed"], fault["status"]) == (0.25, 7, 500)


def test_switches_and_limits_are_turned(client, press):
    press("switches", xero_tier="starter", journal_changes="on")
    assert client.get("/control/switches").json["xero_tier"]["position"] == "starter"
    press("limits", enabled="false", items_count_as_calls="false")
    assert client.get("/control/limits").json == {"enabled": False, "items_count_as_calls": False}


def test_a_companys_settings_are_saved_and_dates_cleared(client, press, quickbooks):
    fields = {"warn_duplicate_journal_number": "true", "use_account_numbers": "true", "multicurrency": "false",
              "state": "active", "_lists": "removed_users"}  # fmt: skip
    action = f"quickbooks/{PARK_AND_LOWE_REALM}/settings"
    page = press(action, QUICKBOOKS_PAGE, book_close_date="2026-12-31", removed_users="olu", **fields)
    assert 'value="2026-12-31"' in page
    assert 'value="olu" checked' in page
    assert quickbooks.post(entry()).json["Fault"]["Error"][0]["code"] == "6210"
    page = press(action, QUICKBOOKS_PAGE, book_close_date="", **fields)
    assert 'value="olu" checked' not in page
    assert quickbooks.post(entry()).status_code == 200


def test_accounts_are_added_changed_and_deleted(press, xero):
    base = f"xero/{PARK_AND_LOWE}/accounts"
    page = press(base, XERO_PAGE, number="1170", name="Escrow & Clearing", type="CURRENT")
    assert "Escrow &amp; Clearing" in page
    account = next(row["id"] for row in xero.books()["accounts"] if row["number"] == "1170")
    press(f"{base}/{account}", XERO_PAGE, number="1171", name="Escrow", type="CURRENT", status="ARCHIVED")
    assert "has been archived" in xero.put(journal(debit="1171")).text
    assert ", closed" in press(f"xero/{PARK_AND_LOWE}/refuse_account", XERO_PAGE, account_id=account, how="closed")
    assert ", closed" not in press(f"xero/{PARK_AND_LOWE}/refuse_account", XERO_PAGE, account_id=account, how="open")
    press(f"{base}/{account}/delete", XERO_PAGE)
    assert account not in xero.call("GET", "Accounts").text


def test_journals_are_changed_and_ended(press, quickbooks):
    created = quickbooks.post(entry(DocNumber="ATH-1")).json["JournalEntry"]["Id"]
    base = f"quickbooks/{PARK_AND_LOWE_REALM}/journals/{created}"
    assert "2026-03-09" in press(base, QUICKBOOKS_PAGE, date="2026-03-09", memo="By hand", number="ATH-1")
    assert "deleted" in press(f"{base}/delete", QUICKBOOKS_PAGE)
    assert quickbooks.books()["journals"] == 0


def test_the_app_is_disconnected_and_the_demo_company_reset(press, client, xero):
    press(f"xero/{PARK_AND_LOWE}/disconnect", XERO_PAGE)
    assert xero.put(journal()).status_code == 403
    assert "reset" in press(f"xero/{DEMO_COMPANY}/reset_demo")
    assert "Reset the demo company" not in client.get(XERO_PAGE).text


def test_the_request_log_is_on_the_page_newest_first(client, quickbooks):
    quickbooks.post(entry(), requestid="r-1")
    quickbooks.call("GET", "preferences")
    page = client.get(HOME).text
    log = page[page.index('id="requests"') :]
    assert log.index("preferences") < log.index("r-1")
    assert quickbooks.access_token not in page


def test_a_refusal_is_a_page_with_the_sentence_and_the_way_back(client):
    answer = client.post("/control/clock", data={"advance_seconds": "-5", "_back": "/control/#clock"})
    assert answer.status_code == 400
    assert "advance_seconds must be a number, zero or more." in answer.text
    assert 'href="/control/#clock"' in answer.text


def test_fields_that_no_page_sent_are_answered_with_json(client):
    assert "now" in client.post("/control/clock", data={"advance_seconds": "1"}).json
    refused = client.post("/control/clock", data={"advance_seconds": "soon"})
    assert (refused.status_code, refused.json["error"][:15]) == (400, "advance_seconds")


def test_a_form_leads_back_into_the_control_page_only(client):
    answer = client.post("/control/clock", data={"advance_seconds": "1", "_back": "https://elsewhere.test/"})
    assert answer.location == "/control/"


def test_a_form_of_another_site_is_refused(client):
    before = client.get("/control/clock").json["now"]
    foreign = client.post(
        "/control/clock", data={"advance_seconds": "60"}, headers={"Origin": "https://elsewhere.test"}
    )
    assert foreign.status_code == 403
    own = client.post("/control/clock", data={"advance_seconds": "0"}, headers={"Origin": "http://localhost"})
    assert own.status_code == 200
    assert client.get("/control/clock").json["now"] == before


def test_everything_is_reset_by_a_button(press, quickbooks):
    quickbooks.post(entry())
    press("reset")
    assert quickbooks.books()["journals"] == 0


def test_the_home_page_leads_to_the_control_page_and_unknown_companies_are_404(client):
    assert 'href="/control/"' in client.get("/").text
    assert client.get("/control/companies/xero/nowhere").status_code == 404
