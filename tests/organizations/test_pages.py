"""Fifty to a page, or the whole list on one, to print; and what its rows write."""

from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict
from django.urls import reverse

from athenty.organizations.models import Organization
from athenty.organizations.moments import clock, short_date, short_time
from athenty.organizations.pages import MOST_ON_ONE_PAGE, numbered_url, page_asked_for, without_page


def shown(number: int, query: str) -> tuple[int, int]:
    page = page_asked_for(list(range(number)), QueryDict(query))
    return page.number, len(page)


@pytest.mark.parametrize(
    ("number", "query", "page"),
    [
        (120, "", (1, 50)),
        (120, "page=3", (3, 20)),
        (120, "page=99", (3, 20)),
        (120, "page=nonsense", (1, 50)),
        (120, "rows=all", (1, 120)),
        (MOST_ON_ONE_PAGE, "rows=all", (1, MOST_ON_ONE_PAGE)),
        (MOST_ON_ONE_PAGE + 1, "rows=all", (1, 50)),
        (0, "page=2", (1, 0)),
    ],
)
def test_a_page_is_the_one_asked_for_or_the_nearest(number, query, page):
    assert shown(number, query) == page


def test_links_to_other_pages_keep_the_filter():
    assert without_page(QueryDict("page=3&find=a%26b&rows=all")) == "find=a%26b"


@pytest.mark.parametrize("name", ["ledger:entry", "ledger:reverse", "integrations:activity_entry"])
@pytest.mark.parametrize("number", [0, 7, 1000])
def test_a_row_leads_where_its_address_does(name, number):
    assert numbered_url(name, number) == reverse(name, args=[number])


def test_dates_and_times_are_written_as_people_write_them():
    assert short_date(date(2026, 3, 2)) == "2 Mar 2026"
    assert short_time(datetime(2026, 3, 2, 0, 5, tzinfo=UTC)) == "12:05 am"
    assert short_time(datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC), seconds=True) == "2:05:09 pm"
    firm = Organization(time_zone="America/New_York")
    assert clock(datetime(2026, 7, 2, 0, 5, tzinfo=UTC), firm) == "8:05 pm EDT"
