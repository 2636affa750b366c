"""Test connection: one harmless call at a person's wish, and on the page what the provider answered."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.mirror import pacing
from integrations.models import Connection
from tests.mirror.conftest import (
    COMPANY,
    _key_file,
    _sandbox,
    connection,
    firm,
    pass_over,
    provider_name,
    sandbox,
    states,
)

__all__ = ["_key_file", "_sandbox", "connection", "firm", "provider_name", "sandbox"]

COMPANY_CALL = {"quickbooks": "companyinfo", "xero": "organisation"}


@pytest.fixture
def browser(firm) -> Client:
    client = Client()
    client.force_login(firm.owner)
    return client


@pytest.fixture
def press(browser, connection):
    """Presses the button, and gives the page that comes."""

    def pressed(**headers: str) -> str:
        Connection.objects.filter(pk=connection.pk).update(next_send_at=None)
        return browser.post(
            reverse("integrations:test", args=[connection.pk]), follow=True, headers=headers
        ).content.decode()

    return pressed


def test_the_company_and_the_time_are_named_in_place(press, connection):
    page = press(**{"HX-Request": "true"})
    assert page.lstrip().startswith("<section")
    assert f"we reach {COMPANY}." in page.split('class="notice notice-success"')[1].split("</p>")[0].replace(
        "&amp;", "&"
    )


def test_without_a_script_the_page_says_it(press, connection):
    assert "answered at " in (page := press())
    assert "<html" in page


def test_the_call_counts_like_any_other(press, connection):
    before = database_now()
    press()
    connection.refresh_from_db()
    assert connection.next_send_at >= before + pacing.spacing(connection.provider.limits.calls_per_minute)


@pytest.mark.parametrize("by", ["limit", "sends"])
def test_while_the_provider_is_not_to_be_called_it_is_not(browser, connection, sandbox, by):
    soon = database_now() + timedelta(minutes=6)
    limit = {"slowed_until": soon} if by == "limit" else {"next_send_at": soon}
    Connection.objects.filter(pk=connection.pk).update(**limit)
    calls = len(sandbox.requests(connection.provider_name, COMPANY_CALL[connection.provider_name]))
    answer = browser.post(reverse("integrations:test", args=[connection.pk]), follow=True)
    assert "is not asked before" in answer.content.decode()
    assert len(sandbox.requests(connection.provider_name, COMPANY_CALL[connection.provider_name])) == calls
    connection.refresh_from_db()
    assert (connection.next_send_at == soon) == (by == "sends")


def test_no_answer_changes_nothing_and_is_said(press, connection, sandbox):
    sandbox.arm(
        provider=connection.provider_name, call=COMPANY_CALL[connection.provider_name], share=1, do="status", status=503
    )
    assert "did not give a usable answer just now. Nothing is lost" in press()
    connection.refresh_from_db()
    assert connection.is_connected


def test_a_company_out_of_reach_stops_the_connection_and_one_in_reach_again_lets_it_go_on(
    press, firm, connection, sandbox
):
    gone = {"quickbooks": "subscription_lapsed", "xero": "deleted"}[connection.provider_name]
    sandbox.change_company(connection.provider_name, connection.company_id, state=gone)
    assert "does not let us in" in press()
    connection.refresh_from_db()
    assert connection.status == "error"
    firm.post(("1100", "2100", "1.00"))

    sandbox.change_company(connection.provider_name, connection.company_id, state="active")
    assert "we reach" in press()
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("connected", "")
    event = AuditEvent.objects.filter(action="integration.connected").latest("pk")
    assert (event.actor, event.data["cause"]) == (firm.owner, "in_reach_again")
    assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_disconnected_it_asks_nobody(press, connection):
    Connection.objects.filter(pk=connection.pk).update(status="disconnected")
    assert "is disconnected. Reconnect it first." in press()
