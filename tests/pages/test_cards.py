"""What a card says in each state: one pill of three words, one notice line, one button."""

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from integrations.mirror import schedule
from integrations.models import Attempt, ConnectAttempt, Connection, Delivery, SealedGrant
from tests.pages.firms import account, make_connection, mark_sent, park, post

INDEX = "/settings/integrations/"
HTMX = {"HX-Request": "true"}


def card(browser, provider_name="quickbooks", **query) -> str:
    """One card's markup, with its white space drawn together."""
    page = browser.get(INDEX, query).content.decode()
    found = re.search(rf'<section id="{provider_name}".*?(?=<section id="xero"|<p class="related)', page, re.DOTALL)
    return re.sub(r"\s+", " ", found[0])


def pill(markup: str) -> str:
    return re.search(r'class="pill [^"]+"><span aria-hidden="true">.</span>(\w+)<', markup)[1]


def notice(markup: str) -> str:
    notices = re.findall(r'<div class="notice notice-\w+"> <p> (.*?) ?</p>', markup)
    assert len(notices) <= 1
    return re.sub(r"<[^>]+>", "", notices[0]).strip() if notices else ""


def test_both_providers_stand_in_a_fixed_order(owner):
    page = owner.get(INDEX).content.decode()
    assert page.index("QuickBooks Online</h3>") < page.index("Xero</h3>")


def test_never_connected(owner):
    markup = card(owner)
    assert pill(markup) == "Disconnected"
    assert notice(markup).startswith("Connect to start mirroring posted entries.")
    assert "Connect to QuickBooks" in markup
    assert "Disconnect QuickBooks" not in markup


def test_left_for_the_provider_and_not_back(owner, firm):
    attempt = begun(firm)
    explained = (
        "If QuickBooks showed an error page instead of a sign-in, it would not accept our return address. This is ours "
        "to fix: contact support with reference AT-7K2M4P."
    )
    assert f"Finish signing in at QuickBooks. {explained}" in notice(card(owner))
    attempt.started_at = timezone.now() - timedelta(minutes=11)
    attempt.save()
    assert f"The sign-in at QuickBooks was not finished. {explained}" in notice(card(owner))
    attempt.started_at = timezone.now() - timedelta(minutes=61)
    attempt.save()
    assert "AT-7K2M4P" not in card(owner)


def test_a_later_attempt_that_ended_takes_the_notice_away(owner, firm):
    begun(firm)
    later = begun(firm, reference="AT-222222", state_hash="later")
    later.outcome, later.started_at = "denied", timezone.now() + timedelta(seconds=1)
    later.save()
    assert "reference AT-" not in card(owner)


def begun(firm, reference="AT-7K2M4P", state_hash="state") -> ConnectAttempt:
    return ConnectAttempt.objects.create(
        organization=firm,
        user=get_user_model().objects.first(),
        provider_name="quickbooks",
        reference=reference,
        state_hash=state_hash,
        session_hash="session",
        started_at=timezone.now(),
    )


def test_reading_the_chart(owner, firm):
    make_connection(firm, chart=False, started=False, mapped=False, chart_due_at=timezone.now())
    markup = card(owner)
    assert pill(markup) == "Connected"
    assert notice(markup) == "Reading the QuickBooks chart of accounts. This takes a few seconds."
    assert 'hx-trigger="every 5s"' in markup
    assert "Disconnect QuickBooks" in markup
    assert "Save mapping" not in markup


def test_a_chart_that_could_not_be_read_is_not_shown_as_empty(owner, firm):
    make_connection(firm, chart=False, started=False, mapped=False, chart_error="no", chart_due_at=timezone.now())
    assert notice(card(owner)).startswith("We could not read the QuickBooks chart of accounts.")


def test_no_start_date_yet_shows_the_figures_of_a_date(owner, firm):
    post(firm, 3, on=date(2025, 11, 3))
    post(firm, 2, on=date(2025, 11, 20))
    make_connection(firm, started=False, mapped=False)
    assert "choose the date to mirror from" in notice(card(owner))
    markup = card(owner, quickbooks_from="2025-11-10")
    assert '<strong>2 entries</strong> with <strong class="money">2,500.00 USD</strong>' in markup
    assert "oldest entry is dated 3 Nov 2025" in markup
    assert 'name="on" value="2025-11-10"' in markup


