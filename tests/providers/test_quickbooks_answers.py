"""Every answer that Intuit documents or was seen to give, and what it comes to."""

import json

import pytest

from integrations.providers.base import Accepted, Cause, NotWritten, Refused, Uncertain
from integrations.providers.errors import (
    CompanyGone,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    SaysUnavailable,
    TokenRejected,
    Unavailable,
)
from integrations.providers.quickbooks.adapter import QuickBooksOnline
from integrations.providers.quickbooks.faults import MEANINGS
from tests.providers.examples import ACCESS_TOKEN, company, draft, sealed_send
from tests.providers.scripted_server import Reply, json_reply, recorded

provider = QuickBooksOnline()
pytestmark = pytest.mark.usefixtures("server")


def fault(code: str, detail: str = "", message: str = "Words of Intuit's") -> dict:
    return {"Fault": {"Error": [{"Message": message, "Detail": detail, "code": code}], "type": "ValidationFault"}}


def gateway_fault(code: str, detail: str | None = None) -> dict:
    return {
        "warnings": None,
        "fault": {"error": [{"message": f"errorCode=00{code}", "detail": detail, "code": code, "element": None}]},
        "batchItemResponse": [],
    }


def entry(b_id: str, remote_id: str = "229", **members: str) -> dict:
    return {"bId": b_id, "JournalEntry": {"Id": remote_id, "SyncToken": "0"} | members}


def send(server, reply: Reply, *drafts):
    server.answers(reply)
    return provider.send(ACCESS_TOKEN, sealed_send(provider, *(drafts or (draft(),))))


def send_items(server, *items: dict, drafts=()):
    return send(server, json_reply({"BatchItemResponse": list(items)}), *drafts).outcomes


# What leaves ---------------------------------------------------------------------------------------------------------


def test_a_send_is_one_batch_call_of_the_sealed_bytes(server):
    server.answers(json_reply({"BatchItemResponse": [entry("1")]}, headers={"intuit_tid": "1-abc"}))
    sealed = sealed_send(provider, draft(memo="Überweisung 日本"), key="f" * 32)
    result = provider.send(ACCESS_TOKEN, sealed)
    (seen,) = server.seen
    assert seen.method == "POST"
    assert seen.path == f"/quickbooks/v3/company/{company().id}/batch?minorversion=75&requestid={'f' * 32}"
    assert seen.body == sealed.body
    assert seen.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert (seen.headers["Accept"], seen.headers["Content-Type"]) == ("application/json", "application/json")
    assert (result.http_status, result.request_id, result.calls_left_today) == (200, "1-abc", None)


# Per journal ---------------------------------------------------------------------------------------------------------


def test_items_are_matched_by_bid_and_not_by_position(server):
    first, second = draft("ATH-1"), draft("ATH-2")
    outcomes = send_items(server, entry("2", "22"), entry("1", "11"), drafts=(first, second))
    assert outcomes == (Accepted("1", "11"), Accepted("2", "22"))


def test_a_missing_a_doubled_and_a_foreign_item_are_uncertain(server):
    drafts = [draft(f"ATH-{number}") for number in (1, 2, 3)]
    outcomes = send_items(server, entry("1"), entry("1", "230"), entry("9"), entry("3", "5"), drafts=drafts)
    assert [type(outcome) for outcome in outcomes] == [Uncertain, Uncertain, Accepted]


def test_an_item_with_another_number_than_ours_is_uncertain(server):
    assert isinstance(send_items(server, entry("1", DocNumber="ATH-0000001"))[0], Accepted)
    assert isinstance(send_items(server, entry("1", DocNumber="ATH-0000002"))[0], Uncertain)


@pytest.mark.parametrize(
    "item",
    [
        {"bId": "1"},
        {"bId": "1", "JournalEntry": None},
        {"bId": "1", "JournalEntry": {}},
        {"bId": "1", "JournalEntry": {"Id": 229}},
        {"bId": "1", "JournalEntry": {"Id": ""}},
        {"bId": 1, "JournalEntry": {"Id": "229"}},
        {"bId": "1", "Fault": {}},
        {"bId": "1", "Fault": None, "JournalEntry": {"Id": "229"}},
        {"bId": "1", "JournalEntry": {"Id": "229"}} | fault("6000"),
        "1",
        None,
    ],
    ids=str,
)
def test_an_item_that_says_nothing_clear_is_uncertain(server, item):
    assert isinstance(send_items(server, item)[0], Uncertain)


