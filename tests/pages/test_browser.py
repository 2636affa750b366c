"""What only a browser can tell: keys, focus, what HTMX swaps, contrast, reflow. Skipped where there is no Chromium."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from integrations.models import SyncSettings
from integrations.providers.base import Cause
from tests.pages.firms import make_connection, make_firm, make_person, park, post, target

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed.")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("There is no Chromium: install it, or name it in CHROMIUM.", allow_module_level=True)

pytestmark = pytest.mark.django_db(transaction=True)
WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    # Playwright's loop runs in this thread, which Django takes for an async one and then refuses its database.
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as started:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def firm(transactional_db):
    return make_firm()


@pytest.fixture
def open_page(chromium, live_server, firm):
    """Opens a page as the firm's owner, and fails the test when the browser's console has something to say."""
    signed_in = Client()
    signed_in.force_login(make_person(firm, "owner"))
    session = signed_in.cookies[settings.SESSION_COOKIE_NAME].value
    contexts, complaints = [], []

    def opened(path: str = "/settings/integrations/", *, width: int = 1280, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    # A 422 is logged as an error by the browser, and is the answer wanted of a refused form.
    assert [text for text in complaints if "422" not in text] == []


def everything(firm) -> None:
    """Both cards full: a warning, refused entries, a mapping table; and one that is an error."""
    post(firm, 6)
    connection = make_connection(firm, mapped=False)
    park(connection, 2, Cause.ACCOUNT)
    park(connection, 1, Cause.PERIOD)
    make_connection(firm, "xero", status="error", status_reason="company_gone")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/settings/integrations/", "/settings/integrations/?tab=sync-mode"])
@pytest.mark.parametrize("state", ["empty", "full", "start"])
def test_no_accessibility_violations(open_page, firm, state, path, theme):
    if state == "full":
        everything(firm)
    elif state == "start":
        make_connection(firm, started=False, mapped=False)
    page = open_page(path, color_scheme=theme)
    results = axe.Axe().run(page, options=WCAG)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize(
    "path",
    [
        "/settings/integrations/",
        "/settings/integrations/?tab=sync-mode",
        "/settings/trust-accounting/",
        "/settings/audit-log/",
    ],
)
def test_nothing_is_cut_off_on_a_narrow_screen(open_page, firm, path):
    everything(firm)
    page = open_page(path, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_controls_are_large_enough_to_hit(open_page, firm):
    everything(firm)
    page = open_page()
    sizes = page.evaluate(
        """() => [
            ...document.querySelectorAll("button:not([tabindex='-1']), select, input:not([type=hidden]), summary"),
        ].map((control) => {
            const box = control.getBoundingClientRect();
            return [control.textContent.trim().slice(0, 20), Math.min(box.width, box.height)];
        }).filter(([, size]) => size > 0)"""
    )
    assert sizes
    assert [name for name, size in sizes if size < 24] == []


def test_arrow_keys_move_between_tabs_and_enter_opens_one(open_page):
    page = open_page()
    page.focus("#tab-connections")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-sync-mode"
    assert page.url.endswith("/settings/integrations/")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:has-text('Sync Mode')")
    assert page.url.endswith("?tab=sync-mode")
    assert page.title() == "Sync Mode – Integrations – Athenty"
    assert page.evaluate("document.activeElement.id") == "tab-sync-mode"
    page.go_back()
    page.wait_for_selector("h2:has-text('Connections')")
    page.go_forward()
    page.reload()
    assert page.locator("h2").inner_text() == "Sync Mode"


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
    assert page.evaluate("document.activeElement.id") == "quickbooks-save"
    assert connection.mappings.exclude(target=None).get().target.remote_id == "42"


def test_a_refused_mapping_moves_the_focus_to_what_is_wrong(open_page, firm):
    connection = make_connection(firm, mapped=False)
    page = open_page()
    field = f"#quickbooks-{firm.accounts.get(number='2100').pk}"
    page.fill(field, str(target(connection, "12")))
    page.click("#quickbooks-save")
    page.wait_for_selector(".error-summary")
    assert page.evaluate("document.activeElement.className") == "error-summary"
    assert page.title().startswith("Error: ")
    assert page.input_value(field) == str(target(connection, "12"))
    page.click(".error-summary a")
    assert page.evaluate("'#' + document.activeElement.id") == field


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
    page = open_page()
    connection.queue.update(state="sent")
    page.wait_for_selector("#quickbooks-facts:not([hx-get])", timeout=8000)
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
    assert page.url.endswith("?tab=connections#quickbooks")
    assert "Mapping saved." in page.locator(".notice-success").inner_text()


def test_printed_pages_leave_out_what_can_only_be_pressed(open_page, firm):
    everything(firm)
    page = open_page()
    page.emulate_media(media="print")
    for selector in (".settings-nav", ".tabs", "#quickbooks-save"):
        assert not page.locator(selector).is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('thead')).display") == "table-header-group"
