import pytest

from .callers import OTHER_REALM, PARK_AND_LOWE_REALM, QuickBooks, Xero, entry, journal, messages


def test_the_books_tell_counts_duplicates_calls_and_totals_per_account(quickbooks):
    quickbooks.control("settings", {"warn_duplicate_journal_number": False})
    quickbooks.post(entry(DocNumber="ATH-1", amount=100))
    quickbooks.batch({"a": entry(DocNumber="ATH-1", amount=0.5), "b": entry(DocNumber="ATH-2", credit="1", amount=7)})
    quickbooks.call("GET", "preferences")
    books = quickbooks.books()
    assert books["journals"] == 3
    assert books["duplicates"] == ["ATH-1"]
    assert books["write_calls"] == 2
    assert books["calls"] == 3  # signing in is not among them
    rows = {row["number"]: row for row in books["accounts"]}
    assert (rows["2100"]["debits"], rows["2100"]["credits"]) == ("107.50", "0.00")
    assert (rows["1000"]["debits"], rows["1000"]["credits"]) == ("0.00", "7.00")
    assert (rows["4000"]["debits"], rows["4000"]["credits"]) == ("0.00", "100.50")
    assert books["totals"] == {"debits": "107.50", "credits": "107.50"}
    assert rows["2100"].keys() == {"id", "number", "name", "debits", "credits"}


def test_the_journals_come_with_their_lines_page_by_page(client, xero):
    for number in range(3):
        xero.put(journal(f"ATH-{number}", amount=number + 1))
    page = client.get(f"/control/books/xero/{xero.tenant}/journals?offset=1&limit=1").json
    assert (page["total"], page["offset"]) == (3, 1)
    (found,) = page["journals"]
    assert (found["reference"], found["date"], found["status"]) == ("ATH-1", "2026-03-02", "POSTED")
    assert [(line["account_number"], line["debit"], line["credit"]) for line in found["lines"]] == [
        ("2100", "2.00", "0.00"),
        ("4000", "0.00", "2.00"),
    ]


def test_an_unknown_company_is_404_with_a_sentence(client):
    answer = client.get("/control/books/xero/nowhere")
    assert answer.status_code == 404
    assert "There is no xero company nowhere" in answer.json["error"]


def test_accounts_can_be_added_in_either_providers_words(quickbooks, xero):
    created = quickbooks.control(
        "accounts",
        {
            "accounts": [
                {"number": "1170", "name": "Escrow Clearing", "type": "Other Current Asset"},
                {"number": "2110", "name": "Escrow Trust", "type": "Other Current Liability",
                 "subtype": "TrustAccountsLiabilities"},
            ]
        },
    ).json["accounts"]  # fmt: skip
    assert [account["AcctNum"] for account in created] == ["1170", "2110"]
    assert created[1]["AccountSubType"] == "TrustAccountsLiabilities"
    assert quickbooks.post(entry(debit=created[0]["Id"], credit=created[1]["Id"])).status_code == 200

    (account,) = xero.control("accounts", {"number": "1170", "name": "Escrow Clearing", "type": "CURRENT"}).json[
        "accounts"
    ]
    assert (account["Code"], account["Class"], account["Status"]) == ("1170", "ASSET", "ACTIVE")
    (stored,) = xero.put(journal(debit="1170")).json["ManualJournals"]
    assert stored["JournalLines"][0]["AccountID"] == account["AccountID"]


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [
        (QuickBooks, {"number": "1", "name": "New", "type": "Purse"}),
        (QuickBooks, {"number": "1000", "name": "New", "type": "Bank"}),
        (Xero, {"number": "1000", "name": "New", "type": "CURRENT"}),
        (Xero, {"number": "12345678901", "name": "New", "type": "CURRENT"}),
        (Xero, {"name": "New", "type": "CURRENT"}),
        (Xero, {"number": "1170", "name": "", "type": "CURRENT"}),
        (Xero, {"number": "1170", "name": "New", "type": "PURSE"}),
    ],
)
def test_an_account_that_breaks_a_rule_is_refused_and_none_of_its_list_added(client, provider, wanted):
    caller = provider(client)
    good_type = "Bank" if provider is QuickBooks else "CURRENT"
    answer = caller.control("accounts", {"accounts": [{"number": "1999", "name": "Good", "type": good_type}, wanted]})
    assert answer.status_code == 400
    assert "The account was refused" in answer.json["error"]
    assert "1999" not in {account["number"] for account in caller.books()["accounts"]}


def test_a_refused_account_shows_as_inactive_and_can_be_lifted(quickbooks, xero):
    quickbooks.control("refuse_account", {"account_id": "17"})
    assert quickbooks.query("select * from Account where Id = '17' and Active = false").json["QueryResponse"]
    assert quickbooks.post(entry()).json["Fault"]["Error"][0]["code"] == "610"
    quickbooks.control("refuse_account", {"account_id": "17"}, method="DELETE")
    assert quickbooks.post(entry()).status_code == 200

    account = next(row for row in xero.call("GET", "Accounts").json["Accounts"] if row.get("Code") == "2100")
    xero.control("refuse_account", {"account_id": account["AccountID"]})
    shown = next(row for row in xero.call("GET", "Accounts").json["Accounts"] if row.get("Code") == "2100")
    assert shown["Status"] == "ARCHIVED"
    (refused,) = xero.put(journal()).json["ManualJournals"]
    assert messages(refused)[0].startswith("Account code '2100' has been archived")
    xero.control("refuse_account", {"account_id": account["AccountID"]}, method="DELETE")
    assert xero.put(journal()).json["ManualJournals"][0]["StatusAttributeString"] == "OK"