def test_a_refused_account_is_named(server):
    words = "Invalid Reference Id : Accounts element id 33 not found"
    (outcome,) = send_items(server, {"bId": "1"} | fault("2500", words, "Invalid Reference Id"))
    assert outcome == Refused("1", Cause.ACCOUNT, "2500", words, account_id="33")


@pytest.mark.parametrize("code", [code for code, meaning in MEANINGS.items() if isinstance(meaning, Cause)])
def test_a_code_about_one_journal_refuses_that_journal(server, code):
    outcomes = send_items(server, {"bId": "1"} | fault(code), entry("2"), drafts=(draft("ATH-1"), draft("ATH-2")))
    assert isinstance(outcomes[0], Refused)
    assert (outcomes[0].code, outcomes[0].cause) == (code, MEANINGS[code])
    assert isinstance(outcomes[1], Accepted)


@pytest.mark.parametrize(
    ("detail", "cause"),
    [
        ("When you use Accounts Receivable, you must choose a customer in the Name field.", Cause.ACCOUNT),
        (
            "Only home currency A/R and A/P accounts can be used with home currency balance sheet accounts",
            Cause.ACCOUNT,
        ),
        ("Fill out at least two detail lines to continue.", Cause.OTHER),
    ],
)
def test_6000_is_told_apart_by_its_detail(server, detail, cause):
    (outcome,) = send_items(server, {"bId": "1"} | fault("6000", f"Business Validation Error: {detail}"))
    assert isinstance(outcome, Refused)
    assert outcome.cause is cause
    assert detail in outcome.message


def test_a_message_that_the_detail_says_again_is_told_once(server):
    (outcome,) = send_items(server, {"bId": "1"} | fault("6210", "Closed: use the website.", "Closed"))
    assert outcome.message == "Closed: use the website."


UNEXPECTED = "An unexpected error occurred while accessing or saving your data. Please wait a few minutes and try again"


@pytest.mark.parametrize("item_fault", [fault("6000", UNEXPECTED), fault("600"), fault("10000")], ids=str)
def test_a_fault_after_which_the_journal_may_be_there_is_uncertain(server, item_fault):
    assert isinstance(send_items(server, {"bId": "1"} | item_fault)[0], Uncertain)
    with pytest.raises(OutcomeUnknown):
        send(server, json_reply(item_fault, 400))


def test_any_doubt_among_several_errors_wins(server):
    errors = fault("2500")["Fault"]["Error"] + fault("6000", UNEXPECTED)["Fault"]["Error"]
    assert isinstance(send_items(server, {"bId": "1", "Fault": {"Error": errors}})[0], Uncertain)


def test_all_of_several_errors_are_told_and_the_one_we_can_fix_decides(server):
    errors = fault("2020", "", "Odd")["Fault"]["Error"] + fault("6210", "", "Closed")["Fault"]["Error"]
    (outcome,) = send_items(server, {"bId": "1", "Fault": {"Error": errors}})
    assert outcome == Refused("1", Cause.PERIOD, "6210", "Odd Closed")


def test_an_unknown_code_is_a_refusal(server):
    assert send_items(server, {"bId": "1"} | fault("7777"))[0].cause is Cause.OTHER


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("DocNumber=ATH-0000001 is assigned to TxnType=Journal Entry with TxnId=3632", "3632"),
        ("DocNumber=ATH-0000001 est attribué à TxnType=Écriture de journal avec TxnId=3632", "3632"),
        ("DocNumber=ATH-00000012 is assigned to TxnType=Journal Entry with TxnId=3632", ""),
        ("DocNumber=XATH-0000001 is assigned to TxnType=Journal Entry with TxnId=3632", ""),
        ("DocNumber=ATH-0000001 is assigned to TxnType=Invoice with TxnId=3632", ""),
        ("DocNumber=ATH-0000001 is assigned to TxnType=Journal Entry with TxnId=", ""),
    ],
)
def test_our_own_number_taken_by_a_journal_means_that_it_is_there_already(server, detail, expected):
    (outcome,) = send_items(server, {"bId": "1"} | fault("6140", detail, "Duplicate Document Number Error"))
    if expected:
        assert outcome == Accepted("1", expected, already_there=True)
    else:
        assert isinstance(outcome, Refused)
        assert outcome.cause is Cause.DUPLICATE


