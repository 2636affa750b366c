"""Settings ▸ Integrations: each state of a card, Sync Mode, disconnecting, and the mapping."""

from datetime import timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.utils import timezone

from athenty.organizations.models import Membership
from integrations.connections import attempts
from integrations.models import ConnectAttempt, Connection
from integrations.providers.base import Cause, Company
from tests.browser.scenes.listing import scene
from tests.browser.scenes.stage import connect, leave_unconfirmed, post, refuse, send, settled, switch

INDEX = "/settings/integrations/"
# A connected card's mapping table has scenes of its own.
TABLES = "[id$=-mapping]"


@scene()
def never_connected(firm):
    return INDEX


@scene()
def connecting(firm):
    ConnectAttempt.objects.create(
        organization=firm,
        user=firm.memberships.get(role="owner").user,
        provider_name="quickbooks",
        reference="AT-7K2M4P",
        state_hash="state",
        session_hash="session",
        started_at=timezone.now(),
    )
    return INDEX


def _come_back_from_xero(page) -> None:
    """With three organisations to choose from, as one sign-in covers them."""
    [key] = [cookie["value"] for cookie in page.context.cookies() if cookie["name"] == settings.SESSION_COOKIE_NAME]
    membership = Membership.objects.get(organization__slug="park-lowe", role="owner")
    visitor = attempts.Visitor(user=membership.user, organization=membership.organization, session_key=key)
    attempt = attempts.record("xero", visitor, state="state", code_verifier="")
    attempt.outcome = ConnectAttempt.Outcome.CHOOSING
    companies = [
        Company("a", "Park & Lowe LLP", "USD", "US"),
        Company("b", "Park & Lowe Trust", "USD", "US"),
        Company("c", "Demo Company (US)", "USD", "US", is_demo=True),
    ]
    attempt.candidates = [{"company": attempts.company_as_json(company)} for company in companies]
    attempt.save()
    page.goto(urljoin(page.url, f"{INDEX}choose/{attempt.reference}/"))


@scene(act=_come_back_from_xero)
def choose_the_organisation(firm):
    return INDEX


@scene()
def reconnect_before_access_ends(firm):
    connect(firm)
    return f"{INDEX}quickbooks/reconnect/"


@scene(role=None)
def disconnected_over_there(firm):
    return f"{INDEX}quickbooks/disconnected/"


def _test_connection(page) -> None:
    page.click("text=Test connection")
    page.wait_for_selector("#quickbooks .notice-success")


@scene(act=_test_connection, passing_over=TABLES)
def connection_tested(firm):
    connect(firm, slowed_until=timezone.now() + timedelta(minutes=6))
    return INDEX


@scene()
def reading_the_chart(firm):
    connect(firm, chart_read_at=None, chart_due_at=timezone.now(), mirror_from=None, last_sync_at=None)
    connect(
        firm,
        "xero",
        chart_read_at=None,
        chart_error="Xero did not give its chart of accounts.",
        mirror_from=None,
        last_sync_at=None,
    )
    return INDEX


@scene(passing_over=TABLES)
def choose_the_start_date(firm):
    connect(firm, unmapped=11, mirror_from=None, last_sync_at=None)
    return f"{INDEX}?quickbooks_from={firm.journal_entries.earliest('date').date.isoformat()}"


@scene()
def mapping_incomplete(firm):
    connect(firm, unmapped=6, last_sync_at=None)
    return INDEX


@scene(passing_over=TABLES)
def first_sync_running(firm):
    connection = connect(firm, last_sync_at=timezone.now())
    connection.queue.update(queued_at=timezone.now() - timedelta(minutes=9))
    send(connection, 20, minutes_ago=0, minutes_apart=0.2)
    settled(firm, "xero")
    return INDEX


@scene(passing_over=TABLES)
def healthy(firm):
    settled(firm)
    settled(firm, "xero", calls_left_today=4210, day_allowance=5000)
    return INDEX


