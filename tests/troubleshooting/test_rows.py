"""Every row of the product page's troubleshooting table: the symptom made to happen at the sandbox, the page's words
for it, and the fix that the row names, done."""

import html
import re
from datetime import timedelta

import pytest
import requests
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from integrations.clock import database_now
from integrations.connections import connect as connecting
from integrations.connections import returning
from integrations.mapping import chart
from integrations.models import ConnectAttempt, Connection, GrantToReturn, SealedGrant
from tests.connections.sign_in import allow
from tests.mirror.conftest import (
    Firm,
    _key_file,
    firm,
    map_everything,
    pass_over,
    provider_name,
    sandbox,
    states,
)
from tests.security.conftest import browser, come_back, connect, press_connect

__all__ = ["_key_file", "browser", "firm", "provider_name", "sandbox"]

INDEX = "/settings/integrations/"
PARK = "Park & Lowe LLP"


def card(browser: Client, provider_name: str) -> str:
    """The provider's card as a person reads it: no tags, single spaces."""
    page = browser.get(INDEX).content.decode()
    start = page.index(f'<section id="{provider_name}"')
    following = page.find('<section id="xero"', start + 1) if provider_name == "quickbooks" else -1
    section = page[start : following if following > 0 else None]
    text = re.sub(r"<[^>]+>", " ", re.sub(r'<span class="reference">(.*?)</span>', r"\1", section))
    return " ".join(html.unescape(text).split())


def connected(browser: Client, firm: Firm, provider_name: str, *, mapped: bool = True) -> Connection:
    """Connected through the pages, started today, and with two entries posted."""
    connect(browser, provider_name)
    connection = Connection.objects.get()
    chart.read_if_due(connection.pk)
    start = reverse("integrations:start", args=[connection.pk])
    assert browser.post(start, {"on": timezone.localdate().isoformat()}).status_code == 302
    connection.refresh_from_db()
    if mapped:
        map_everything(firm, connection)
    firm.post(("1100", "2100", "12.50"), ("1000", "4000", "7.25"))
    return connection


def drained_once(connection: Connection, sandbox) -> bool:
    while pass_over(connection):
        pass
    journals = sandbox.journals(connection.provider_name, connection.company_id)
    return states(connection) == ["sent", "sent"] and len(journals) == 2


def disconnect(browser: Client, connection: Connection) -> None:
    browser.post(reverse("integrations:disconnect", args=[connection.pk]))
    for returned in GrantToReturn.objects.all():
        returning.give_back(returned.pk)


def reconnect(browser: Client, provider_name: str) -> Connection:
    come_back(browser, allow(press_connect(browser, provider_name), PARK))
    return Connection.objects.get()


def test_connect_button_errors_because_the_redirect_uri_is_not_whitelisted(
    browser, firm, provider_name, sandbox, settings
):
    settings.SITE_URL = "http://localhost:4242"
    at_the_provider = requests.get(press_connect(browser, provider_name), timeout=10)
    assert at_the_provider.status_code >= 400  # its own error page, from which nobody comes back
    short = {"quickbooks": "QuickBooks", "xero": "Xero"}[provider_name]
    attempt = ConnectAttempt.objects.get()
    shown = card(browser, provider_name)
    assert (
        f"Finish signing in at {short}. If {short} showed an error page instead of a sign-in, it would not accept our "
        f"return address. This is ours to fix: contact support with reference {attempt.reference}. Contact support"
    ) in shown
    assert "Disconnected" in shown

    sandbox.register(connecting.redirect_uri(provider_name))  # support has provisioned it
    assert reconnect(browser, provider_name).is_connected
    assert "Disconnect" in card(browser, provider_name)


def test_sync_is_stuck_after_connect_because_the_mapping_is_incomplete(browser, firm, provider_name, sandbox):
    connection = connected(browser, firm, provider_name, mapped=False)
    short = connection.provider.short_name
    assert not pass_over(connection)
    shown = card(browser, provider_name)
    assert f"Sync is paused: 4 required accounts have no {short} account. 2 entries are waiting." in shown
    assert "Map 4 accounts" in shown
    assert shown.count("Unmapped") >= 4

    map_everything(firm, connection)
    assert "Sync is paused" not in card(browser, provider_name)
    assert drained_once(connection, sandbox)


def test_429_because_of_too_many_entries_in_live_mode(browser, firm, sandbox):
    connection = connected(browser, firm, "quickbooks")
    sandbox.arm(provider="quickbooks", call="batch", do="status", status=429, body="", times=1)
    pass_over(connection)
    shown = card(browser, "quickbooks")
    assert "QuickBooks is limiting how fast we can send. Nothing is lost. 2 entries are waiting. Next attempt" in shown
    assert "Switch to Batched to avoid this. Change sync mode" in shown

    browser.post(reverse("integrations:sync_mode"), {"mode": "batched"})
    assert "Switch to Batched" not in card(browser, "quickbooks")
    firm.post(("1100", "2100", "3.00"))
    past_the_limit(connection)
    while pass_over(connection):
        pass
    assert states(connection)[-1] == "waiting"  # for the batch
    browser.post(reverse("integrations:flush"))
    past_the_limit(connection)
    while pass_over(connection):
        pass
    assert states(connection) == ["sent", "sent", "sent"]