def test_today_in_the_firms_zone_is_the_first_start_date_offered(owner, firm):
    firm.time_zone = "Pacific/Kiritimati"
    firm.save()
    make_connection(firm, started=False)
    today = timezone.localdate(timezone=ZoneInfo("Pacific/Kiritimati"))
    assert f'name="quickbooks_from" value="{today.isoformat()}"' in card(owner)


@pytest.mark.parametrize("typed", ["", "yesterday", "2025-13-01", "10/01/2025"])
def test_a_start_date_that_is_none_is_refused_in_words(owner, firm, typed):
    make_connection(firm, started=False)
    markup = card(owner, quickbooks_from=typed)
    assert "Enter the first date to mirror, such as 2026-03-31." in markup
    assert "Start mirroring from" not in markup


def test_missing_targets_pause_the_sync(owner, firm):
    post(firm, 41)
    make_connection(firm, mapped=False)
    markup = card(owner)
    assert notice(markup) == "Sync is paused: 4 required accounts have no QuickBooks account. 41 entries are waiting."
    assert '<a class="notice-action" href="#quickbooks-mapping">Map 4 accounts</a>' in markup
    assert "0 of 4 required accounts mapped" in markup


def test_a_first_sync_shows_how_far_it_has_come(owner, firm):
    post(firm, 120)
    mark_sent(make_connection(firm), 44)
    markup = card(owner)
    assert notice(markup).startswith("Sending 44 of 120 entries…")
    assert '<progress value="44" max="120"' in markup
    assert 'hx-trigger="every 5s"' in markup


def test_all_is_well_says_nothing_and_asks_no_more(owner, firm):
    post(firm, 5)
    mark_sent(make_connection(firm), 5)
    markup = card(owner)
    assert notice(markup) == ""
    assert "hx-trigger" not in markup
    assert "<dd> 0 entries </dd>" in markup


def test_mode_off_is_not_a_fault(owner, people, firm):
    post(firm, 12)
    make_connection(firm)
    schedule.set_mode(firm, "off", actor=get_user_model().objects.first())
    markup = card(owner)
    assert pill(markup) == "Connected"
    assert (
        notice(markup)
        == "Paused: Sync Mode is Off. 12 posted entries are waiting and will be sent when you turn it on."
    )
    assert f'href="{INDEX}?tab=sync-mode">Change sync mode' in markup
    assert "hx-trigger" not in markup


def test_slowed_by_the_provider_suggests_batched(owner, firm):
    post(firm, 7)
    make_connection(firm, slowed_until=timezone.now() + timedelta(minutes=6))
    text = notice(card(owner))
    assert text.startswith("QuickBooks is limiting how fast we can send. Nothing is lost. 7 entries are waiting.")
    assert text.endswith("Switch to Batched to avoid this.")


def test_a_provider_that_is_down_is_tried_again(owner, firm):
    post(firm, 1)
    connection = make_connection(firm)
    failed_delivery(connection, "Unavailable")
    assert notice(card(owner)).startswith("QuickBooks is not responding. We retry automatically and nothing is lost;")


def test_a_fault_of_ours_is_called_ours(owner, firm):
    post(firm, 1)
    failed_delivery(make_connection(firm), "Misconfigured")
    assert "This is ours to fix." in notice(card(owner))


def failed_delivery(connection: Connection, outcome: str) -> None:
    delivery = Delivery.objects.create(connection=connection, idempotency_key=outcome, body=b"{}", attempts=1)
    Attempt.objects.create(delivery=delivery, outcome=outcome)


def test_refused_entries_are_counted_and_led_to(owner, firm):
    post(firm, 4)
    connection = make_connection(firm)
    park(connection, 3)
    mark_sent(connection, 1)
    markup = card(owner)
    assert pill(markup) == "Connected"
    assert notice(markup) == "3 entries need attention. The rest are up to date."
    review = "/settings/integrations/activity/?status=needs_attention&amp;provider=quickbooks"
    assert f'<a class="notice-action" href="{review}">Review 3 entries</a>' in markup


