"""The mapping table: what it offers, what it saves, and what it keeps when it is refused."""

import re
from datetime import UTC, datetime
from html import escape, unescape

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from integrations.models import AccountMapping
from integrations.providers.base import Cause
from tests.pages.firms import account, make_connection, park, post, target

INDEX = "/settings/integrations/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def connection(firm):
    post(firm, 41)
    return make_connection(firm, mapped=False)


def choices(connection, **chosen: str) -> dict[str, str]:
    """Form fields from our account numbers, such as `n1000="42"`, to the labels of the provider's accounts."""
    return {
        f"account-{account(connection.organization, number[1:]).pk}": str(target(connection, remote_id))
        for number, remote_id in chosen.items()
    }


def loaded(page: str, provider_name: str = "quickbooks") -> str:
    """What the table of that page says it showed."""
    section = page.partition(f'<div id="{provider_name}-mapping"')[2]
    return re.search(r'name="loaded" value="([^"]*)"', section)[1]


def shown_text(page: str, number: str) -> str:
    """What stands in the box of one of our accounts."""
    return unescape(re.search(r'<input [^>]*\bvalue="([^"]*)"', row(page, number))[1])


def save(browser, connection, fields, **extra):
    return browser.post(reverse("integrations:mapping", args=[connection.pk]), fields, **extra)


def chosen(connection, number: str) -> str | None:
    found = connection.mappings.filter(account__number=number).select_related("target").first()
    return found.target.remote_id if found and found.target else None


def row(page: str, number: str) -> str:
    found = re.search(rf"<tr[^>]*>\s*<th scope=\"row\">\s*{number} .*?</tr>", page, re.DOTALL)
    return re.sub(r"\s+", " ", found[0])


def test_each_account_says_why_it_is_required(owner, connection):
    page = owner.get(INDEX).content.decode()
    assert "Asset, trust · used by 41 entries" in row(page, "1100")
    assert '<td data-label="Mapping is">Required</td>' in row(page, "1100")
    assert '<td data-label="Mapping is">Optional</td>' in row(page, "6000")
    assert "Unmapped" in row(page, "1100")
    assert "Not used yet" in row(page, "6000")


def test_each_box_is_labelled_with_our_account(owner, connection):
    page = owner.get(INDEX).content.decode()
    labels = re.findall(r'<label class="visually-hidden" for="quickbooks-\d+">(.*?)</label>', page)
    assert "QuickBooks account for 1100 Trust Bank" in labels
    assert len(labels) == len(set(labels)) == 5


def test_targets_that_refuse_journals_stay_in_view_with_the_reason(owner, firm):
    connection = make_connection(firm, "xero")
    page = owner.get(INDEX).content.decode()
    reason, bank = escape(connection.provider.refusals["bank"]), target(connection, "b1")
    assert f'<option value="{bank}" label="{reason}" disabled>' in page
    assert f"<dt>{reason}</dt>" in page


def test_a_complete_mapping_is_saved_at_once_and_lets_the_entries_go(owner, connection):
    fields = choices(connection, n1000="42", n1100="47", n2100="81", n4000="12")
    response = save(owner, connection, fields, follow=True)
    assert response.redirect_chain == [(f"{INDEX}?tab=connections#quickbooks", 302)]
    page = response.content.decode()
    assert "Mapping saved. 41 waiting entries will now be sent." in page
    assert "4 of 4 required accounts mapped" in page
    assert chosen(connection, "2100") == "81"
    assert AuditEvent.objects.filter(action="integration.mapping_updated").count() == 1


