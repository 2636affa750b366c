"""Test connection: the worker asks at a person's wish, and the card says what the provider answered."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.http import HttpResponse
from django.urls import reverse

from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.mapping import chart
from integrations.models import Connection, SealedGrant
from integrations.providers.errors import GrantLost
from tests.mirror.conftest import (
    _key_file,
    connection,
    firm,
    pass_over,
    provider_name,
    read_chart_if_due,
    sandbox,
    states,
)
from tests.signed_in import signed_in

__all__ = ["_key_file", "connection", "firm", "provider_name", "sandbox"]

COMPANY_CALL = {"quickbooks": "companyinfo", "xero": "organisation"}


@pytest.fixture
def press(firm, connection):
    """Presses the button, and gives the page that comes."""
    browser = signed_in(firm.owner)

    def pressed(**headers: str) -> str:
        address = reverse("integrations:test", args=[connection.pk])
        return browser.post(address, follow=True, headers=headers).content.decode()

    return pressed


@pytest.fixture
def card(firm, connection):
    """The card's facts as the page asks for them again."""
    browser = signed_in(firm.owner)
    address = reverse("integrations:card", args=[connection.pk])
    return lambda **shown: browser.get(address, shown, headers={"HX-Request": "true"})


def answer(response: HttpResponse | str) -> str:
    page = response if isinstance(response, str) else response.content.decode()
    return " ".join(page.split("<dt>Last answer</dt>")[1].split("</dd>")[0].split())


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["plain", "htmx"])
def test_the_worker_asks_and_the_card_says_when_it_answered(press, card, connection, headers):
    page = press(**headers)
    assert f"Asking {connection.provider.short_name}" in answer(page)
    assert ("<html" in page) == (not headers)
    assert "hx-trigger" in card().content.decode(), "the card asks again until there is an answer"
    read_chart_if_due(connection)
    assert "<time" in answer(card())


def test_what_takes_entries_has_answered_then(card, firm, connection):
    Connection.objects.update(chart_read_at=F("chart_read_at") - timedelta(hours=5))
    assert "5 hours ago" in answer(card())
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    assert "hours ago" not in answer(card())


def test_no_answer_changes_nothing_and_is_said(press, card, connection, sandbox):
    call = COMPANY_CALL[connection.provider_name]
    sandbox.arm(provider=connection.provider_name, call=call, share=1, do="status", status=503)
    press()
    read_chart_if_due(connection)
    assert "did not give its chart of accounts" in answer(card())
    connection.refresh_from_db()
    assert connection.is_connected


def test_a_company_that_is_back_in_reach_goes_on_where_it_stopped(press, card, firm, connection, sandbox):
    gone = {"quickbooks": "subscription_lapsed", "xero": "deleted"}[connection.provider_name]
    sandbox.change_company(connection.provider_name, connection.company_id, state=gone)
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    for _ in range(2):
        press()
        read_chart_if_due(connection)
        assert "does not let us in" in answer(card())
        connection.refresh_from_db()
        assert (connection.status, connection.chart_due_at) == ("error", None)
    assert AuditEvent.objects.filter(action="integration.sync_failed").count() == 1, "told once"

    sandbox.change_company(connection.provider_name, connection.company_id, state="active")
    press()
    read_chart_if_due(connection)
    assert card(status="error").headers["HX-Refresh"] == "true", "the pill says something else now"
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("connected", "")
    event = AuditEvent.objects.filter(action="integration.connected").latest("pk")
    assert (event.actor, event.data["cause"]) == (None, "in_reach_again")
    while pass_over(connection):
        pass
    assert states(connection) == ["sent"]
    assert len(sandbox.journals(connection.provider_name, connection.company_id)) == 1


def test_who_learns_late_that_an_earlier_grant_ended_leaves_the_new_one_to_be_read(connection, monkeypatch):
    """A person has connected anew while this worker was asking."""

    def refused(_connection):
        earlier = SealedGrant(refreshed_at=connection.connected_at - timedelta(days=1))
        raise tokens.GrantRefused(GrantLost("revoked"), earlier)

    monkeypatch.setattr(chart, "_read", refused)
    Connection.objects.filter(pk=connection.pk).update(chart_due_at=database_now())
    read_chart_if_due(connection)
    connection.refresh_from_db()
    assert connection.is_connected
    assert (connection.chart_due_at is None, connection.chart_error) == (False, "")


def test_disconnected_it_asks_nobody(press, connection):
    Connection.objects.filter(pk=connection.pk).update(status="disconnected", chart_due_at=None)
    assert "is disconnected. Reconnect it first." in press()
    connection.refresh_from_db()
    assert connection.chart_due_at is None
