"""The customer and the supplier that lines on receivable and payable accounts name."""

import json

import pytest

from audit.models import AuditEvent
from integrations.connections import start, tokens
from integrations.mapping import chart, parties, saving
from integrations.mapping.reports import mapping_table
from integrations.providers.base import Party
from ledger.models import Account
from tests.mapping.conftest import drain_all, read_chart
from tests.mirror.conftest import connect_firm, map_everything, read_chart_if_due, states


@pytest.fixture
def quickbooks(firm, sandbox):
    """Connected and mapped, with a receivable and a payable account that are not."""
    for number, name, kind in (("1200", "Accounts Receivable", "asset"), ("2000", "Accounts Payable", "liability")):
        account = Account.objects.create(organization=firm.organization, number=number, name=name, type=kind)
        firm.accounts[number] = account
    connection = connect_firm(firm, "quickbooks", sandbox)
    start.start_mirroring(connection, firm.post(("1100", "2100", "1.00"))[0].date, actor=firm.owner)
    map_everything(firm, connection)
    return connection


def receivable(connection):
    return connection.chart.get(kind="Accounts Receivable", name="Accounts Receivable")


def ask(connection, party, firm):
    is_asked = parties.ask_for(connection, party, actor=firm.owner)
    chart.ask_for_reading(connection)
    return is_asked


def names_there(sandbox, connection):
    return [made for made in sandbox.requests("quickbooks", "customer") if made["status"] == 200]


def test_a_receivable_account_takes_journals_once_a_customer_was_created(firm, quickbooks, sandbox):
    target = receivable(quickbooks)
    assert (target.refusal, target.party) == ("needs_name", "customer")
    with pytest.raises(saving.MappingRefused):
        saving.save_mapping(quickbooks, {firm.accounts["1200"].pk: target.pk}, actor=firm.owner)

    assert ask(quickbooks, Party.CUSTOMER, firm)
    assert sandbox.requests("quickbooks", "customer") == [], "the web process calls nobody"
    read_chart(quickbooks)
    made = quickbooks.parties.get()
    assert (made.name, bool(made.remote_id), made.error) == ("Athenty clients", True, "")
    saving.save_mapping(quickbooks, {firm.accounts["1200"].pk: target.pk}, actor=firm.owner)
    firm.post(("1200", "4000", "80.00"))
    drain_all(quickbooks)
    assert set(states(quickbooks)) == {"sent"}
    # The sandbox refuses a receivable line whose customer it does not know.
    body = json.loads(bytes(quickbooks.deliveries.order_by("sealed_at").last().body))
    lines = body["BatchItemRequest"][-1]["JournalEntry"]["Line"]
    entities = [line["JournalEntryLineDetail"].get("Entity") for line in lines]
    assert entities == [{"Type": "Customer", "EntityRef": {"value": made.remote_id}}, None]


def test_payable_accounts_still_wait_for_a_supplier(firm, quickbooks):
    ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    payable = quickbooks.chart.get(kind="Accounts Payable", name="Accounts Payable")
    assert payable.refusal == "needs_name"
    ask(quickbooks, Party.SUPPLIER, firm)
    read_chart(quickbooks)
    payable.refresh_from_db()
    assert payable.refusal == ""
    assert {each.party for each in quickbooks.parties.exclude(remote_id="")} == {"customer", "supplier"}


def test_two_clicks_create_one_customer(firm, quickbooks, sandbox):
    assert ask(quickbooks, Party.CUSTOMER, firm)
    assert not ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    assert not ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    assert len(names_there(sandbox, quickbooks)) == 1
    assert AuditEvent.objects.filter(data__to_be_created="customer").count() == 1


def test_an_answer_that_was_lost_creates_no_second_customer(firm, quickbooks, sandbox):
    sandbox.arm(provider="quickbooks", call="customer", nth=1, do="drop_after_commit")
    ask(quickbooks, Party.CUSTOMER, firm)
    read_chart_if_due(quickbooks)
    quickbooks.refresh_from_db()
    assert quickbooks.chart_error, "it is tried again in a minute"
    assert quickbooks.parties.get().remote_id == ""
    read_chart(quickbooks)
    made = quickbooks.parties.get()
    assert made.name == "Athenty clients", "the first one's own answer came back"
    assert made.remote_id


def test_a_name_that_somebody_there_has_is_left_to_them(firm, quickbooks, sandbox):
    """Another mirror of the same company was there before: its customer has the name."""
    token = tokens.access_token(quickbooks)
    create = quickbooks.provider.create_party
    create(token, quickbooks.company, Party.CUSTOMER, name="Athenty clients", key="other")
    ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    assert quickbooks.parties.get().name == "Athenty clients 2"


def test_a_refusal_is_kept_in_their_words_and_may_be_asked_again(firm, quickbooks, sandbox, monkeypatch):
    monkeypatch.setattr(parties, "_NAMES", {Party.CUSTOMER: "Not:allowed", Party.SUPPLIER: "x"})
    ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    refused = quickbooks.parties.get()
    assert "DisplayName" in refused.error
    assert quickbooks.chart_error == "", "the chart is read all the same"
    monkeypatch.undo()
    assert ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    assert quickbooks.parties.get().remote_id


def test_xeros_accounts_want_nobody(firm, sandbox):
    connection = connect_firm(firm, "xero", sandbox)
    assert mapping_table(connection).parties == {}


def test_a_reconnect_keeps_the_customer(firm, quickbooks, sandbox):
    ask(quickbooks, Party.CUSTOMER, firm)
    read_chart(quickbooks)
    before = quickbooks.parties.get().remote_id
    read_chart(quickbooks)
    assert quickbooks.parties.get().remote_id == before
    assert receivable(quickbooks).refusal == ""
