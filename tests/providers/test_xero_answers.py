"""Every answer that Xero documents or was seen to give, and what it comes to."""

import json

import pytest

from integrations.providers.base import Accepted, Cause, Refused, Uncertain
from integrations.providers.errors import (
    CompanyGone,
    GrantLost,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    SaysUnavailable,
    ScopeMissing,
    TokenRejected,
    Unavailable,
)
from integrations.providers.xero.adapter import Xero
from tests.providers.examples import ACCESS_TOKEN, REFRESH_TOKEN, company, draft, sealed_send
from tests.providers.scripted_server import Reply, json_reply, recorded

provider = Xero()
pytestmark = pytest.mark.usefixtures("server")

JOURNAL_ID = "9c54a4ae-6dcf-4c2c-9b43-1f2a3b4c5d6e"
ZERO_ID = "00000000-0000-0000-0000-000000000000"
BAD_ACCOUNT = "Account code '2100' is not a valid code for this document."
LOCKED = "The document date cannot be before the period lock date, currently set at 30-Nov-2018"
UNBALANCED = "The total debits (100.00) must equal total credits (-10.00)"


def stored(reference: str = "ATH-0000001", **members: object) -> dict:
    return {
        "StatusAttributeString": "OK",
        "ManualJournalID": JOURNAL_ID,
        "Narration": f"{reference} Retainer moved to fees",
        "Status": "POSTED",
    } | members


def refused(reference: str = "ATH-0000001", *messages: str, **members: object) -> dict:
    return {
        "StatusAttributeString": "ERROR",
        "ManualJournalID": ZERO_ID,
        "Narration": f"{reference} Retainer moved to fees",
        "ValidationErrors": [{"Message": message} for message in messages],
    } | members


def send(server, reply: Reply, *drafts):
    server.answers(reply)
    return provider.send(ACCESS_TOKEN, sealed_send(provider, *(drafts or (draft(),))))


def send_elements(server, *elements: object, drafts=()):
    return send(server, json_reply({"Status": "OK", "ManualJournals": list(elements)}), *drafts).outcomes


# What leaves ---------------------------------------------------------------------------------------------------------


