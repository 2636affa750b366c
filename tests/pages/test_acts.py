"""Choosing the start date, disconnecting: each once, however often the button is pressed."""

from datetime import date

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from tests.pages.firms import make_connection, post

INDEX = "/settings/integrations/"


def start(browser, connection, on):
    return browser.post(reverse("integrations:start", args=[connection.pk]), {"on": on}, follow=True).content.decode()


def test_starting_queues_what_is_dated_from_then_on(owner, firm):
    post(firm, 3, on=date(2025, 11, 3))
    post(firm, 2, on=date(2025, 11, 20))
    connection = make_connection(firm, started=False)
    page = start(owner, connection, "2025-11-10")
    assert "Mirroring from 10 Nov 2025. 2 entries are waiting to be sent." in page
    assert "Start mirroring from" not in page
    assert connection.queue.count() == 2


def test_the_start_date_is_chosen_once(owner, firm):
    post(firm, 3)
    connection = make_connection(firm, started=False)
    start(owner, connection, "2025-11-10")
    assert "The start date was chosen before and stays as it is." in start(owner, connection, "2025-01-01")
    connection.refresh_from_db()
    assert connection.mirror_from == date(2025, 11, 10)
    assert AuditEvent.objects.filter(action="integration.start_date_chosen").count() == 1


@pytest.mark.parametrize("typed", ["", "soon", "2025-02-30"])
def test_a_start_date_that_is_none_starts_nothing(owner, firm, typed):
    connection = make_connection(firm, started=False)
    assert "Enter the first date to mirror, such as 2026-03-31." in start(owner, connection, typed)
    connection.refresh_from_db()
    assert connection.mirror_from is None


def test_disconnecting_asks_first_and_names_what_happens(owner, firm):
    post(firm, 3)
    connection = make_connection(firm)
    page = owner.get(reverse("integrations:disconnect", args=[connection.pk])).content.decode()
    assert "Disconnect QuickBooks (Park &amp; Lowe LLP)?</h1>" in page
    assert "3 entries are waiting and stay in Athenty." in page
    assert "Entries already in QuickBooks stay there." in page
    assert "Keep connected" in page
    connection.refresh_from_db()
    assert connection.status == "connected"


def test_disconnecting_stops_the_connection_and_keeps_its_queue_and_mapping(owner, firm):
    post(firm, 3)
    connection = make_connection(firm)
    page = owner.post(reverse("integrations:disconnect", args=[connection.pk]), follow=True).content.decode()
    assert "Disconnected from Park &amp; Lowe LLP. Your mapping and history are kept." in page
    assert "Reconnect QuickBooks" in page
    connection.refresh_from_db()
    assert connection.status == "disconnected"
    assert connection.queue.waiting().count() == 3
    assert connection.mappings.exclude(target=None).count() == 4


def test_a_second_press_of_disconnect_is_no_second_disconnect(owner, firm):
    connection = make_connection(firm)
    address = reverse("integrations:disconnect", args=[connection.pk])
    owner.post(address)
    assert "QuickBooks was disconnected already." in owner.post(address, follow=True).content.decode()
    assert AuditEvent.objects.filter(action="integration.disconnected").count() == 1


def test_an_error_is_left_by_disconnecting(owner, firm):
    connection = make_connection(firm, "xero", status="error", status_reason="company_gone")
    page = owner.post(reverse("integrations:disconnect", args=[connection.pk]), follow=True).content.decode()
    assert "Reconnect Xero" in page