def test_with_htmx_only_the_card_comes_back_and_the_status_line_speaks(owner, connection):
    fields = choices(connection, n1000="42", n1100="47", n2100="81", n4000="12")
    response = save(owner, connection, fields, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 200
    assert page.strip().startswith('<section id="quickbooks" class="card"')
    assert '<div id="status" hx-swap-oob="innerHTML">Mapping saved. 41 waiting entries will now be sent.</div>' in page
    assert page.count('id="status"') == 1
    assert chosen(connection, "1000") == "42"


def test_a_partial_mapping_is_saved_and_says_what_is_missing(owner, connection):
    page = save(owner, connection, choices(connection, n1000="42"), follow=True).content.decode()
    assert "Mapping saved. 3 required accounts still lack a target, so nothing is sent yet." in page


def test_saving_twice_changes_nothing_the_second_time(owner, connection):
    fields = choices(connection, n1000="42")
    save(owner, connection, fields)
    assert "No changes to save." in save(owner, connection, fields, follow=True).content.decode()
    assert AuditEvent.objects.filter(action="integration.mapping_updated").count() == 1


def test_an_account_can_be_unmapped(owner, connection):
    save(owner, connection, choices(connection, n6000="61"))
    save(owner, connection, {f"account-{account(connection.organization, '6000').pk}": ""})
    assert chosen(connection, "6000") is None


def test_accounts_left_out_of_the_form_keep_their_target(owner, connection):
    save(owner, connection, choices(connection, n1000="42", n1100="47"))
    save(owner, connection, choices(connection, n1000="61"))
    assert (chosen(connection, "1000"), chosen(connection, "1100")) == ("61", "47")


def test_entries_refused_for_their_account_go_again_once_it_is_mapped_anew(owner, connection):
    save(owner, connection, choices(connection, n1000="42", n1100="47", n2100="81", n4000="12"))
    park(connection, 2, Cause.ACCOUNT)
    connection.chart.create(remote_id="48", name="Second Trust", kind="Bank", classification="asset")
    page = save(owner, connection, choices(connection, n1100="48"), follow=True).content.decode()
    assert "2 entries that needed attention will be tried again." in page
    assert not connection.queue.needing_attention().exists()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_refused_choice_saves_nothing_and_keeps_every_choice(owner, connection, headers):
    # Client money mapped to income, beside a choice that is fine.
    fields = choices(connection, n1000="42", n2100="12")
    response = save(owner, connection, fields, headers=headers)
    page = response.content.decode()
    assert response.status_code == 422
    assert "<title>Error: Connections – Integrations – Athenty</title>" in page
    assert not AccountMapping.objects.exclude(target=None).exists()
    client_trust = account(connection.organization, "2100").pk
    assert f'<a href="#quickbooks-{client_trust}">2100 Client Trust: Client money owed is never income.' in page
    assert f'aria-describedby="quickbooks-{client_trust}-error"' in row(page, "2100")
    assert shown_text(page, "2100") == "4000 · Sales"
    assert shown_text(page, "1000") == "1000 · Operating Cash"
    assert ("<html" in page) is not bool(headers)


def test_a_target_that_refuses_journals_can_not_be_posted_past_the_page(owner, connection):
    response = save(owner, connection, choices(connection, n1000="84"))
    assert response.status_code == 422
    assert connection.provider.refusals["needs_name"] in unescape(response.content.decode())
    assert chosen(connection, "1000") is None


def test_another_firms_target_or_account_is_refused(owner, connection, other_firms_connection):
    ours, theirs = account(connection.organization, "1000"), account(other_firms_connection.organization, "1000")
    other_firms_connection.chart.filter(remote_id="42").update(name="Theirs alone", number="7777")
    foreign_target = {f"account-{ours.pk}": "7777 · Theirs alone"}
    foreign_account = {f"account-{theirs.pk}": str(target(connection, "42"))}
    for fields in (foreign_target, foreign_account):
        assert save(owner, connection, fields).status_code == 422
    assert chosen(connection, "1000") is None
    assert chosen(other_firms_connection, "1000") == "42"


def test_the_other_providers_target_is_refused(owner, firm, connection):
    xero = make_connection(firm, "xero", mapped=False)
    field = f"account-{account(firm, '1000').pk}"
    assert save(owner, connection, {field: str(target(xero, "c1"))}).status_code == 422


HOSTILE = ["42 or 1=1", "-1", "9" * 40_000, "1.5", "\0", "٣x", "=HYPERLINK(1)", "<script>", "·"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_choice_that_is_no_choice_is_refused(owner, connection, value):
    response = save(owner, connection, {f"account-{account(connection.organization, '1000').pk}": value})
    assert response.status_code == 422
    page = response.content.decode()
    assert "QuickBooks has no account “" in page
    assert "<script>" not in page.partition("<main")[2]
    assert not AccountMapping.objects.exclude(target=None).exists()


@pytest.mark.parametrize("name", ["account-", "account-abc", "account-" + "9" * 40, "accounts-1", "target"])
def test_fields_the_page_does_not_have_are_passed_over(owner, connection, name):
    assert "No changes to save." in save(owner, connection, {name: "1"}, follow=True).content.decode()


def test_a_target_that_left_their_chart_is_flagged_and_kept_in_view(owner, firm):
    connection = make_connection(firm)
    since = datetime(2026, 3, 3, 15, 5, tzinfo=UTC)
    connection.chart.filter(remote_id="42").update(is_listed=False, unusable_since=since)
    page = owner.get(INDEX).content.decode()
    assert "No longer in the chart" in row(page, "1000")
    assert "QuickBooks no longer lists it. Choose another account. Since <time" in row(page, "1000")
    assert "3 Mar 2026, 10:05 am EST</time>." in row(page, "1000")
    assert shown_text(page, "1000") == "1000 · Operating Cash"
    assert "1 account has a target that takes no journals any more." in page
    assert '<option value="1000 · Operating Cash"' not in page


def test_another_class_of_account_is_allowed_with_a_warning(owner, connection):
    save(owner, connection, choices(connection, n6000="42"))
    assert "Different account type: expense → asset. Check with your accountant." in row(
        owner.get(INDEX).content.decode(), "6000"
    )


def test_names_from_the_provider_are_not_markup(owner, connection):
    connection.chart.filter(remote_id="42").update(name='<script>"x"</script>', kind='Bank" onfocus="x')
    page = owner.get(INDEX).content.decode()
    assert "<script>&quot;x" not in page
    assert "&lt;script&gt;&quot;x&quot;&lt;/script&gt;" in page
    assert 'label="Bank&quot; onfocus=&quot;x"' in page


def test_a_disconnected_connection_takes_no_mapping(owner, firm):
    connection = make_connection(firm, mapped=False, status="disconnected")
    page = save(owner, connection, choices(connection, n1000="42"), follow=True).content.decode()
    assert "Connect first" in page
    assert chosen(connection, "1000") is None


def test_the_chart_is_read_again_on_request(owner, connection):
    before = connection.chart_due_at
    page = owner.post(reverse("integrations:refresh_chart", args=[connection.pk]), follow=True).content.decode()
    assert "Reading the QuickBooks chart of accounts again." in page
    connection.refresh_from_db()
    assert connection.chart_due_at < before


def test_a_disconnected_connections_chart_is_not_read(owner, firm):
    connection = make_connection(firm, status="disconnected")
    page = owner.post(reverse("integrations:refresh_chart", args=[connection.pk]), follow=True).content.decode()
    assert "Connect QuickBooks first" in page
