"""The mapping table in a browser: choosing by keys, filtering in place, undo, and leaving with unsaved choices."""

import re

import pytest
from playwright.sync_api import expect

from tests.mapping import score
from tests.pages.firms import account, make_connection, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connection(firm):
    post(firm, 3)
    connection = make_connection(firm, mapped=False, started=True)
    connection.chart.filter(remote_id="47").update(name="Trust Bank (IOLTA)")
    return connection


@pytest.fixture
def table(open_page, connection):
    return open_page(f"/settings/integrations/{connection.pk}/mapping/")


def box(connection, number: str) -> str:
    return f"#{connection.provider_name}-{account(connection.organization, number).pk}"


def saved(connection) -> dict[str, str]:
    return dict(connection.mappings.exclude(target=None).values_list("account__number", "target__remote_id"))


def active(page) -> str:
    return page.evaluate(
        """() => {
            const id = document.activeElement.getAttribute("aria-activedescendant");
            return id ? document.getElementById(id).firstChild.textContent : "";
        }"""
    )


def test_an_account_is_chosen_by_typing_and_enter_and_saved_by_enter(table, connection):
    field = box(connection, "1000")
    table.focus(field)
    table.keyboard.type("oper")
    assert table.get_attribute(field, "aria-expanded") == "true"
    assert active(table) == "1000 · Operating Cash"
    table.keyboard.press("Enter")
    assert table.input_value(field) == "1000 · Operating Cash"
    assert table.get_attribute(field, "aria-expanded") == "false"
    assert table.locator(".unsaved").inner_text() == "1 unsaved change"
    assert saved(connection) == {}
    table.keyboard.press("Enter")
    table.wait_for_selector(".notice-success")
    assert saved(connection) == {"1000": "42"}


def test_tab_takes_what_typing_found_and_goes_on(table, connection):
    table.focus(box(connection, "1000"))
    table.keyboard.type("oper")
    table.keyboard.press("Tab")
    assert table.input_value(box(connection, "1000")) == "1000 · Operating Cash"
    assert table.evaluate("document.activeElement.id") != box(connection, "1000")[1:]


def test_arrows_pass_over_what_can_not_be_chosen_and_escape_leaves_all_as_it_was(table, connection):
    field = box(connection, "1000")
    table.focus(field)
    table.keyboard.press("ArrowDown")
    table.keyboard.press("ArrowDown")
    assert active(table) == "1000 · Operating Cash"
    table.keyboard.press("ArrowUp")
    assert active(table) == "6000 · Rent", "round the end, past the receivable account that can't be used"
    shut = table.locator("#picker [aria-disabled]")
    assert "Needs a customer or supplier on every line." in shut.inner_text()
    shut.click(force=True)
    assert table.input_value(field) == ""
    table.keyboard.press("Escape")
    assert table.get_attribute(field, "aria-expanded") == "false"
    table.keyboard.type("sal")
    table.keyboard.press("Escape")
    assert table.input_value(field) == ""


def test_the_list_is_grouped_by_type(table, connection):
    table.click(box(connection, "1000"))
    groups = table.evaluate("[...document.querySelectorAll('#picker [role=group]')].map((g) => g.ariaLabel)")
    assert groups == ["Bank", "Other Current Liability", "Income", "Expense", "Cannot be used"]


def test_accept_all_undo_and_the_trust_row_by_itself(table, connection):
    table.get_by_role("button", name="Accept").click()
    texts = {number: table.input_value(box(connection, number)) for number in ("4000", "6000", "1100")}
    assert texts == {"4000": "4000 · Sales", "6000": "6000 · Rent", "1100": ""}
    assert "1 trust account left for you to check." in table.locator("[data-filled]").inner_text()
    assert table.locator("#status").inner_text().startswith("3 suggestions filled in.")
    table.get_by_role("button", name="Undo").click()
    assert table.input_value(box(connection, "6000")) == ""
    assert table.locator(".unsaved").inner_text() == ""
    table.get_by_role("button", name="Use 1100 · Trust Bank (IOLTA) for 1100").click()
    assert table.input_value(box(connection, "1100")) == "1100 · Trust Bank (IOLTA)"
    assert saved(connection) == {}


