"""What the company's own people do at the provider while a mirror looks the other way."""

import pytest

from .callers import FYLE_REALM, QuickBooks, Xero, entry, journal, messages


def account_row(caller, number):
    return next(row for row in caller.books()["accounts"] if row["number"] == number)


def changes(caller, provider, company):
    return caller.client.get(f"/control/books/{provider}/{company}/changes").json["changes"]


def test_people_can_edit_an_entry_in_quickbooks_and_the_app_learns_nothing(quickbooks):
    created = quickbooks.post(entry(DocNumber="ATH-1", PrivateNote="As sent"), requestid="r-1").json["JournalEntry"]
    lines = [{"account_id": "17", "debit": "9.99"}, {"account_id": "26", "credit": "9.99", "description": "Corrected"}]
    answer = quickbooks.control(
        f"journals/{created['Id']}", {"memo": "Corrected", "date": "2026-03-09", "number": "X-1", "lines": lines}
    )
    assert answer.json["journal"]["SyncToken"] == "1"
    assert quickbooks.books()["totals"]["debits"] == "9.99"
    (change,) = changes(quickbooks, "quickbooks", quickbooks.realm)
    assert (change["by"], change["what"], change["journal_id"]) == ("people", "edited", created["Id"])
    assert change["before"]["PrivateNote"] == "As sent"
    assert quickbooks.post(entry(DocNumber="ATH-1"), requestid="r-1").json["JournalEntry"] == created


def test_people_can_delete_an_entry_in_quickbooks_and_its_number_is_free_again(quickbooks):
    created = quickbooks.post(entry(DocNumber="ATH-1")).json["JournalEntry"]["Id"]
    assert quickbooks.control(f"journals/{created}", {}, method="DELETE").status_code == 200
    assert quickbooks.books()["journals"] == 0
    assert quickbooks.books()["totals"]["debits"] == "0.00"
    assert quickbooks.post(entry(DocNumber="ATH-1")).status_code == 200


def test_people_may_change_an_entry_in_closed_books_that_an_app_may_not(quickbooks):
    created = quickbooks.post(entry()).json["JournalEntry"]["Id"]
    quickbooks.control("settings", {"book_close_date": "2026-12-31"})
    assert quickbooks.control(f"journals/{created}", {"memo": "With the password"}).status_code == 200


def test_people_can_edit_and_void_a_journal_in_xero(xero):
    (created,) = xero.put(journal("ATH-1")).json["ManualJournals"]
    address = f"journals/{created['ManualJournalID']}"
    lines = [
        {"account_id": account_row(xero, "2100")["id"], "debit": "5.00"},
        {"account_id": account_row(xero, "4100")["id"], "credit": "5.00"},
    ]
    edited = xero.control(address, {"memo": "By hand", "lines": lines}).json["journal"]
    assert edited["Narration"] == "By hand"
    assert (account_row(xero, "4100")["credits"], account_row(xero, "4000")["credits"]) == ("5.00", "0.00")
    assert xero.control(address, {}, method="DELETE").json["journal"]["Status"] == "VOIDED"
    assert xero.books()["journals"] == 0
    assert [change["what"] for change in changes(xero, "xero", xero.tenant)] == ["edited", "voided"]


def test_people_can_post_and_delete_drafts_in_xero(xero):
    first, second = (
        made["ManualJournalID"]
        for made in xero.put(journal("ATH-1", Status="DRAFT"), journal("ATH-2", Status="DRAFT")).json["ManualJournals"]
    )
    xero.control(f"journals/{first}", {"status": "POSTED"})
    xero.control(f"journals/{second}", {}, method="DELETE")
    assert (xero.books()["journals"], xero.books()["drafts"]) == (1, 0)


