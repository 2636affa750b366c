"""Fifty to a page, or the whole list on one, to print."""

import pytest
from django.http import QueryDict

from athenty.organizations.pages import MOST_ON_ONE_PAGE, page_asked_for, without_page


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