@scene(passing_over=TABLES)
def paused_by_mode_off(firm):
    send(connect(firm), 30)
    switch(firm, "off")
    return INDEX


@scene(passing_over=TABLES)
def slowed_by_the_provider(firm):
    send(connect(firm, slowed_until=timezone.now() + timedelta(minutes=6)), 20)
    send(connect(firm, "xero", calls_left_today=31, day_allowance=1000), 43)
    return INDEX


@scene(passing_over=TABLES)
def entries_rejected(firm):
    connection = connect(firm)
    refuse(connection, 3)
    refuse(connection, 1, Cause.ACCOUNT)
    send(connection)
    return INDEX


@scene(passing_over=TABLES)
def provider_down(firm):
    connection = connect(firm, troubled_since=timezone.now() - timedelta(hours=1))
    send(connection, 40)
    Connection.objects.filter(pk=connection.pk).update(next_probe_at=timezone.now() + timedelta(seconds=40))
    return INDEX


@scene(passing_over=TABLES)
def unconfirmed_and_access_expired(firm):
    leave_unconfirmed(connection := connect(firm))
    send(connection)
    ended = {"status": "disconnected", "status_reason": "grant_lost"}
    send(connect(firm, "xero", **ended), 27)
    return INDEX


@scene(passing_over=TABLES)
def company_gone_and_unexpected_error(firm):
    send(connect(firm, status="error", status_reason="seal_broken"), 40)
    send(connect(firm, "xero", status="error", status_reason="company_gone"), 40)
    return INDEX


@scene(passing_over=TABLES)
def long_names_and_large_amounts(firm):
    firm.name = "Wolfeschlegelsteinhausenbergerdorff, Featherstonehaugh & Cholmondeley-Warner LLP"
    firm.save()
    post(firm, "Estate of Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Sr.: sale of the mill", "999999999999.99")
    connection = connect(firm)
    refuse(connection, 1)
    send(connection)
    return INDEX


@scene()
def disconnect_asks_first(firm):
    connection = connect(firm)
    send(connection, 44)
    return f"{INDEX}{connection.pk}/disconnect/"


@scene()
def sync_mode_live(firm):
    settled(firm)
    return f"{INDEX}?tab=sync-mode"


@scene()
def sync_mode_batched(firm):
    send(connect(firm), 40)
    switch(firm, "batched")
    return f"{INDEX}?tab=sync-mode"


@scene(act=lambda page: page.click("input.target >> nth=2"))
def mapping(firm):
    connection = connect(firm, unmapped=5)
    connection.mappings.filter(account__number="4000").update(
        target=connection.chart.create(
            remote_id="99",
            number="4999",
            name="Old Income",
            kind="Income",
            classification="revenue",
            refusal="inactive",
        )
    )
    return f"{INDEX}{connection.pk}/mapping/"


@scene()
def mapping_to_xero_without_clearing_accounts(firm):
    connection = connect(firm, "xero", unmapped=11)
    connection.chart.filter(remote_id__in=["x35", "x36"]).delete()
    return f"{INDEX}{connection.pk}/mapping/"


def _save_nonsense(page) -> None:
    page.fill("input.target >> nth=0", "nobody")
    page.keyboard.press("Escape")
    page.fill("input.target >> nth=0", "nobody")
    page.click("#quickbooks-save")
    page.wait_for_selector(".error-summary")


@scene(act=_save_nonsense)
def mapping_refused(firm):
    return f"{INDEX}{connect(firm, unmapped=11).pk}/mapping/"


def _upload(page) -> None:
    lines = "Athenty number,Target id\n5300,45\n9999,35\n"
    page.set_input_files("#quickbooks-file", {"name": "mapping.csv", "mimeType": "text/csv", "buffer": lines.encode()})
    page.click("text=Upload and preview")
    page.wait_for_selector("h2:has-text('Refused')")


@scene(act=_upload)
def mapping_upload(firm):
    return f"{INDEX}{connect(firm, unmapped=2).pk}/mapping/"