def test_a_closed_account_is_refused_while_the_chart_shows_nothing(quickbooks):
    quickbooks.control("refuse_account", {"account_id": "17", "how": "closed"})
    (account,) = quickbooks.query("select * from Account where Id = '17'").json["QueryResponse"]["Account"]
    assert account["Active"] is True
    assert quickbooks.post(entry()).json["Fault"]["Error"][0]["code"] == "610"


def test_refusing_an_unknown_account_is_told(quickbooks):
    answer = quickbooks.control("refuse_account", {"account_id": "nothing"})
    assert answer.status_code == 400
    assert "not in the chart" in answer.json["error"]


@pytest.mark.parametrize(
    "wrong",
    [{"book_close_date": "soon"}, {"warn_duplicate_journal_number": "yes"}, {"currency": "EUR"}],
)
def test_a_wrong_setting_is_refused_by_name(quickbooks, wrong):
    answer = quickbooks.control("settings", wrong)
    assert answer.status_code == 400
    assert next(iter(wrong)) in answer.json["error"]


def test_the_request_log_tells_what_was_called_and_no_secret(client, quickbooks, xero):
    client.delete("/control/faults")
    quickbooks.batch({"a": entry(), "b": entry()}, requestid="r-1")
    answer = client.get("/control/requests")
    rows = answer.json["requests"]
    assert [row["call"] for row in rows] == ["authorize", "token", "authorize", "token", "batch"]
    last = rows[-1]
    assert (last["method"], last["status"], last["items"], last["idempotency_key"]) == ("POST", 200, 2, "r-1")
    assert (last["provider"], last["tenant_id"]) == ("quickbooks", PARK_AND_LOWE_REALM)
    assert last["request_id"]
    assert last["ms"] >= 0
    secrets = [issued["value"] for issued in client.get("/control/tokens-issued").json["issued"]]
    secrets += ["demo-quickbooks-secret", "demo-xero-secret", "Basic ", "Bearer "]
    assert not [secret for secret in secrets if secret in answer.text]
    assert len(client.get(f"/control/requests?after={rows[3]['seq']}&call=batch").json["requests"]) == 1


def test_every_code_and_token_ever_issued_is_listed_for_leak_tests(client, quickbooks, xero):
    newer = xero.refresh(xero.refresh_token).json
    issued = {
        (row["provider"], row["kind"], row["value"]) for row in client.get("/control/tokens-issued").json["issued"]
    }
    assert ("quickbooks", "access", quickbooks.access_token) in issued
    assert ("quickbooks", "refresh", quickbooks.refresh_token) in issued
    assert ("xero", "refresh", xero.refresh_token) in issued
    assert ("xero", "refresh", newer["refresh_token"]) in issued
    assert {kind for _, kind, _ in issued} == {"code", "access", "refresh"}


def test_the_clock_moves_forward_only(client, advance):
    before = client.get("/control/clock").json["now"]
    advance(86400)
    assert client.get("/control/clock").json["now"][:10] > before[:10]
    assert client.post("/control/clock", json={"advance_seconds": -1}).status_code == 400
    assert client.post("/control/clock", data="x").status_code == 400


def test_a_redirect_uri_can_be_registered_for_one_provider(client):
    uri = "http://localhost:9000/elsewhere"
    client.post("/control/redirect-uris", json={"redirect_uri": uri, "provider": "xero"})
    assert Xero(client).authorize(method="GET", redirect_uri=uri).status_code == 200
    assert QuickBooks(client).authorize(method="GET", redirect_uri=uri).status_code == 400
    assert client.post("/control/redirect-uris", json={"redirect_uri": "elsewhere"}).status_code == 400


def test_a_reset_empties_books_and_grants_and_keeps_ids_and_redirect_uris(client, quickbooks):
    chart = [account["id"] for account in quickbooks.books()["accounts"]]
    quickbooks.post(entry())
    quickbooks.control("refuse_account", {"account_id": "17"})
    client.post("/control/reset", json={})
    books = quickbooks.books()
    assert (books["journals"], books["calls"], books["refused_calls"]) == (0, 0, 0)
    assert [account["id"] for account in books["accounts"]] == chart
    assert quickbooks.call("GET", "preferences").status_code == 401
    assert quickbooks.connected().post(entry()).json["JournalEntry"]["Id"] == "228"


def test_two_companies_of_one_provider_keep_separate_books(client, quickbooks):
    other = QuickBooks(client, OTHER_REALM).connected()
    quickbooks.post(entry(DocNumber="ATH-1"))
    other.post(entry(DocNumber="ATH-1"))
    assert quickbooks.books()["journals"] == other.books()["journals"] == 1
