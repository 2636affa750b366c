"""How Settings ▸ Integrations behaves in a browser: keys, focus, what HTMX swaps, double clicks, and without script."""

import re

import pytest
from playwright.sync_api import expect

from audit.models import AuditEvent
from integrations.models import SyncSettings
from tests.pages.firms import make_connection, park, post, target

pytestmark = pytest.mark.django_db(transaction=True)


def test_arrow_keys_move_between_tabs_and_enter_opens_one(open_page):
    page = open_page()
    page.focus("#tab-connections")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-sync-mode"
    assert page.url.endswith("/settings/integrations/")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:has-text('Sync Mode')")
    expect(page).to_have_url(re.compile(r"\?tab=sync-mode$"))
    expect(page).to_have_title("Sync Mode – Integrations – Athenty")
    expect(page.locator("#tab-sync-mode")).to_be_focused()
    page.go_back()
    page.wait_for_selector("h2:has-text('Connections')")
    page.go_forward()
    page.reload()
    expect(page.locator("h2")).to_have_text("Sync Mode")


def test_choosing_does_not_save(open_page, firm):
    connection = make_connection(firm, mapped=False)
    page = open_page()
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.fill("#quickbooks .target >> nth=0", str(target(connection, "42")))
    assert page.locator("#quickbooks .unsaved").inner_text() == "1 unsaved change"
    page.fill("#quickbooks .target >> nth=0", "")
    assert page.locator("#quickbooks .unsaved").inner_text() == ""
    assert posts == []


def test_saving_swaps_the_card_and_speaks_from_the_same_status_line(open_page, firm):
    connection = make_connection(firm, mapped=False)
    page = open_page()
    page.evaluate("window.line = document.getElementById('status')")
    page.fill("#quickbooks .target >> nth=0", str(target(connection, "42")))
    page.click("#quickbooks-save")
    page.wait_for_selector("#status:has-text('Mapping saved.')", state="attached")
    assert page.evaluate("window.line === document.getElementById('status')")
    expect(page.locator("#quickbooks-save")).to_be_focused()
    assert connection.mappings.exclude(target=None).get().target.remote_id == "42"


def test_a_refused_mapping_moves_the_focus_to_what_is_wrong(open_page, firm):
    connection = make_connection(firm, mapped=False)
    page = open_page()
    field = f"#quickbooks-{firm.accounts.get(number='2100').pk}"
    page.fill(field, str(target(connection, "12")))
    page.click("#quickbooks-save")
    page.wait_for_selector(".error-summary")
    expect(page.locator(".error-summary")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
    assert page.input_value(field) == str(target(connection, "12"))
    page.click(".error-summary a")
    expect(page.locator(field)).to_be_focused()


def test_a_double_click_on_connect_is_one_attempt(open_page, firm):
    page = open_page()
    requests = []
    # The provider is not there in this test; what counts is what the browser asks of us.
    page.route("**/quickbooks/connect/", lambda route: requests.append(route.request.url))
    label = page.evaluate(
        """() => {
            const button = document.querySelector("form[action$='quickbooks/connect/'] button");
            button.click();
            button.click();
            return button.textContent;
        }"""
    )
    page.wait_for_timeout(300)
    assert len(requests) == 1
    assert label == "Opening QuickBooks…"


def test_facts_are_asked_for_until_all_is_sent(open_page, firm):
    post(firm, 3)
    connection = make_connection(firm)
    page = open_page(at="2026-03-12T14:05:00")
    connection.queue.update(state="sent")
    page.clock.run_for(5000)
    page.wait_for_selector("#quickbooks-facts:not([hx-get])")
    assert page.locator("#status").inner_text() == "QuickBooks: everything is sent."


def test_the_mode_is_saved_without_script(open_page, firm):
    page = open_page("/settings/integrations/?tab=sync-mode", java_script_enabled=False)
    page.check("#mode-off")
    page.click("text=Save sync mode")
    assert page.locator(".notice-success").inner_text().strip().startswith("Sync is off.")
    assert SyncSettings.objects.get(organization=firm).mode == "off"


def test_the_mapping_is_saved_without_script(open_page, firm):
    connection = make_connection(firm, mapped=False)
    page = open_page(java_script_enabled=False)
    page.fill("#quickbooks .target >> nth=0", str(target(connection, "42")))
    page.click("#quickbooks-save")
    expect(page).to_have_url(re.compile(r"\?tab=connections#quickbooks$"))
    assert "Mapping saved." in page.locator(".notice-success").inner_text()


def test_choosing_a_mode_does_not_save_it_and_says_so(open_page, firm):
    page = open_page("/settings/integrations/?tab=sync-mode")
    posted = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.check("#mode-off")
    page.wait_for_timeout(300)
    assert posted == []
    assert page.locator(".unsaved").inner_text() == "1 unsaved change"
    assert not SyncSettings.objects.filter(organization=firm, mode="off").exists()


def test_a_double_click_on_retry_tries_once(open_page, firm):
    post(firm, 1)
    connection = make_connection(firm)
    [row] = park(connection)
    page = open_page(f"/settings/integrations/activity/{row.pk}/")
    page.dblclick("button:text-is('Retry')")
    page.wait_for_selector(".notice-success")
    assert AuditEvent.objects.filter(action="integration.entry_retried").count() == 1
    assert list(connection.queue.values_list("state", flat=True)) == ["waiting"]