def test_a_throttle_on_every_item_is_of_each_since_intuit_may_remember_the_batch(server):
    throttled = [{"bId": bid} | fault("3001") for bid in ("1", "2")]
    outcomes = send_items(server, *throttled, drafts=(draft("ATH-1"), draft("ATH-2")))
    assert [type(outcome) for outcome in outcomes] == [NotWritten, NotWritten]
    assert {type(outcome.error) for outcome in outcomes} == {RateLimited}


@pytest.mark.parametrize(
    "code", [code for code, meaning in MEANINGS.items() if meaning not in {OutcomeUnknown, *Cause}]
)
def test_a_fault_of_the_call_on_one_item_leaves_only_that_one_to_be_sent_again(server, code):
    outcomes = send_items(server, {"bId": "1"} | fault(code), entry("2"), drafts=(draft("ATH-1"), draft("ATH-2")))
    assert [type(outcome) for outcome in outcomes] == [NotWritten, Accepted]
    assert (type(outcomes[0].error), outcomes[0].error.code) == (MEANINGS[code], code)
    assert outcomes[0].error.message.startswith("Words of Intuit's")


# The whole call ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [fault, gateway_fault])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
@pytest.mark.parametrize("code", MEANINGS)
def test_the_code_decides_and_not_the_status(server, shape, status, code):
    meaning = MEANINGS[code]
    expected = Rejected if isinstance(meaning, Cause) else meaning
    with pytest.raises(expected) as raised:
        send(server, json_reply(shape(code), status))
    assert (type(raised.value), raised.value.code, raised.value.http_status) == (expected, code, status)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, OutcomeUnknown),
        (400, Rejected),
        (401, TokenRejected),
        (403, CompanyGone),
        (404, Rejected),
        (408, OutcomeUnknown),
        (429, RateLimited),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, SaysUnavailable),
        (504, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html><h1>Oops</h1></html>", b"null", b"[]"])
def test_without_a_fault_the_status_decides(server, status, expected, body):
    with pytest.raises(ProviderError) as raised:
        send(server, Reply(status, body))
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"null",
        b"[]",
        b"{}",
        b'{"BatchItemResponse":{}}',
        b'{"BatchItemResponse":[{"bId":"1","JournalEntry":{"Id":"1"}}]',
        b'{"BatchItemResponse":[],"BatchItemResponse":[{"bId":"1","JournalEntry":{"Id":"1"}}]}',
        b'{"BatchItemResponse":[{"bId":"1","JournalEntry":{"Id":"1","Id":"2"}}]}',
        b'{"BatchItemResponse":[{"bId":"1","x":NaN,"JournalEntry":{"Id":"1"}}]}',
        b"[" * 100_000,
        b'{"a":1e999999999999999999}',
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_200_that_can_not_be_read_leaves_the_outcome_unknown(server, body):
    with pytest.raises(OutcomeUnknown):
        send(server, Reply(200, body))


def test_an_unknown_code_with_a_server_error_leaves_the_outcome_unknown(server):
    with pytest.raises(OutcomeUnknown):
        send(server, json_reply(fault("7777"), 500))


def test_an_unknown_code_otherwise_is_a_refusal(server):
    with pytest.raises(Rejected):
        send(server, json_reply(fault("7777"), 400))


def test_retry_after_is_honoured_and_a_minute_is_waited_without_one(server):
    with pytest.raises(RateLimited) as raised:
        send(server, json_reply(gateway_fault("3001"), 429, {"Retry-After": "17"}))
    assert raised.value.retry_after.total_seconds() == 17
    with pytest.raises(RateLimited) as raised:
        send(server, json_reply(gateway_fault("3001"), 429))
    assert (raised.value.retry_after.total_seconds(), raised.value.scope) == (60, "company")


@pytest.mark.parametrize("value", ["", "soon", "-3", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30, "²"])
def test_an_odd_retry_after_is_survived(server, value):
    with pytest.raises(RateLimited) as raised:
        send(server, Reply(429, b"", {"Retry-After": value}))
    assert 1 <= raised.value.retry_after.total_seconds() <= 86_400


def test_the_token_that_the_gateway_echoes_is_in_no_error(server):
    with pytest.raises(TokenRejected) as raised:
        send(server, json_reply(gateway_fault("3200", f"Token expired: {ACCESS_TOKEN}"), 401))
    assert ACCESS_TOKEN not in repr(vars(raised.value)) + str(raised.value)


@pytest.mark.parametrize(
    ("name", "expected", "code"),
    [
        ("qbo_throttle_429.xml", RateLimited, "3001"),
        ("qbo_throttle_403.xml", RateLimited, "3001"),
        ("qbo_token_expired_401.json", TokenRejected, "3200"),
        ("qbo_unsupported_operation_500.json", Rejected, "500"),
        ("qbo_unsupported_property_2010.json", Rejected, "2010"),
        ("qbo_validation_6240.json", Rejected, "6240"),
        ("qbo_duplicate_6240.xml", Rejected, "6240"),
        ("qbo_fault.xml", Rejected, "2050"),
        ("qbo_generic.xml", OutcomeUnknown, "10000"),
        ("qbo_query_validation.xml", Rejected, "4001"),
    ],
)
def test_recorded_errors(server, name, expected, code):
    with pytest.raises(ProviderError) as raised:
        send(server, recorded(f"quickbooks/{name}"))
    assert (type(raised.value), raised.value.code) == (expected, code)
    assert raised.value.message


def test_recorded_batch_faults(server):
    answer = json.loads(recorded("quickbooks/qbo_batch_faults_610_5010.json").body)
    for item, b_id in zip(answer["BatchItemResponse"], ("2", "1"), strict=True):
        item["bId"] = b_id
    stale, inactive = send_items(server, *answer["BatchItemResponse"], drafts=(draft("ATH-1"), draft("ATH-2")))
    assert (inactive.code, inactive.cause) == ("610", Cause.ACCOUNT)
    assert (stale.code, stale.cause) == ("5010", Cause.OTHER)


@pytest.mark.parametrize("name", ["qbo_journal_entry.xml", "qbo_preferences_query.xml", "qbo_company_info_query.xml"])
def test_a_record_in_xml_is_an_answer_that_we_can_not_read(server, name):
    reply = recorded(f"quickbooks/{name}")
    with pytest.raises(OutcomeUnknown):
        send(server, Reply(200, reply.body))
    server.answers(Reply(200, reply.body))
    with pytest.raises(Unavailable):
        provider.company(ACCESS_TOKEN, company())


# Reading -------------------------------------------------------------------------------------------------------------


INFO = {"CompanyInfo": {"Id": "1", "CompanyName": "Harbor Law LLP", "Country": "US"}}
PREFERENCES = {
    "Preferences": {
        "AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"},
        "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
        "OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateJournalNumber", "Value": "true"}]},
    }
}


