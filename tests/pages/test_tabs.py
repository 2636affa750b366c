"""The two tabs and what the Sync Mode tab saves."""

from datetime import timedelta

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from integrations.models import SyncSettings
from tests.pages.firms import make_connection, post

INDEX = "/settings/integrations/"
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("", "Connections"),
        ("?tab=connections", "Connections"),
        ("?tab=sync-mode", "Sync Mode"),
        ("?tab=zzz", "Connections"),
    ],
)
def test_each_tab_has_an_address_and_an_unknown_one_is_the_first(owner, query, heading):
    response = owner.get(INDEX + query)
    page = response.content.decode()
    assert response.status_code == 200
    assert f"<title>{heading} – Integrations – Athenty</title>" in page
    assert f"<h2>{heading}</h2>" in page
    assert page.count('aria-selected="true"') == 1
    assert page.count("<h1>") == 1


def test_htmx_gets_only_the_tabs_and_a_title(owner):
    page = owner.get(INDEX, {"tab": "sync-mode"}, headers=HTMX).content.decode()
    assert page.strip().startswith("<title>Sync Mode – Integrations – Athenty</title>")
    assert "<html" not in page
    assert '<div id="tabs">' in page


def test_the_answer_says_that_it_differs_for_htmx(owner):
    assert "HX-Request" in owner.get(INDEX).headers["Vary"]


def test_the_modes_stand_in_a_fixed_order_with_live_chosen(owner):
    page = owner.get(INDEX, {"tab": "sync-mode"}).content.decode()
    assert page.index('value="live"') < page.index('value="batched"') < page.index('value="off"')
    assert page.count("checked") == 1
    assert "Current: Live" in page
    assert "(the default)" in page
    assert "Takes effect when you connect an accounting system." in page


def save(browser, mode):
    return browser.post(reverse("integrations:sync_mode"), {"mode": mode}, follow=True).content.decode()


def test_switching_off_says_how_much_waits_and_touches_no_connection(owner, firm):
    post(firm, 12)
    connection = make_connection(firm)
    page = save(owner, "off")
    assert "Sync is off. 12 entries are waiting." in page
    assert "set by Owner Person" in page
    connection.refresh_from_db()
    assert connection.status == "connected"
    assert connection.queue.waiting().count() == 12


def test_switching_on_again_says_what_is_sent_now(owner, firm):
    post(firm, 12)
    make_connection(firm)
    save(owner, "off")
    assert "Sync is Live. Sending 12 waiting entries." in save(owner, "live")


def test_batched_shows_when_the_next_batch_goes(owner, firm):
    assert "next batch at" in save(owner, "batched")
    assert "<dt>Next batch</dt>" in owner.get(INDEX, {"tab": "sync-mode"}).content.decode()


def test_saving_the_same_mode_changes_nothing(owner):
    save(owner, "off")
    assert "No change: Sync Mode is Off." in save(owner, "off")
    assert AuditEvent.objects.filter(action="integration.sync_mode_updated").count() == 1


@pytest.mark.parametrize("posted", [{}, {"mode": ""}, {"mode": "sometimes"}])
def test_an_unknown_mode_is_refused_in_words_and_not_saved(owner, posted):
    response = owner.post(reverse("integrations:sync_mode"), posted)
    page = response.content.decode()
    assert response.status_code == 422
    assert "<title>Error: Sync Mode – Integrations – Athenty</title>" in page
    assert "Choose Live, Batched or Off." in page
    assert not SyncSettings.objects.exists()


def test_intervals_are_those_of_the_settings(owner, settings):
    settings.MIRROR_BATCH_INTERVAL = timedelta(minutes=90)
    assert "every 90 minutes" in owner.get(INDEX, {"tab": "sync-mode"}).content.decode()