def test_unconfirmed_entries_are_counted_and_not_sent_again(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    connection.queue.update(state="unconfirmed")
    markup = card(owner)
    assert "2 entries were sent, and QuickBooks never told us the outcome." in notice(markup)
    assert "<dt>Unconfirmed</dt> <dd>2 entries</dd>" in markup
    assert "/activity/?status=unconfirmed&amp;provider=quickbooks" in markup


def test_access_that_the_provider_ended_keeps_company_and_last_sync_in_view(owner, firm):
    post(firm, 18)
    ended = {"status": "disconnected", "status_reason": "grant_lost"}
    make_connection(firm, last_sync_at=timezone.now(), **ended)
    markup = card(owner)
    assert pill(markup) == "Disconnected"
    assert "QuickBooks ended our access on" in notice(markup)
    assert "Reconnect to send 18 waiting entries. Your mapping and history are kept." in notice(markup)
    assert "Reconnect QuickBooks" in markup
    assert "Park &amp; Lowe LLP" in markup
    assert "<time datetime=" in markup


def test_a_company_that_is_gone_is_an_error_with_disconnect_as_the_way_out(owner, firm):
    make_connection(firm, "xero", status="error", status_reason="company_gone", last_sync_at=timezone.now())
    markup = card(owner, "xero")
    assert pill(markup) == "Error"
    assert notice(markup).startswith("Xero no longer lets us reach Park &amp; Lowe LLP.")
    assert "Disconnect Xero" in markup
    assert "Connect to Xero" not in markup


def test_a_moment_is_shown_relative_and_absolute_in_the_firms_zone(owner, firm):
    at = timezone.now() - timedelta(minutes=4)
    make_connection(firm, last_sync_at=at)
    there = at.astimezone(ZoneInfo("America/New_York"))
    hour = there.hour % 12 or 12
    shown = re.search(r"<time datetime=\"([^\"]+)\">(.*?)</time>", card(owner))
    assert shown[1] == at.isoformat()
    assert "4 minutes ago · " in shown[2]
    assert f"{there.day} {there:%b %Y}, {hour}:{there:%M} {there:%p}".lower() in shown[2].lower()
    assert shown[2].endswith(("EST", "EDT"))


def test_no_page_shows_a_token(owner, firm):
    connection = make_connection(firm)
    SealedGrant.objects.create(
        connection=connection,
        tokens=b"sealed-bytes",
        access_expires_at=timezone.now(),
        refresh_expires_at=timezone.now(),
        refreshed_at=timezone.now(),
    )
    assert "sealed-bytes" not in card(owner)


class TestAskingAgain:
    """What a page that asks every few seconds gets."""

    def ask(self, browser, connection, **shown):
        address = reverse("integrations:card", args=[connection.pk])
        stamp = f"{connection.chart_read_at.timestamp():.0f}"
        return browser.get(address, {"chart": stamp, **shown}, headers=HTMX).content.decode()

    def test_only_the_facts_come_while_nothing_else_changed(self, owner, firm):
        post(firm, 2)
        answer = self.ask(owner, make_connection(firm))
        assert answer.strip().startswith('<div id="quickbooks-facts"')
        assert 'hx-trigger="every 5s"' in answer
        assert 'quickbooks-mapping" class' not in answer
        assert "Save mapping" not in answer

    def test_the_last_answer_asks_no_more_and_says_so(self, owner, firm):
        answer = self.ask(owner, make_connection(firm))
        assert "hx-trigger" not in answer
        assert re.search(r'<div id="status" hx-swap-oob="innerHTML">QuickBooks: everything is sent.</div>', answer)

    def test_a_chart_that_has_arrived_brings_the_mapping_table(self, owner, firm):
        answer = self.ask(owner, make_connection(firm), chart="")
        assert '<div id="quickbooks-mapping" class="place" hx-swap-oob="outerHTML">' in answer
        assert "Save mapping" in answer

    def test_a_chart_that_was_read_again_brings_the_table_anew(self, owner, firm):
        connection = make_connection(firm)
        answer = self.ask(owner, connection, chart=f"{connection.chart_read_at.timestamp() - 60:.0f}")
        assert '<div id="quickbooks-mapping" class="place" hx-swap-oob="outerHTML">' in answer

    def test_newly_refused_entries_are_told_of(self, owner, firm):
        post(firm, 2)
        connection = make_connection(firm)
        park(connection, 1)
        assert "1 entry needs attention." in self.ask(owner, connection)

    def test_each_quarter_of_a_drain_is_announced_once(self, owner, firm):
        post(firm, 200)
        connection = make_connection(firm)
        mark_sent(connection, 120)
        answer = self.ask(owner, connection, quarter="1")
        assert "QuickBooks: 120 of 200 entries sent." in answer
        assert "&amp;quarter=2" in answer
        assert "entries sent." not in self.ask(owner, connection, quarter="2")

    def test_without_htmx_it_leads_to_the_card(self, owner, firm):
        response = owner.get(reverse("integrations:card", args=[make_connection(firm).pk]))
        assert response.status_code == 302
        assert response.headers["Location"] == f"{INDEX}?tab=connections#quickbooks"


def test_a_page_costs_the_same_few_queries_however_many_entries_there_are(owner, firm, django_assert_max_num_queries):
    post(firm, 10)
    connections = [make_connection(firm), make_connection(firm, "xero")]
    with django_assert_max_num_queries(14) as few:
        owner.get(INDEX)
    post(firm, 290)
    for connection in connections:
        mark_sent(connection, 100)
        park(connection, 50)
    with django_assert_max_num_queries(14) as many:
        owner.get(INDEX)
    assert len(many) == len(few)


def test_the_oldest_entry_that_waits_is_named(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    connection.queue.update(queued_at=timezone.now() - timedelta(hours=3))
    assert "The oldest: <time datetime=" in card(owner)
    mark_sent(connection, 2)
    assert "The oldest" not in card(owner)


def test_entries_sent_in_the_last_day_are_drawn_and_said(owner, firm):
    post(firm, 5)
    connection = make_connection(firm)
    assert "No entries sent" in card(owner)
    mark_sent(connection, 5)
    rows = list(connection.queue.order_by("pk").values_list("pk", flat=True))
    for pk, hours in zip(rows, (0, 0, 0, 5, 30), strict=True):
        at = timezone.now() - timedelta(hours=hours, minutes=1)
        connection.queue.filter(pk=pk).update(sent_at=at, changed_at=at)
    markup = card(owner)
    assert markup.count("<rect ") == 2
    assert 'aria-hidden="true" focusable="false"' in markup
    assert "4 entries sent; the most, 3, in the hour to " in markup


def test_scarce_calls_are_shown_where_they_matter(owner, firm):
    connection = make_connection(firm, "xero", day_began_at=timezone.now(), day_allowance=1000, calls_left_today=900)
    assert "Calls left today" not in card(owner, "xero")
    Connection.objects.filter(pk=connection.pk).update(calls_left_today=312)
    assert "<dt>Calls left today</dt> <dd>312 of 1,000 that Xero allows</dd>" in card(owner, "xero")


def test_a_later_drain_shows_its_own_progress(owner, firm):
    post(firm, 100)
    connection = make_connection(firm)
    long_ago = timezone.now() - timedelta(days=2)
    mark_sent(connection, 100)
    connection.queue.update(queued_at=long_ago, changed_at=long_ago)
    post(firm, 80)
    mark_sent(connection, 30)
    assert notice(card(owner)).startswith("Sending 30 of 80 entries…")


def test_the_card_leads_to_its_activity_and_its_tie_out(owner, firm):
    make_connection(firm, started=False)
    assert "View sync activity" not in card(owner)
    make_connection(firm, "xero")
    markup = card(owner, "xero")
    assert "/settings/integrations/activity/?provider=xero" in markup
    assert "/settings/integrations/tie-out/?provider=xero" in markup


def test_other_firms_accounts_and_entries_stay_out(owner, firm, other_firms_connection):
    other_firms_connection.organization.accounts.create(number="9999", name="Hidden Reserve", type="equity")
    other_firms_connection.chart.filter(remote_id="42").update(name="Hidden Cash")
    make_connection(firm)
    page = owner.get(INDEX).content.decode()
    assert "Hidden Reserve" not in page
    assert "Hidden Cash" not in page
    assert "Other Books" not in page
    assert f'name="account-{account(firm, "1100").pk}"' in page


def test_a_company_that_was_not_asked_yet_has_no_last_answer(owner, firm):
    make_connection(firm, chart=False, started=False, chart_due_at=timezone.now() + timedelta(minutes=5))
    page = owner.get(reverse("integrations:index")).content.decode()
    assert "None yet" in page.split("<dt>Last answer</dt>")[1].split("</dd>")[0]