def test_a_send_is_one_put_of_the_sealed_bytes(server):
    headers = {"Xero-Correlation-Id": "c-1", "X-DayLimit-Remaining": "4987"}
    server.answers(json_reply({"ManualJournals": [stored()]}, headers=headers))
    sealed = sealed_send(provider, draft(memo="Überweisung 日本"), key="f" * 32)
    result = provider.send(ACCESS_TOKEN, sealed)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("PUT", "/xero/api.xro/2.0/ManualJournals?summarizeErrors=false")
    assert seen.body == sealed.body
    sent = {name.lower(): value for name, value in seen.headers.items()}
    assert sent["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert (sent["xero-tenant-id"], sent["idempotency-key"]) == (company().id, "f" * 32)
    assert (sent["accept"], sent["content-type"]) == ("application/json", "application/json")
    assert sent["user-agent"].startswith("Athenty")
    assert (result.http_status, result.request_id, result.calls_left_today) == (200, "c-1", 4987)


@pytest.mark.parametrize("value", ["", "many", "-1", "1.5"])
def test_an_odd_count_of_remaining_calls_is_not_taken(server, value):
    result = send(server, json_reply({"ManualJournals": [stored()]}, headers={"X-DayLimit-Remaining": value}))
    assert result.calls_left_today is None


# Per journal ---------------------------------------------------------------------------------------------------------


def test_journals_are_matched_by_their_reference_and_not_by_position(server):
    other = JOURNAL_ID.replace("9", "8")
    outcomes = send_elements(
        server,
        stored("ATH-12", ManualJournalID=other),
        stored("ATH-1"),
        drafts=(draft("ATH-1"), draft("ATH-12")),
    )
    assert outcomes == (Accepted("ATH-1", JOURNAL_ID), Accepted("ATH-12", other))


def test_a_missing_a_doubled_and_a_foreign_journal_are_uncertain(server):
    drafts = [draft(f"ATH-{number}") for number in (1, 2, 3)]
    outcomes = send_elements(server, stored("ATH-1"), stored("ATH-1"), stored("ATH-9"), stored("ATH-3"), drafts=drafts)
    assert [type(outcome) for outcome in outcomes] == [Uncertain, Uncertain, Accepted]


@pytest.mark.parametrize("status", ["OK", None])
def test_an_accepted_journal_needs_an_id_and_no_complaint(server, status):
    assert send_elements(server, stored(StatusAttributeString=status)) == (Accepted("ATH-0000001", JOURNAL_ID),)


@pytest.mark.parametrize(
    "element",
    [
        stored(ManualJournalID=ZERO_ID),
        stored(ManualJournalID=None),
        stored(ManualJournalID="12"),
        stored(ManualJournalID=12),
        stored(Status="DRAFT"),
        stored(Status="VOIDED"),
        stored(StatusAttributeString="WHATEVER"),
        stored(Narration=None),
        stored(Narration=""),
        stored(Narration=["ATH-0000001"]),
        stored(Narration="ATH-00000011 Other"),
        stored(Warnings=[{"Message": "Account code '2100' was removed"}]),
        stored(StatusAttributeString="WARNING"),
        refused(),
        refused("ATH-0000001", BAD_ACCOUNT, ManualJournalID=JOURNAL_ID),
        {},
        None,
        "ATH-0000001",
    ],
    ids=str,
)
def test_a_journal_of_which_nothing_clear_is_said_is_uncertain(server, element):
    assert isinstance(send_elements(server, element)[0], Uncertain)


def test_a_refused_account_is_named_by_the_id_that_we_sent(server):
    (outcome,) = send_elements(server, refused("ATH-0000001", BAD_ACCOUNT))
    assert outcome == Refused("ATH-0000001", Cause.ACCOUNT, "ValidationException", BAD_ACCOUNT, account_id="81")


def test_a_refused_account_that_we_did_not_send_is_only_told(server):
    words = "Account code '090' has been archived, or has been deleted. Each line item must reference a valid account."
    (outcome,) = send_elements(server, refused("ATH-0000001", words))
    assert (outcome.cause, outcome.account_id, outcome.message) == (Cause.ACCOUNT, "", words)


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        ([LOCKED], Cause.PERIOD),
        ([LOCKED, LOCKED.replace("period", "end of year")], Cause.PERIOD),
        ([UNBALANCED], Cause.OTHER),
        ([UNBALANCED, BAD_ACCOUNT], Cause.ACCOUNT),
        (["Words never heard before"], Cause.OTHER),
    ],
)
def test_the_words_tell_the_cause_and_all_of_them_are_kept(server, messages, cause):
    outcomes = send_elements(
        server, refused("ATH-1", *messages), stored("ATH-2"), drafts=(draft("ATH-1"), draft("ATH-2"))
    )
    assert (outcomes[0].cause, outcomes[0].message) == (cause, " ".join(messages))
    assert isinstance(outcomes[1], Accepted)


def test_a_400_that_lists_the_bad_ones_says_nothing_of_the_others(server):
    body = {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [refused("ATH-2", UNBALANCED)]}
    outcomes = send(server, json_reply(body, 400), draft("ATH-1"), draft("ATH-2")).outcomes
    assert [type(outcome) for outcome in outcomes] == [Uncertain, Refused]


def test_a_400_takes_no_word_for_a_success(server):
    body = {"ErrorNumber": 10, "Type": "ValidationException", "Elements": [stored()]}
    assert isinstance(send(server, json_reply(body, 400)).outcomes[0], Uncertain)


# The whole call ------------------------------------------------------------------------------------------------------


def problem(detail: str, status: int) -> dict:
    return {"Type": None, "Title": "Title", "Status": status, "Detail": detail, "Instance": "5d", "Extensions": {}}


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(
    ("status", "detail", "expected", "code"),
    [
        (401, "TokenExpired: token expired at 01/02/2026 03:04:05", TokenRejected, "TokenExpired"),
        (401, "AuthenticationUnsuccessful", TokenRejected, "AuthenticationUnsuccessful"),
        (401, "AuthorizationUnsuccessful", ScopeMissing, "AuthorizationUnsuccessful"),
        (403, "AuthenticationUnsuccessful", CompanyGone, "AuthenticationUnsuccessful"),
        (403, "You are not permitted to access this resource", CompanyGone, ""),
    ],
)
def test_problems_are_read_in_either_case(server, lower, status, detail, expected, code):
    body = problem(detail, status)
    if lower:
        body = {name.lower(): value for name, value in body.items()}
    with pytest.raises(ProviderError) as raised:
        send(server, json_reply(body, status))
    assert (type(raised.value), raised.value.code, raised.value.http_status) == (expected, code, status)
    assert raised.value.message == detail