def test_filters_work_in_place_keep_what_is_chosen_and_move_the_address(table, connection):
    table.fill(box(connection, "1000"), "1000 · Operating Cash")
    table.keyboard.press("Tab")
    table.focus("[data-show=unmapped]")
    table.keyboard.press("Enter")
    expect(table).to_have_url(re.compile(r"\?quickbooks=unmapped$"))
    assert table.locator("#status").inner_text() == "4 accounts shown."
    assert not table.locator(box(connection, "6000")).is_visible()
    assert table.evaluate("document.activeElement.dataset.show") == "unmapped"
    table.fill("#quickbooks-search", "trust")
    table.wait_for_url("**quickbooks_q=trust")
    assert table.locator("tbody tr:visible").count() == 2
    assert table.input_value(box(connection, "1000")) == "1000 · Operating Cash"


def test_leaving_with_unsaved_choices_warns_and_discard_does_not(table, connection):
    warned = []
    table.on("dialog", lambda dialog: (warned.append(dialog.type), dialog.accept()))
    table.fill(box(connection, "1000"), "1000 · Operating Cash")
    table.keyboard.press("Tab")
    table.click("text=Back to Integrations")
    table.wait_for_selector("[role=tablist]")
    assert warned == ["beforeunload"]
    table.go_back()
    table.fill(box(connection, "1000"), "1000 · Operating Cash")
    table.keyboard.press("Tab")
    table.click("text=Discard")
    expect(table.locator(".unsaved")).to_have_text("")
    assert warned == ["beforeunload"]


def test_a_refused_choice_leads_to_its_box(table, connection):
    table.fill(box(connection, "2100"), "nobody")
    table.keyboard.press("Escape")
    table.fill(box(connection, "2100"), "nobody")
    table.click("#quickbooks-save")
    table.wait_for_selector(".error-summary")
    expect(table.locator(".error-summary")).to_be_focused()
    table.click(".error-summary a")
    expect(table.locator(box(connection, "2100"))).to_be_focused()
    assert table.input_value(box(connection, "2100")) == "nobody"
    assert table.locator(".unsaved").inner_text() == "1 unsaved change"


def test_a_double_click_saves_once(table, connection):
    table.fill(box(connection, "1000"), "1000 · Operating Cash")
    table.keyboard.press("Tab")
    table.dblclick("#quickbooks-save")
    table.wait_for_selector(".notice-success")
    assert connection.organization.audit_events.filter(action="integration.mapping_updated").count() == 1


def test_a_chart_that_was_read_again_waits_for_whoever_is_at_work(open_page, connection):
    page = open_page("/settings/integrations/")
    page.fill(box(connection, "1000"), "1000 · Operating Cash")
    page.keyboard.press("Tab")
    swap = """() => {
        const fresh = `<div id="quickbooks-facts"></div>
            <div id="quickbooks-mapping" class="place" hx-swap-oob="outerHTML">read again</div>`;
        htmx.swap("#quickbooks-facts", fresh, { swapStyle: "outerHTML" });
    }"""
    page.evaluate(swap)
    page.wait_for_selector("#status:has-text('The chart was read again.')", state="attached")
    assert page.input_value(box(connection, "1000")) == "1000 · Operating Cash"
    page.fill(box(connection, "1000"), "")
    page.evaluate(swap)
    page.wait_for_selector("#quickbooks-mapping:has-text('read again')")


def test_five_hundred_accounts_open_their_list_at_once(open_page, connection):
    rows = [row for _ in range(8) for row in score.chart("quickbooks sample")]
    for position, row in enumerate(rows):
        row.pk, row.connection, row.remote_id = None, connection, f"y{position}"
    connection.chart.bulk_create(rows)
    page = open_page(f"/settings/integrations/{connection.pk}/mapping/")
    took = page.evaluate(
        """(field) => {
            const began = performance.now();
            document.querySelector(field).click();
            return performance.now() - began;
        }""",
        box(connection, "1000"),
    )
    assert page.locator("#picker [role=option]").count() > 450
    assert took < 500
