"""Long lists, fifty to a page; or all on one, which is how a list gets onto paper whole."""

from functools import cache
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import QueryDict
from django.urls import reverse

PER_PAGE = 50
MOST_ON_ONE_PAGE = 1_000
"""A longer list has to be narrowed by its filter first."""


class ListPages(Paginator):  # type: ignore[type-arg]  # not subscriptable when run
    @property
    def fits_on_one_page(self) -> bool:
        return self.count <= MOST_ON_ONE_PAGE


def page_asked_for(items: Any, query: QueryDict, *, count: int | None = None) -> Page[Any]:
    """The page that `?page=` names, or with `?rows=all` the whole list where it is short enough.

    A page that is not there is the nearest one that is. `count` spares the counting where it is known.
    """
    paginator = ListPages(items, PER_PAGE)
    if count is not None:
        paginator.count = count
    if query.get("rows") == "all" and paginator.fits_on_one_page:
        paginator.per_page = MOST_ON_ONE_PAGE
    return paginator.get_page(query.get("page"))


def without_page(query: QueryDict) -> str:
    """The rest of the address, for links to other pages."""
    rest = query.copy()
    for name in ("page", "rows"):
        rest.pop(name, None)
    return rest.urlencode()


def numbered_url(name: str, number: int) -> str:
    """What `reverse(name, args=[number])` answers, for a list's rows: a hundred of those take longer than the rest of
    the list."""
    before, after = _around_number(name)
    return f"{before}{number}{after}"


@cache
def _around_number(name: str) -> tuple[str, str]:
    before, _, after = reverse(name, args=[0]).rpartition("0")
    return before, after