def test_a_lock_date_stops_people_in_xero_too(xero):
    (created,) = xero.put(journal("ATH-1")).json["ManualJournals"]
    xero.control("settings", {"end_of_year_lock_date": "2026-12-31"})
    answer = xero.control(f"journals/{created['ManualJournalID']}", {}, method="DELETE")
    assert answer.status_code == 400
    assert "end of year lock date" in answer.json["error"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"lines": "none"}, "lines must be a list"),
        ({"lines": [{"account_id": "nobody", "debit": "1"}]}, "account_id 'nobody' is not in the chart"),
        ({"lines": []}, "The journal was refused"),
        ({"date": "soon"}, "The journal was refused"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(quickbooks, wrong, sentence):
    created = quickbooks.post(entry()).json["JournalEntry"]["Id"]
    answer = quickbooks.control(f"journals/{created}", wrong)
    assert answer.status_code == 400
    assert sentence in answer.json["error"]
    assert changes(quickbooks, "quickbooks", quickbooks.realm) == []


def test_an_unknown_journal_or_account_is_404(quickbooks, xero):
    for caller in (quickbooks, xero):
        assert caller.control("journals/nobody", {"memo": "x"}).status_code == 404
        assert caller.control("accounts/nobody", {"name": "x"}).status_code == 404


def test_people_can_rename_renumber_retype_and_deactivate_an_account_in_quickbooks(quickbooks):
    answer = quickbooks.control("accounts/17", {"name": "Trust Money", "number": "2101", "type": "Long Term Liability"})
    assert answer.status_code == 200
    (shown,) = quickbooks.query("select * from Account where Id = '17'").json["QueryResponse"]["Account"]
    assert (shown["Name"], shown["FullyQualifiedName"], shown["AcctNum"]) == ("Trust Money", "Trust Money", "2101")
    assert (shown["AccountType"], shown["Classification"], shown["SyncToken"]) == (
        "Long Term Liability", "Liability", "1",
    )  # fmt: skip
    assert quickbooks.post(entry()).status_code == 200
    quickbooks.control("accounts/17", {"active": False})
    assert quickbooks.post(entry()).json["Fault"]["Error"][0]["code"] == "610"
    quickbooks.control("accounts/17", {"active": True, "number": ""})
    assert quickbooks.post(entry()).status_code == 200
    assert quickbooks.query("select * from Account where AcctNum = '2101'").json["QueryResponse"] == {}


def test_a_deleted_account_of_quickbooks_stays_inactive_and_says_so(quickbooks):
    quickbooks.control("accounts/17", {}, method="DELETE")
    found = quickbooks.query("select * from Account where Active = false and Id = '17'").json["QueryResponse"]
    assert found["Account"][0]["Name"].endswith(" (deleted)")
    assert quickbooks.post(entry()).json["Fault"]["Error"][0]["code"] == "610"


def test_people_can_rename_renumber_retype_and_archive_an_account_in_xero(xero):
    account = account_row(xero, "1150")["id"]
    edited = xero.control(f"accounts/{account}", {"name": "Clearing", "number": "1151", "type": "FIXED"}).json
    assert (edited["account"]["Class"], edited["account"]["AccountID"]) == ("ASSET", account)
    assert messages(xero.put(journal(debit="1150")).json["ManualJournals"][0]) == [
        "Account code '1150' is not a valid code for this document."
    ]
    assert xero.put(journal(debit="1151")).json["ManualJournals"][0]["StatusAttributeString"] == "OK"
    xero.control(f"accounts/{account}", {"status": "ARCHIVED"})
    assert "has been archived" in messages(xero.put(journal(debit="1151")).json["ManualJournals"][0])[0]
    xero.control(f"accounts/{account}", {"type": "BANK", "status": "ACTIVE"})
    assert "is not a valid code" in messages(xero.put(journal(debit="1151")).json["ManualJournals"][0])[0]


def test_a_freed_code_can_be_given_to_another_account_with_another_id(xero):
    first = account_row(xero, "1150")["id"]
    xero.control(f"accounts/{first}", {"number": "1151"})
    (second,) = xero.control("accounts", {"number": "1150", "name": "Newcomer", "type": "CURRENT"}).json["accounts"]
    assert second["AccountID"] != first
    (stored,) = xero.put(journal(debit="1150")).json["ManualJournals"]
    assert stored["JournalLines"][0]["AccountID"] == second["AccountID"]


def test_xero_deletes_an_unused_account_and_keeps_a_used_or_system_one(xero):
    unused, used, system = (account_row(xero, number)["id"] for number in ("1150", "2100", "1200"))
    xero.put(journal())
    assert xero.control(f"accounts/{unused}", {}, method="DELETE").status_code == 200
    assert unused not in {account["AccountID"] for account in xero.call("GET", "Accounts").json["Accounts"]}
    assert "not a valid code" in messages(xero.put(journal(debit="1150")).json["ManualJournals"][0])[0]
    for kept in (used, system):
        assert xero.control(f"accounts/{kept}", {}, method="DELETE").status_code == 400


@pytest.mark.parametrize(
    ("provider", "number", "wrong"),
    [
        (QuickBooks, "1150", {"number": "1000"}),
        (QuickBooks, "1150", {"type": "Purse"}),
        (QuickBooks, "1150", {"colour": "red"}),
        (Xero, "1150", {"number": "1000"}),
        (Xero, "1150", {"type": "PURSE"}),
        (Xero, "1150", {"status": "GONE"}),
    ],
)
def test_an_account_edit_that_breaks_a_rule_is_refused(client, provider, number, wrong):
    caller = provider(client)
    answer = caller.control(f"accounts/{account_row(caller, number)['id']}", wrong)
    assert answer.status_code == 400
    assert account_row(caller, number)["number"] == number


def test_the_chart_can_be_read_with_each_accounts_refusal(xero):
    account = account_row(xero, "1150")["id"]
    xero.control("refuse_account", {"account_id": account, "how": "closed"})
    chart = xero.client.get(f"/control/xero/{xero.tenant}/accounts").json["accounts"]
    assert next(row for row in chart if row["AccountID"] == account)["refusal"] == "closed"


def test_odd_accounts_of_quickbooks_are_foreign_inactive_nested_unnumbered_and_of_unknown_type(quickbooks):
    added = quickbooks.control("odd_accounts", {}).json["accounts"]
    chart = quickbooks.query("select * from Account where Active in (true, false) maxresults 1000").json
    shown = {account["Name"]: account for account in chart["QueryResponse"]["Account"]}
    assert {account["Name"] for account in added} <= set(shown)
    assert shown["Euro Bank"]["CurrencyRef"]["value"] == "EUR"
    assert shown["Old Settlements (deleted)"]["Active"] is False
    assert shown["Tokens Held"]["AccountType"] == "Digital Asset"
    assert "Classification" not in shown["Estimates Pending"]
    assert "AcctNum" not in shown["Second Receivables"]
    assert shown["Appeals"]["FullyQualifiedName"] == "Matters:Litigation:Appeals"
    assert shown["Appeals"]["ParentRef"]["value"] == shown["Litigation"]["Id"]
    foreign = quickbooks.post(entry(debit=shown["Euro Bank"]["Id"]))
    assert foreign.json["Fault"]["Error"][0]["code"] == "6000"
    assert quickbooks.post(entry(debit=shown["Appeals"]["Id"])).status_code == 200
    assert quickbooks.control("odd_accounts", {}).status_code == 400


def test_the_unnumbered_real_chart_takes_odd_accounts_too(client):
    assert QuickBooks(client, FYLE_REALM).control("odd_accounts", {}).status_code == 200


def test_odd_accounts_of_xero_are_codeless_foreign_archived_and_of_unknown_kinds(xero):
    xero.control("odd_accounts", {})
    shown = {account["Name"]: account for account in xero.call("GET", "Accounts").json["Accounts"]}
    assert "Code" not in shown["Savings without a code"]
    assert shown["Savings with a null code"]["Code"] is None
    assert shown["Savings with an empty code"]["Code"] == ""
    assert shown["Euro Bank"]["CurrencyCode"] == "EUR"
    assert shown["Payment service"]["BankAccountType"] == "PAYPAL"
    assert "SystemAccount" not in shown["Plain, SystemAccount absent"]
    assert shown["Plain, SystemAccount null"]["SystemAccount"] is None
    assert shown["Plain, SystemAccount empty"]["SystemAccount"] == ""
    assert shown["System account nobody knows"]["SystemAccount"] == "QUANTUMLEDGER"
    assert shown["Type nobody knows"]["Type"] == "DIGITALASSET"
    assert shown["Archived clearing"]["Status"] == "ARCHIVED"
    for code in ("1981", "1982", "1983", "1985"):
        assert xero.put(journal(debit=code)).json["ManualJournals"][0]["StatusAttributeString"] == "OK", code
    for code in ("1984", "1986", "090-EUR"):
        assert xero.put(journal(debit=code)).json["ManualJournals"][0]["StatusAttributeString"] == "ERROR", code
    assert xero.control("odd_accounts", {}).status_code == 400