def listed(*tenant_ids: str) -> Reply:
    return json_reply(
        [{"id": f"c-{tenant}", "tenantId": tenant, "tenantType": "ORGANISATION"} for tenant in tenant_ids]
    )


ASKED = {
    "send": lambda: provider.send(ACCESS_TOKEN, sealed_send(provider, draft())),
    "company": lambda: provider.company(ACCESS_TOKEN, company()),
    "chart": lambda: provider.list_accounts(ACCESS_TOKEN, company()),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("connections", "code", "words"),
    [
        (listed(), "disconnected", "The organisation was disconnected in Xero."),
        (listed("another"), "disconnected", "The organisation was disconnected in Xero."),
        (listed("another", company().id), "permission", "no longer has the role in Xero"),
        (Reply(503), "AuthenticationUnsuccessful", "AuthenticationUnsuccessful"),
        (Reply(200, b"<html>"), "AuthenticationUnsuccessful", "AuthenticationUnsuccessful"),
    ],
)
def test_the_list_of_connections_asked_once_tells_why_a_company_is_gone(server, asked, connections, code, words):
    refusal = json_reply(problem("AuthenticationUnsuccessful", 403), 403, {"Xero-Correlation-Id": "c-1"})
    server.answers(refusal, connections)
    with pytest.raises(CompanyGone) as raised:
        asked()
    assert (raised.value.code, raised.value.http_status, raised.value.request_id) == (code, 403, "c-1")
    assert words in raised.value.message
    assert "AuthenticationUnsuccessful" in raised.value.message
    assert [seen.path for seen in server.seen][1:] == ["/xero/connections"]


def test_a_missing_scope_may_be_told_by_a_header_alone(server):
    with pytest.raises(GrantLost):
        send(server, Reply(401, b"", {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": "Error converting value"}, Rejected),
        ({"ErrorNumber": 16, "Type": "QueryParseException", "Message": "bad"}, Rejected),
        ({"ErrorNumber": 17, "Type": "NoDataProcessedException", "Message": "empty"}, Rejected),
        ({"Message": "Idempotency-Key exceeds the maximum length of 128."}, Rejected),
        # Whatever came first under the key may have been written.
        ({"Message": "Idempotency Key: abc is used with a different request."}, OutcomeUnknown),
        # Journals may have been stored beside the refused ones that it does not list.
        ({"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception"}, OutcomeUnknown),
        ({"ErrorNumber": 10, "Type": "ValidationException", "Elements": "?"}, OutcomeUnknown),
    ],
)
def test_a_400_by_its_type(server, body, expected):
    with pytest.raises(ProviderError) as raised:
        send(server, json_reply(body, 400))
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (204, OutcomeUnknown),
        (302, OutcomeUnknown),
        (400, Rejected),
        (401, TokenRejected),
        (403, CompanyGone),
        (404, Rejected),
        (408, OutcomeUnknown),
        (412, Rejected),
        (429, RateLimited),
        (500, OutcomeUnknown),
        (501, Rejected),
        (502, OutcomeUnknown),
        (503, SaysUnavailable),
        (504, OutcomeUnknown),
    ],
)
@pytest.mark.parametrize("body", [b"", b"The resource you're looking for cannot be found", b"<html>", b"[]", b"null"])
def test_without_a_problem_the_status_decides(server, status, expected, body):
    with pytest.raises(ProviderError) as raised:
        send(server, Reply(status, b"" if status == 204 else body))
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"ManualJournals":{}}',
        b'{"ManualJournals":[{"Narration":"ATH-0000001 x"}',
        b"[" * 100_000,
        b'{"ManualJournals":[],"ManualJournals":[]}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_200_that_can_not_be_read_leaves_the_outcome_unknown(server, body):
    with pytest.raises(OutcomeUnknown):
        send(server, Reply(200, body))