def past_the_limit(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(slowed_until=None)
    connection.deliveries.update(next_attempt_at=database_now())


def test_xero_says_tenant_deleted_because_the_organisation_was_offboarded(browser, firm, sandbox):
    connection = connected(browser, firm, "xero")
    sandbox.change_company("xero", connection.company_id, state="deleted")
    pass_over(connection)
    shown = card(browser, "xero")
    assert (
        "Xero no longer lets us reach Park & Lowe LLP. It may have been deleted, or the person who connected it lost "
        "access. Disconnect, then connect again."
    ) in shown
    assert "Error" in shown
    assert "Disconnect Xero" in shown
    assert "Company Park & Lowe LLP" in shown

    disconnect(browser, connection)
    assert "Reconnect Xero" in card(browser, "xero")
    sandbox.change_company("xero", connection.company_id, state="active")  # it is back
    again = reconnect(browser, "xero")
    assert again == connection
    assert drained_once(again, sandbox)


def test_disconnected_with_no_action_because_the_refresh_token_expired(browser, firm, provider_name, sandbox):
    connection = connected(browser, firm, provider_name)
    short = connection.provider.short_name
    gone = timedelta(days=101)
    sandbox.advance_clock(gone.total_seconds())
    SealedGrant.objects.update(
        **{name: F(name) - gone for name in ("access_expires_at", "refresh_expires_at", "grant_expires_at")}
    )
    pass_over(connection)
    shown = card(browser, provider_name)
    assert re.search(
        rf"{short} ended our access on \d+ \w+ \d+\. Reconnect to send 2 waiting entries\. Your mapping and history "
        "are kept\\.",
        shown,
    )
    assert "Disconnected" in shown
    assert f"Reconnect {short}" in shown
    assert sandbox.journals(provider_name, connection.company_id) == []

    again = reconnect(browser, provider_name)
    assert again == connection
    assert drained_once(again, sandbox)


# F22 and F25 of the fault tests: what stops a connection, and what a disconnect leaves running -----------------------


def revoke(connection, sandbox):
    sandbox.disconnect_there(connection.provider_name, connection.company_id)


def delete(connection, sandbox):
    state = {"quickbooks": "company_reset", "xero": "deleted"}[connection.provider_name]
    sandbox.change_company(connection.provider_name, connection.company_id, state=state)


def leave(connection, sandbox):
    """Intuit says it for certain only when the token is refreshed; till then its code 120 may pass."""
    sandbox.change_company(connection.provider_name, connection.company_id, removed_users=["pat"])
    SealedGrant.objects.update(access_expires_at=database_now())


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [revoke, delete, leave])
def test_f22_what_ends_the_access_stops_sending_within_a_call_and_tells_once(
    browser, firm, provider_name, sandbox, trouble
):
    connection = connected(browser, firm, provider_name)
    trouble(connection, sandbox)
    for _ in range(4):
        pass_over(connection)
    connection.refresh_from_db()
    assert not connection.is_connected
    writes = {"quickbooks": "batch", "xero": "manualjournals"}[provider_name]
    assert len(sandbox.requests(provider_name, writes)) <= 2  # the second with a token that was got anew
    assert connection.notices.count() == 1
    assert set(states(connection)) <= {"waiting", "sending"}


@pytest.mark.slow
@pytest.mark.parametrize("point", ["claimed", "sealed", "sending", "answered", "settling", "settled"])
def test_f25_a_disconnect_in_mid_send_finishes_what_is_under_way_and_starts_nothing(
    browser, firm, provider_name, sandbox, monkeypatch, point
):
    """At every named point of a pass somebody presses Disconnect, and the access is given back at once."""
    from integrations.mirror import claiming, drain, outcomes

    connection = connected(browser, firm, provider_name)

    def crash_point(name: str) -> None:
        if name == point and Connection.objects.get().is_connected:
            disconnect(browser, connection)

    for module in (claiming, drain, outcomes):
        monkeypatch.setattr(module, "crash_point", crash_point)
    pass_over(connection)
    monkeypatch.undo()
    sent = len(sandbox.journals(provider_name, connection.company_id))
    if point in {"answered", "settling", "settled"}:
        assert states(connection) == ["sent", "sent"]
    elif point in {"claimed", "sealed"}:
        assert sent == 0
    assert not pass_over(connection)
    assert len(sandbox.journals(provider_name, connection.company_id)) == sent

    again = reconnect(browser, provider_name)
    again.deliveries.update(next_attempt_at=database_now(), leased_until=None)
    assert drained_once(again, sandbox)