def test_the_company_is_read_from_its_info_and_its_preferences(server):
    server.answers(json_reply(INFO), json_reply(PREFERENCES))
    found = provider.company(ACCESS_TOKEN, company(name="", home_currency=""))
    assert (found.name, found.country, found.home_currency) == ("Harbor Law LLP", "US", "USD")
    assert found.closed_through.isoformat() == "2025-12-31"
    assert found.refuses_duplicate_numbers
    realm = company().id
    assert [seen.path for seen in server.seen] == [
        f"/quickbooks/v3/company/{realm}/companyinfo/{realm}?minorversion=75",
        f"/quickbooks/v3/company/{realm}/preferences?minorversion=75",
    ]


def test_preferences_that_were_never_set_are_absent(server):
    server.answers(json_reply(INFO), json_reply({"Preferences": {"Id": "1"}}))
    found = provider.company(ACCESS_TOKEN, company(home_currency="XXX"))
    assert (found.home_currency, found.closed_through, found.refuses_duplicate_numbers) == ("", None, False)


def test_a_doubtful_answer_to_a_reading_call_wrote_nothing(server):
    for reply in (Reply(500), Reply(504, b"<html>"), Reply(200, b"[]"), json_reply(fault("10000"), 500)):
        server.answers(reply)
        with pytest.raises(Unavailable):
            provider.company(ACCESS_TOKEN, company())


