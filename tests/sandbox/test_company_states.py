"""Companies that are not well, and people who lost their place: what every call is told, and for how long."""

import pytest

from .callers import DEMO_COMPANY, OTHER_REALM, PARK_AND_LOWE, QuickBooks, Xero, entry, journal, query_of


@pytest.mark.parametrize(
    ("state", "code"),
    [("subscription_lapsed", "6190"), ("locked_out", "140"), ("under_maintenance", "150"), ("company_reset", "10200")],
)
def test_a_quickbooks_company_in_trouble_tells_every_call_its_code_until_it_is_well(client, quickbooks, state, code):
    other = QuickBooks(client, OTHER_REALM).connected()
    quickbooks.control("settings", {"state": state})
    for answer in (
        quickbooks.post(entry()), quickbooks.batch({"a": entry()}), quickbooks.query("select * from Account"),
        quickbooks.call("GET", "preferences"),
    ):  # fmt: skip
        assert answer.json["Fault"]["Error"][0]["code"] == code
    assert quickbooks.books()["journals"] == 0
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 200
    assert other.post(entry()).status_code == 200
    quickbooks.control("settings", {"state": "active"})
    assert quickbooks.post(entry()).status_code == 200


def test_who_left_a_quickbooks_company_gets_120_and_then_user_not_in_realm(client, quickbooks):
    quickbooks.control("settings", {"removed_users": ["pat"]})
    refused = quickbooks.post(entry())
    assert (refused.status_code, refused.json["Fault"]["Error"][0]["code"]) == (401, "120")
    lost = quickbooks.refresh(quickbooks.refresh_token)
    assert (lost.status_code, lost.json["error"], lost.json["x_error_reason"]) == (
        400, "invalid_grant", "user_not_in_realm",
    )  # fmt: skip
    form = {"decision": "allow", "company": quickbooks.realm, "user": "olu"}
    current = QuickBooks(client)
    answer = current.exchange(query_of(current.authorize(form=form).location)["code"])
    current.access_token = answer.json["access_token"]
    assert current.post(entry()).status_code == 200


def test_who_left_a_company_cannot_connect_it(client):
    for caller, name in ((QuickBooks(client), "Park &amp; Lowe LLP"), (Xero(client), "Park &amp; Lowe LLP")):
        caller.control("settings", {"removed_users": ["pat"]})
        answer = caller.authorize()
        assert answer.status_code == 400
        assert f"Pat Lowe, bookkeeper has no access to {name}" in answer.text


def assert_refused_while_the_token_refreshes(xero):
    answer = xero.call("GET", "Organisation")
    assert (answer.status_code, answer.json["Detail"]) == (403, "AuthenticationUnsuccessful")
    assert xero.put(journal()).status_code == 403
    renewed = xero.refresh(xero.refresh_token)
    assert renewed.status_code == 200
    xero.access_token, xero.refresh_token = renewed.json["access_token"], renewed.json["refresh_token"]


def test_a_deleted_organisation_is_403_and_gone_from_the_connections_and_the_picker(client, xero):
    xero.control("settings", {"state": "deleted"})
    assert_refused_while_the_token_refreshes(xero)
    assert xero.connections().json == []
    assert PARK_AND_LOWE not in xero.authorize(method="GET").text
    xero.control("settings", {"state": "active"})
    assert xero.put(journal()).status_code == 200


def test_an_ended_trial_is_403_while_the_connection_is_still_listed(xero):
    xero.control("settings", {"state": "trial_ended"})
    assert_refused_while_the_token_refreshes(xero)
    assert [connection["tenantId"] for connection in xero.connections().json] == [xero.tenant]


def test_an_organisation_that_is_offline_says_so_as_plain_text_with_503(client, xero):
    demo = Xero(client, DEMO_COMPANY).connected()
    xero.control("settings", {"state": "offline"})
    answer = xero.put(journal())
    assert (answer.status_code, answer.text) == (503, "The Organisation is offline")
    assert not answer.is_json
    assert demo.call("GET", "Organisation").status_code == 200


