"""Nothing is read back: what the adapters can ask the providers, against what a one-way mirror may know."""

import pytest

from integrations.providers import exact_json
from integrations.providers.quickbooks import calls as quickbooks
from integrations.providers.transport import CallNotAllowed
from integrations.providers.xero import calls as xero
from tests.providers.examples import ACCESS_TOKEN
from tests.providers.scripted_server import Reply

HEADERS = {"Authorization": f"Bearer {ACCESS_TOKEN}"}

# The company's name and settings, its chart of accounts, the grant itself, and the one call that posts.
MAY_READ = {"companyinfo", "preferences", "query", "Organisation", "Accounts", "connections"}
MAY_WRITE = {"batch", "ManualJournals"}
# The one customer or supplier that lines on receivable and payable accounts name: created, never read.
MAY_CREATE = {"customer", "vendor"}


@pytest.mark.parametrize(
    "call", [*quickbooks.CALLS, *xero.CALLS], ids=lambda call: f"{call.method} {call.address}{call.path}"
)
def test_each_call_is_one_that_a_mirror_needs(call):
    last_word = next((part for part in reversed(call.path.split("/")) if part and part != "{}"), "")
    if call.writes:
        assert last_word in MAY_WRITE
    elif call.address.endswith(("_TOKEN_URL", "_REVOKE_URL")):
        assert (call.method, call.path) == ("POST", "")
    elif last_word in MAY_CREATE:
        assert call.method == "POST"
        assert call.body is not None
    else:
        assert last_word in MAY_READ or call.address == "XERO_CONNECTIONS_URL"
        assert call.method in {"GET", "DELETE"} or call.body is not None


def test_the_only_calls_that_write_are_the_two_that_create_journals():
    writing = {(call.method, call.address, call.path) for call in (*quickbooks.CALLS, *xero.CALLS) if call.writes}
    assert writing == {
        ("POST", "QUICKBOOKS_API_URL", "/v3/company/{}/batch"),
        ("PUT", "XERO_API_URL", "/ManualJournals"),
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/company/1/journalentry/12"),
        ("POST", "/v3/company/1/journalentry"),
        ("GET", "/v3/company/1/reports/TrialBalance"),
        ("GET", "/v3/company/1/cdc?entities=JournalEntry"),
        ("GET", "/v3/company/1/account/7"),
        ("GET", "/v3/company/1/query?query=select * from JournalEntry"),
        ("GET", "/v3/company/1/companyinfo/1/../../journalentry/12"),
    ],
)
def test_quickbooks_books_are_out_of_reach(server, settings, method, path):
    server.answers(Reply(200, b"{}"))
    with pytest.raises(CallNotAllowed):
        quickbooks.transport.call(method, settings.QUICKBOOKS_API_URL + path, headers=HEADERS)
    assert server.seen == []


@pytest.mark.parametrize(
    "statement",
    [
        "select * from JournalEntry",
        "select * from Account",
        "select CurrentBalance from Account where Active in (true, false) startposition 1 maxresults 1000",
        quickbooks.CHART_QUERY.format(start=1, count=1000) + " ; select * from Purchase",
        "",
    ],
)
def test_a_quickbooks_query_may_only_ask_for_the_chart(server, settings, statement):
    server.answers(Reply(200, b"{}"))
    with pytest.raises(CallNotAllowed):
        quickbooks.transport.call(
            "POST", f"{settings.QUICKBOOKS_API_URL}/v3/company/1/query", headers=HEADERS, body=statement.encode()
        )
    assert server.seen == []


@pytest.mark.parametrize(
    "item",
    [
        {"bId": "1", "Query": "select * from JournalEntry"},
        {"bId": "1", "operation": "update", "JournalEntry": {"Id": "5"}},
        {"bId": "1", "operation": "delete", "JournalEntry": {"Id": "5"}},
        {"bId": "1", "operation": "create", "Invoice": {}},
        {"bId": "1", "operation": "create", "JournalEntry": {}, "optionsData": "allowduplicatedocnum"},
    ],
)
def test_a_quickbooks_batch_may_only_create_journals(server, settings, item):
    server.answers(Reply(200, b"{}"))
    good = {"bId": "2", "operation": "create", "JournalEntry": {}}
    with pytest.raises(CallNotAllowed):
        quickbooks.transport.call(
            "POST",
            f"{settings.QUICKBOOKS_API_URL}/v3/company/1/batch",
            headers=HEADERS,
            body=exact_json.dumps({"BatchItemRequest": [good, item]}),
        )
    assert server.seen == []


@pytest.mark.parametrize("resource", ["customer", "vendor"])
@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("GET", b""),
        ("POST", b'{"DisplayName": "Clients", "Id": "58"}'),
        ("POST", b'{"DisplayName": "Clients", "Balance": 5}'),
        ("POST", b'{"sparse": true}'),
        ("POST", b"DisplayName"),
    ],
)
def test_quickbooks_customers_and_suppliers_are_neither_read_nor_changed(server, settings, method, body, resource):
    server.answers(Reply(200, b"{}"))
    with pytest.raises(CallNotAllowed):
        quickbooks.transport.call(
            method, f"{settings.QUICKBOOKS_API_URL}/v3/company/1/{resource}", headers=HEADERS, body=body
        )
    assert server.seen == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Journals"),
        ("GET", "/ManualJournals"),
        ("GET", '/ManualJournals?where=Narration=="ATH-1"'),
        ("POST", "/ManualJournals"),
        ("GET", "/Reports/TrialBalance"),
        ("GET", "/BankTransactions"),
        ("PUT", "/Accounts"),
    ],
)
def test_xero_books_are_out_of_reach(server, settings, method, path):
    server.answers(Reply(200, b"{}"))
    with pytest.raises(CallNotAllowed):
        xero.transport.call(method, settings.XERO_API_URL + path, headers=HEADERS)
    assert server.seen == []