def test_the_recorded_chart_is_read_without_its_balances(server):
    server.answers(recorded("quickbooks/qbo_sandbox_accounts.json"))
    accounts = provider.list_accounts(ACCESS_TOKEN, company())
    assert len(accounts) == 67
    refusals = {account.refusal for account in accounts}
    assert refusals == {"", "needs_name", "currency"}
    assert all(account.classification for account in accounts)
    assert all(account.refusal for account in accounts if account.kind.startswith("Accounts "))
    (payable, *_) = (account for account in accounts if account.refusal == "needs_name")
    assert payable.kind in {"Accounts Payable", "Accounts Receivable"}


def account(number: int, **members: object) -> dict:
    named = {"Id": str(number), "Name": f"Account {number}", "AccountType": "Expense", "Classification": "Expense"}
    return named | {"Active": True, "CurrencyRef": {"value": "USD"}, "CurrentBalance": 99.5} | members


def page(*rows: dict) -> Reply:
    return json_reply({"QueryResponse": {"Account": list(rows), "startPosition": 1, "maxResults": len(rows)}})


def test_the_chart_is_read_page_by_page(server):
    server.answers(page(*(account(number) for number in range(1000))), page(account(1000)))
    assert len(provider.list_accounts(ACCESS_TOKEN, company())) == 1001
    assert [b"startposition 1 " in seen.body for seen in server.seen] == [True, False]
    assert b"startposition 1001 maxresults 1000" in server.seen[1].body


def test_an_empty_chart_has_no_member_for_it(server):
    server.answers(json_reply({"QueryResponse": {}, "time": "now"}))
    assert provider.list_accounts(ACCESS_TOKEN, company()) == []


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({}, ""),
        ({"AccountType": "Bank", "Classification": "Asset"}, ""),
        ({"Active": False}, "inactive"),
        ({"AccountType": "Non-Posting", "Classification": None}, "non_posting"),
        ({"AccountType": "Accounts Receivable"}, "needs_name"),
        ({"AccountType": "Accounts Payable"}, "needs_name"),
        ({"CurrencyRef": {"value": "GBP"}}, "currency"),
        ({"Active": False, "AccountType": "Accounts Payable"}, "inactive"),
    ],
)
def test_an_account_that_refuses_journals_says_why(server, members, refusal):
    server.answers(page(account(1, **members)))
    (read,) = provider.list_accounts(ACCESS_TOKEN, company())
    assert read.refusal == refusal
    assert "99.5" not in repr(read)


@pytest.mark.parametrize("sub_type", ["TrustAccounts", "RentsHeldInTrust", "TrustAccountsLiabilities"])
def test_an_account_for_client_money_is_known(server, sub_type):
    server.answers(page(account(1, AccountSubType=sub_type), account(2, AccountSubType="Checking")))
    assert [read.is_trust for read in provider.list_accounts(ACCESS_TOKEN, company())] == [True, False]


def test_a_child_account_is_shown_with_its_parents(server):
    server.answers(page(account(1, FullyQualifiedName="Trust:Smith", AcctNum="2100.1")))
    (read,) = provider.list_accounts(ACCESS_TOKEN, company())
    assert (read.name, read.number, read.kind) == ("Trust:Smith", "2100.1", "Expense")


def test_every_refusal_has_its_words():
    assert set(provider.refusals) == {"inactive", "non_posting", "needs_name", "currency"}