def test_a_person_removed_from_the_organisation_is_403_while_the_connection_is_listed(xero):
    xero.control("settings", {"removed_users": ["pat"]})
    assert_refused_while_the_token_refreshes(xero)
    assert len(xero.connections().json) == 1


@pytest.mark.parametrize("role", ["standard", "read_only"])
def test_a_role_without_reporting_rights_is_refused_manual_journals_and_nothing_else(xero, role):
    xero.control("settings", {"role": role})
    refused = xero.put(journal())
    assert (refused.status_code, refused.json["Detail"]) == (403, "You are not permitted to access this resource")
    assert xero.call("GET", "Accounts").status_code == 200
    assert xero.call("GET", "Organisation").status_code == 200
    actions = {row["Name"]: row["Status"] for row in xero.call("GET", "Organisation/Actions").json["Actions"]}
    assert actions["CreateManualJournal"] == "NOT-ALLOWED"
    xero.control("settings", {"role": "standard_with_reports"})
    assert xero.put(journal()).status_code == 200


def test_the_advisers_role_passes_the_period_lock(xero):
    xero.control("settings", {"period_lock_date": "2026-12-31", "role": "adviser"})
    assert xero.put(journal()).json["ManualJournals"][0]["StatusAttributeString"] == "OK"


def test_a_reset_demo_company_has_a_new_tenant_id_and_the_old_one_is_403(client):
    old = Xero(client, DEMO_COMPANY).connected()
    old.control("settings", {"period_lock_date": "2026-01-31"})
    old.put(journal(debit="250", credit="400"))
    told = old.control("reset_demo", {}).json
    assert told["name"] == "Demo Company (US)"
    assert told["tenant_id"] != DEMO_COMPANY
    assert_refused_while_the_token_refreshes(old)
    assert old.connections().json == []
    picker = old.authorize(method="GET").text
    assert DEMO_COMPANY not in picker
    new = Xero(client, told["tenant_id"]).connected()
    assert [connection["tenantId"] for connection in new.connections().json] == [told["tenant_id"]]
    books = new.books()
    assert (books["journals"], len(books["accounts"])) == (0, len(old.books()["accounts"]))
    assert not {row["id"] for row in books["accounts"]} & {row["id"] for row in old.books()["accounts"]}
    assert "PeriodLockDate" not in new.call("GET", "Organisation").json["Organisations"][0]
    assert old.control("reset_demo", {}).status_code == 400


def test_only_a_demo_company_can_be_reset(xero, quickbooks):
    for caller in (xero, quickbooks):
        answer = caller.control("reset_demo", {})
        assert answer.status_code == 400
        assert "is not a demo company" in answer.json["error"]


@pytest.mark.parametrize(
    ("provider", "wrong", "sentence"),
    [
        (QuickBooks, {"state": "tired"}, "state must be one of active, subscription_lapsed"),
        (QuickBooks, {"role": "adviser"}, "role is not one of"),
        (Xero, {"role": "boss"}, "role must be one of standard_with_reports, adviser"),
        (Xero, {"state": "reset"}, "state must be one of"),
        (Xero, {"removed_users": ["nobody"]}, "removed_users must be a list of pat, olu, ida"),
        (Xero, {"removed_users": "pat"}, "removed_users must be a list of"),
    ],
)
def test_a_state_role_or_person_nobody_knows_is_refused(client, provider, wrong, sentence):
    answer = provider(client).control("settings", wrong)
    assert answer.status_code == 400
    assert sentence in answer.json["error"]


def test_multicurrency_and_account_numbers_can_be_switched_in_the_preferences(quickbooks):
    quickbooks.control("settings", {"multicurrency": True, "use_account_numbers": False})
    shown = quickbooks.call("GET", "preferences").json["Preferences"]
    assert shown["CurrencyPrefs"]["MultiCurrencyEnabled"] is True
    assert shown["AccountingInfoPrefs"]["UseAccountNumbers"] is False
