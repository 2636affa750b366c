"""Deciding about an entry whose outcome was never learned, retrying by cause, and sending a batch early."""

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from integrations.mirror import schedule
from integrations.mirror.deliveries import reference
from integrations.models import QueueRow, SyncMode
from integrations.providers.base import Cause
from tests.pages.firms import make_connection, make_firm, park, post

INDEX = "/settings/integrations/"


@pytest.fixture
def unconfirmed(firm):
    post(firm, 1)
    row = make_connection(firm).queue.get()
    QueueRow.objects.filter(pk=row.pk).update(state=QueueRow.State.UNCONFIRMED)
    return row


def page_of(row: QueueRow) -> str:
    return reverse("integrations:unconfirmed", args=[row.connection_id, row.pk])


def decide(browser, row, decision, **fields):
    return browser.post(page_of(row), {"decision": decision, **fields}, follow=True).content.decode()


def test_the_card_leads_to_a_page_that_says_what_to_look_for(owner, unconfirmed):
    assert page_of(unconfirmed) in owner.get(INDEX).content.decode()
    page = owner.get(page_of(unconfirmed)).content.decode()
    assert reference(unconfirmed.connection, unconfirmed.entry) in page
    assert "Sending it again unseen could enter it twice" in page


def test_an_entry_found_there_is_marked_as_sent(owner, unconfirmed):
    assert "is marked as sent: you found it in QuickBooks." in decide(owner, unconfirmed, "there", remote_id=" 309 ")
    unconfirmed.refresh_from_db()
    assert (unconfirmed.state, unconfirmed.remote_id) == ("sent", "309")
    [event] = AuditEvent.objects.filter(action="integration.entry_confirmed")
    assert event.data["entries"] == [unconfirmed.entry.number]


def test_an_entry_not_found_there_goes_again_once(owner, unconfirmed):
    assert "is queued to be sent to QuickBooks again." in decide(owner, unconfirmed, "again")
    assert "was decided already" in decide(owner, unconfirmed, "again")
    unconfirmed.refresh_from_db()
    assert unconfirmed.state == "waiting"
    assert AuditEvent.objects.filter(action="integration.entry_sent_again").count() == 1


def test_without_a_decision_nothing_changes(owner, unconfirmed):
    assert "What to look for" in decide(owner, unconfirmed, "perhaps")
    unconfirmed.refresh_from_db()
    assert unconfirmed.state == "unconfirmed"


def test_another_firms_entry_is_not_there(owner):
    other = make_firm("Other LLP", slug="other")
    post(other, 1)
    row = make_connection(other, company_id="other-books").queue.get()
    QueueRow.objects.filter(pk=row.pk).update(state=QueueRow.State.UNCONFIRMED)
    assert owner.get(page_of(row)).status_code == owner.post(page_of(row), {"decision": "again"}).status_code == 404
    row.refresh_from_db()
    assert row.state == "unconfirmed"


def test_entries_are_retried_by_cause(owner, firm):
    post(firm, 3)
    connection = make_connection(firm)
    rows = park(connection, 3)
    QueueRow.objects.filter(pk=rows[0].pk).update(cause=Cause.PERIOD)
    assert "Retry 1: the period is closed" in owner.get(INDEX).content.decode()
    retry = reverse("integrations:retry", args=[connection.pk])
    assert "1 entry queued" in owner.post(retry, {"cause": "period"}, follow=True).content.decode()
    assert connection.queue.needing_attention().count() == 2


def test_a_batch_is_sent_early(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    schedule.set_mode(firm, SyncMode.BATCHED, actor=connection.connected_by)
    assert "Send the batch now" in owner.get(f"{INDEX}?tab=sync-mode").content.decode()
    page = owner.post(reverse("integrations:flush"), follow=True).content.decode()
    assert "Sending 2 waiting entries now." in page
    assert schedule.due_rows(connection).count() == 0
    connection.refresh_from_db()
    assert schedule.due_rows(connection).count() == 2


def test_a_mirror_paused_by_support_says_so(owner, firm):
    post(firm, 1)
    make_connection(firm)
    schedule.set_paused(firm, paused=True)
    assert "Paused by support. 1 entry is waiting." in owner.get(INDEX).content.decode()
