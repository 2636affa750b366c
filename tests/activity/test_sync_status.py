"""What the ledger's pages show of an entry's way to each accounting system."""

from datetime import date

from django.template import Context, Template

from integrations.templatetags.sync_status import sync_statuses
from tests.pages.firms import make_connection, mark_sent, park, post

PAGE = Template(
    "{% load sync_status %}{% sync_statuses entries as statuses %}"
    "{% for entry in entries %}{% sync_status statuses entry %}{% endfor %}"
)


def words(entries) -> list[list[str]]:
    found = sync_statuses(entries)
    return [[f"{each.provider}: {each.words}" for each in found.get(entry.pk, [])] for entry in entries]


def test_each_entry_has_a_status_for_each_system(firm):
    entries = post(firm, 3)
    quickbooks, xero = make_connection(firm), make_connection(firm, "xero")
    mark_sent(quickbooks, 1)
    park(xero, 2)
    assert words(entries) == [
        ["QuickBooks: Sent", "Xero: Needs attention"],
        ["QuickBooks: Waiting", "Xero: Needs attention"],
        ["QuickBooks: Waiting", "Xero: Waiting"],
    ]


def test_an_entry_from_before_the_start_is_said_not_to_be_sent(firm):
    [early], [late] = post(firm, on=date(2025, 9, 30)), post(firm)
    make_connection(firm)
    assert words([early, late]) == [["QuickBooks: Not sent: dated before the mirror's start"], ["QuickBooks: Waiting"]]


def test_a_page_of_only_early_entries_says_so_too(firm):
    [early] = post(firm, on=date(2025, 9, 30))
    make_connection(firm)
    assert words([early]) == [["QuickBooks: Not sent: dated before the mirror's start"]]


def test_a_firm_without_a_mirror_shows_nothing(firm):
    assert words(post(firm, 2)) == [[], []]
    make_connection(firm, started=False)
    assert words(list(firm.journal_entries.all())) == [[], []]


def test_another_firms_mirror_and_one_that_was_left_show_nothing(firm, other_firms_connection):
    make_connection(firm, is_current=False, status="disconnected", status_reason="person")
    make_connection(firm, "xero")
    assert words(post(firm)) == [["Xero: Waiting"]]


def test_a_page_of_entries_takes_one_query(firm, django_assert_num_queries):
    entries = post(firm, 20)
    park(make_connection(firm), 2)
    make_connection(firm, "xero")
    with django_assert_num_queries(1):
        page = PAGE.render(Context({"entries": entries}))
    assert page.count("Needs attention") == 2
    assert page.count(">Waiting</a>") == 18 + 20
