import logging

import pytest

from .callers import entry, journal

LEDGER_READS_AT_QUICKBOOKS = [
    "journalentry/228",
    "reports/TrialBalance",
    "reports/GeneralLedger",
    "cdc?entities=JournalEntry&changedSince=2026-01-01",
    "invoice/12",
    "query?query=select * from JournalEntry",
    "query?query=select * from Invoice where TxnDate > '2026-01-01'",
]
LEDGER_READS_AT_XERO = [
    "ManualJournals",
    "ManualJournals?where=Narration==%22ATH-1%22",
    "ManualJournals/5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b99",
    "Journals",
    "Reports/TrialBalance",
    "BankTransactions",
    "Invoices",
]


def assert_refused_loudly(answer, caller, caplog):
    assert answer.status_code == 403
    assert answer.json["sandbox_refusal"] == "ledger_read"
    assert "A one-way mirror has no business reading the ledger" in answer.json["message"]
    assert caller.books()["refused_reads"] == 1
    (record,) = caplog.records
    assert record.levelno == logging.ERROR


@pytest.mark.parametrize("path", LEDGER_READS_AT_QUICKBOOKS)
def test_reading_the_ledger_at_quickbooks_is_refused_logged_and_counted(quickbooks, path, caplog):
    quickbooks.post(entry())
    assert_refused_loudly(quickbooks.call("GET", path), quickbooks, caplog)


@pytest.mark.parametrize("path", LEDGER_READS_AT_XERO)
def test_reading_the_ledger_at_xero_is_refused_logged_and_counted(xero, path, caplog):
    xero.put(journal())
    assert_refused_loudly(xero.call("GET", path), xero, caplog)


def test_a_read_without_a_token_is_refused_as_loudly(quickbooks, caplog):
    quickbooks.access_token = ""
    assert_refused_loudly(quickbooks.call("GET", "reports/BalanceSheet"), quickbooks, caplog)


def test_a_query_hidden_in_a_batch_is_refused_and_the_rest_is_not_done(quickbooks, caplog):
    items = [
        {"bId": "a1", "operation": "create", "JournalEntry": entry()},
        {"bId": "a2", "Query": "select * from JournalEntry"},
    ]
    answer = quickbooks.call("POST", "batch", json={"BatchItemRequest": items})
    assert_refused_loudly(answer, quickbooks, caplog)
    assert quickbooks.books()["journals"] == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("journalentry?operation=delete", {"Id": "228", "SyncToken": "0"}),
        ("journalentry", entry(Id="228", SyncToken="0")),
        ("invoice", {"Line": []}),
        ("batch", {"BatchItemRequest": [{"bId": "a1", "operation": "delete", "JournalEntry": {"Id": "228"}}]}),
    ],
)
def test_changing_an_entry_or_writing_another_document_at_quickbooks_is_refused(quickbooks, path, body):
    quickbooks.post(entry())
    answer = quickbooks.call("POST", path, json=body)
    assert answer.status_code == 403
    assert answer.json["sandbox_refusal"] == "not_our_business"
    books = quickbooks.books()
    assert (books["journals"], books["refused_reads"], books["refused_calls"]) == (1, 0, 1)


def test_changing_a_journal_or_writing_another_document_at_xero_is_refused(xero):
    created = xero.put(journal()).json["ManualJournals"][0]["ManualJournalID"]
    change = journal(ManualJournalID=created, Status="VOIDED")
    assert xero.call("POST", "ManualJournals", json=change).status_code == 403
    assert xero.call("POST", f"ManualJournals/{created}", json=change).status_code == 403
    assert xero.call("PUT", "Invoices", json={}).json["sandbox_refusal"] == "not_our_business"
    books = xero.books()
    assert (books["journals"], books["refused_reads"], books["refused_calls"]) == (1, 0, 3)


def test_the_calls_a_mirror_makes_count_as_no_refusal(quickbooks, xero):
    quickbooks.post(entry())
    quickbooks.query("select * from Account")
    xero.put(journal())
    xero.call("GET", "Accounts")
    for caller in (quickbooks, xero):
        assert caller.books()["refused_calls"] == 0


def test_the_chart_may_be_asked_for_in_a_batch(quickbooks):
    items = [
        {"bId": "a1", "Query": "select * from Account where Id = '17'"},
        {"bId": "a2", "operation": "create", "JournalEntry": entry()},
        {"bId": "a3", "Query": "select everything"},
    ]
    answer = quickbooks.call("POST", "batch", json={"BatchItemRequest": items})
    told = {item["bId"]: item for item in answer.json["BatchItemResponse"]}
    assert told["a1"]["QueryResponse"]["Account"][0]["Name"] == "Client Trust Liability"
    assert told["a2"]["JournalEntry"]["Id"] == "228"
    assert told["a3"]["Fault"]["Error"][0]["code"] == "4000"
    assert quickbooks.books()["refused_calls"] == 0