@pytest.mark.parametrize(
    ("headers", "wait", "scope"),
    [
        ({"X-Rate-Limit-Problem": "minute", "Retry-After": "41"}, 41, "company"),
        ({"X-Rate-Limit-Problem": "day", "Retry-After": "67000"}, 67_000, "company"),
        ({"X-Rate-Limit-Problem": "concurrent"}, 5, "company"),
        ({"X-Rate-Limit-Problem": "appminute"}, 60, "app"),
        ({}, 60, "company"),
    ],
)
def test_a_throttle_says_how_long_and_whom_it_covers(server, headers, wait, scope):
    with pytest.raises(RateLimited) as raised:
        send(server, Reply(429, b"oauth_problem=rate%20limit", headers))
    assert (raised.value.retry_after.total_seconds(), raised.value.scope) == (wait, scope)
    assert raised.value.code == headers.get("X-Rate-Limit-Problem", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("xero_bad_request.json", Rejected),
        ("xero_expired_oauth2_token.json", TokenRejected),
        ("xero_invalid_oauth2_request_token.json", TokenRejected),
        ("xero_invalid_tenant_header.json", CompanyGone),
        ("xero_validation_exception.xml", OutcomeUnknown),
    ],
)
def test_recorded_errors(server, name, expected):
    with pytest.raises(ProviderError) as raised:
        send(server, recorded(f"xero/{name}"))
    assert type(raised.value) is expected
    assert raised.value.message


@pytest.mark.parametrize("name", ["xero_manual_journal.xml", "xero_manual_journals.xml", "xero_organisations.xml"])
def test_a_record_in_xml_is_an_answer_that_we_can_not_read(server, name):
    body = recorded(f"xero/{name}").body
    with pytest.raises(OutcomeUnknown):
        send(server, Reply(200, body))
    server.answers(Reply(200, body))
    with pytest.raises(Unavailable):
        provider.company(ACCESS_TOKEN, company())


# Reading -------------------------------------------------------------------------------------------------------------


def organisation(**members: object) -> Reply:
    row = {"Name": "Example Law LLP", "BaseCurrency": "NZD", "CountryCode": "NZ", "IsDemoCompany": False}
    return json_reply({"Organisations": [row | members]})


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, None),
        ({"PeriodLockDate": "/Date(1543536000000+0000)/"}, "2018-11-30"),
        ({"EndOfYearLockDate": "/Date(1543536000000)/"}, "2018-11-30"),
        ({"PeriodLockDate": "/Date(1543536000000+1300)/", "EndOfYearLockDate": "2017-03-31T00:00:00"}, "2018-11-30"),
        ({"PeriodLockDate": None, "EndOfYearLockDate": ""}, None),
        ({"PeriodLockDate": "/Date(99999999999999)/"}, "5138-11-16"),
        ({"PeriodLockDate": "yesterday"}, None),
    ],
)
def test_the_later_lock_date_closes_the_books(server, members, expected):
    server.answers(organisation(**members))
    found = provider.company(ACCESS_TOKEN, company())
    assert (found.closed_through and found.closed_through.isoformat()) == expected
    assert (found.name, found.home_currency, found.country, found.is_demo) == ("Example Law LLP", "NZD", "NZ", False)
    assert server.seen[0].path == "/xero/api.xro/2.0/Organisation"


def test_a_demo_company_is_known(server):
    server.answers(organisation(IsDemoCompany=True))
    assert provider.company(ACCESS_TOKEN, company()).is_demo


@pytest.mark.parametrize("body", [{}, {"Organisations": []}, {"Organisations": None}, [], {"Organisations": [1]}])
def test_no_organisation_in_the_answer_is_no_answer(server, body):
    server.answers(json_reply(body))
    with pytest.raises(Unavailable):
        provider.company(ACCESS_TOKEN, company())


def test_the_recorded_chart_is_read_with_every_refusal(server):
    server.answers(recorded("xero/xero_demo_accounts.json"))
    accounts = provider.list_accounts(ACCESS_TOKEN, company(home_currency="AUD"))
    assert len(accounts) == 56
    by_refusal = {refusal: [a for a in accounts if a.refusal == refusal] for refusal in {a.refusal for a in accounts}}
    assert set(by_refusal) == {"", "inactive", "bank", "system"}
    assert len(by_refusal["inactive"]) == 6
    assert {a.kind for a in by_refusal["bank"]} == {"Bank"}
    assert all(a.number and a.classification for a in by_refusal[""])


