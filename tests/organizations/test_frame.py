"""What stands around the settings pages."""

import pytest
from django.test import Client

from athenty.organizations.models import Organization
from tests.pages.firms import make_connection, make_firm, make_person, park, post
from tests.signed_in import signed_in


@pytest.fixture
def firm(db) -> Organization:
    return make_firm()


@pytest.fixture
def page(firm) -> Client:
    return signed_in(make_person(firm, "owner"))


def navigation(page: Client, address: str = "/settings/audit-log/") -> str:
    shown = page.get(address).content.decode()
    return " ".join(shown.partition('<nav class="settings-nav"')[2].partition("</nav>")[0].split())


@pytest.mark.parametrize(("parked", "words"), [(1, "1 needs attention"), (3, "3 need attention")])
def test_the_navigation_says_how_many_entries_wait_for_a_person(firm, page, parked, words):
    post(firm, 4)
    park(make_connection(firm), parked)
    counted = f'<span class="nav-count">{words}</span>'
    assert counted in navigation(page)
    assert counted in navigation(page, "/settings/integrations/"), "the page that counts for itself says another number"


def test_the_navigation_counts_what_is_unconfirmed_and_no_other_firms_entries(firm, page):
    other = make_firm("Other Firm", slug="other")
    for each in (firm, other):
        post(each, 4)
        connection = make_connection(each, company_id=each.slug)
        park(connection, 2)
        connection.queue.filter(state="waiting").update(state="unconfirmed")
    assert "4 need attention" in navigation(page)


def test_the_navigation_says_nothing_while_all_is_well(firm, page):
    post(firm, 2)
    make_connection(firm)
    assert "nav-count" not in navigation(page)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/settings/integrations/", "Integrations"),
        ("/settings/trust-accounting/trial-balance/", "Trust Accounting"),
        ("/settings/audit-log/", "Audit Log"),
    ],
)
def test_the_navigation_marks_the_part_that_is_open(page, address, name):
    marked = navigation(page, address).split('aria-current="page"')
    assert len(marked) == 2
    assert name in marked[1].partition("</a>")[0]


def test_paper_carries_the_firm_and_the_moment(page):
    shown = " ".join(page.get("/settings/trust-accounting/").content.decode().split())
    assert '<p class="print-only">Park &amp; Lowe LLP · as of ' in shown