@pytest.mark.parametrize(
    ("members", "refusal"),
    [
        ({}, ""),
        ({"Status": "ARCHIVED", "Type": "BANK"}, "inactive"),
        ({"Status": None}, "inactive"),
        ({"Type": "BANK", "Code": None, "CurrencyCode": "USD"}, "bank"),
        ({"SystemAccount": "DEBTORS"}, "system"),
        ({"SystemAccount": "RETAINEDEARNINGS"}, "system"),
        ({"SystemAccount": "ONE-UNHEARD-OF"}, "system"),
        ({"SystemAccount": "HISTORICAL"}, ""),
        ({"SystemAccount": "REALISEDCURRENCYGAIN"}, ""),
        ({"SystemAccount": None}, ""),
        ({"SystemAccount": ""}, ""),
        ({"Type": "INVENTORY"}, "inventory"),
        ({"CurrencyCode": "USD"}, "currency"),
        ({"Code": None}, "no_code"),
        ({"Code": ""}, "no_code"),
    ],
)
def test_an_account_that_refuses_journals_says_why(server, members, refusal):
    row = {"AccountID": "a-1", "Code": "615", "Name": "Clearing", "Type": "CURRENT", "Status": "ACTIVE"} | members
    server.answers(json_reply({"Accounts": [row]}))
    (read,) = provider.list_accounts(ACCESS_TOKEN, company(home_currency="NZD"))
    assert (read.refusal, read.number) == (refusal, row["Code"] or "")


def test_an_account_of_an_unknown_type_keeps_the_word_and_has_the_class_that_is_told(server):
    row = {"AccountID": "a-1", "Code": "1", "Name": "New", "Type": "CRYPTO", "Class": "ASSET", "Status": "ACTIVE"}
    server.answers(json_reply({"Accounts": [row, row | {"Class": "NEW"}]}))
    told, untold = provider.list_accounts(ACCESS_TOKEN, company())
    assert (told.kind, told.classification, untold.classification) == ("CRYPTO", "asset", None)


# Ending a connection -------------------------------------------------------------------------------------------------


def disconnect(last_of_this_grant: bool) -> None:
    provider.disconnect(
        refresh_token=REFRESH_TOKEN,
        access_token=ACCESS_TOKEN,
        company=company(connection_id="c-1"),
        last_of_this_grant=last_of_this_grant,
    )


def test_one_of_several_connections_is_released_and_the_grant_left_alone(server):
    server.answers(Reply(204))
    disconnect(last_of_this_grant=False)
    assert [(seen.method, seen.path) for seen in server.seen] == [("DELETE", "/xero/connections/c-1")]


def test_the_last_connection_takes_the_grant_along(server):
    server.answers(Reply(204), Reply(200))
    disconnect(last_of_this_grant=True)
    assert [seen.path for seen in server.seen] == ["/xero/connections/c-1", "/xero/revoke"]
    assert f"token={REFRESH_TOKEN}".encode() in server.seen[1].body
    assert server.seen[1].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_connection_that_is_gone_already_is_done(server, status):
    server.answers(Reply(status), recorded("xero/xero_connections.json"))
    disconnect(last_of_this_grant=False)


def test_a_connection_that_is_still_listed_is_not_done(server):
    server.answers(Reply(500), json_reply([{"id": "c-1", "tenantId": "t"}]))
    with pytest.raises(Unavailable):
        disconnect(last_of_this_grant=False)


def test_a_last_connection_that_can_not_be_released_goes_with_the_grant(server):
    server.answers(json_reply(problem("TokenExpired: x", 401), 401), Reply(401), Reply(200))
    disconnect(last_of_this_grant=True)
    assert server.seen[-1].path == "/xero/revoke"


def test_recorded_connections_can_be_chosen_from(server):
    token = {"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 1800, "token_type": "Bearer"}
    connections = json.loads(recorded("xero/xero_connections.json").body)
    server.answers(json_reply(token), json_reply(connections), organisation(), Reply(403))
    tokens = provider.exchange_code(
        code="code", redirect_uri="https://athenty.test/cb", code_verifier="v" * 64, callback_parameters={}
    )
    companies = provider.companies(tokens, {})
    assert tokens.access_token == ACCESS_TOKEN
    assert [found.id for found in companies] == [connection["tenantId"] for connection in connections]
    assert [found.connection_id for found in companies] == [connection["id"] for connection in connections]
    # The second can't be opened: it keeps what the list says of it.
    assert [found.home_currency for found in companies] == ["NZD", ""]


def test_every_refusal_has_its_words():
    assert set(provider.refusals) == {"inactive", "bank", "system", "inventory", "currency", "no_code"}
