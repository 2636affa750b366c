"""A page costs the same with ten entries and with ten thousand: queries, bytes over the wire, time in the server."""

import statistics
import time
from collections.abc import Callable

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from athenty.organizations.models import Organization
from integrations.models import Connection
from integrations.providers.base import Cause
from tests.pages.firms import make_connection, mark_sent, park, post

INTEGRATIONS, BOOKS = "/settings/integrations/", "/settings/trust-accounting/"
# By a name for the report: where each page is, given the firm's first connection.
PAGES: dict[str, Callable[[Connection], str]] = {
    "connections": lambda _: INTEGRATIONS,
    "sync mode": lambda _: f"{INTEGRATIONS}?tab=sync-mode",
    "mapping": lambda connection: f"{INTEGRATIONS}{connection.pk}/mapping/",
    "disconnect": lambda connection: f"{INTEGRATIONS}{connection.pk}/disconnect/",
    "sync activity": lambda _: f"{INTEGRATIONS}activity/",
    "what needs attention": lambda _: f"{INTEGRATIONS}activity/?status=needs_attention",
    "entry at a provider": lambda connection: f"{INTEGRATIONS}activity/{connection.queue.latest('pk').pk}/",
    "tie-out": lambda _: f"{INTEGRATIONS}tie-out/",
    "tie-out's entries": lambda _: f"{INTEGRATIONS}tie-out/entries/",
    "compare a trial balance": lambda connection: f"{INTEGRATIONS}{connection.pk}/trial-balance/",
    "journal": lambda _: BOOKS,
    "journal, last page": lambda _: f"{BOOKS}?page=last",
    "entry form": lambda _: f"{BOOKS}post/",
    "entry": lambda _: f"{BOOKS}entries/1/",
    "reversal": lambda _: f"{BOOKS}entries/1/reverse/",
    "chart of accounts": lambda _: f"{BOOKS}accounts/",
    "account activity": lambda _: f"{BOOKS}accounts/1100/",
    "trial balance": lambda _: f"{BOOKS}trial-balance/",
    "audit log": lambda _: "/settings/audit-log/",
}
MOST_QUERIES, MOST_BYTES = 14, 100_000


def fill(firm: Organization, entries: int) -> Connection:
    """Both providers connected; a tenth of the entries needs a person at each, and the rest is sent."""
    post(firm, entries)
    connections = [make_connection(firm, name) for name in ("quickbooks", "xero")]
    for connection in connections:
        park(connection, entries // 20, Cause.ACCOUNT, blamed_account_id="61")
        park(connection, entries // 20, Cause.PERIOD)
        mark_sent(connection, entries)
    return connections[0]


def queries(owner, path: str) -> int:
    with CaptureQueriesContext(
        database,
    ) as asked:
        assert owner.get(path, follow=True).status_code == 200, path
    return len(asked)


def test_no_page_asks_more_of_the_database_when_there_is_more_in_it(owner, firm):
    connection = fill(firm, 20)
    post(firm, 2)  # some wait then, too, and what they wait for is asked
    few = {name: queries(owner, path(connection)) for name, path in PAGES.items()}
    post(firm, 200)
    for each in Connection.objects.all():
        park(each, 60, Cause.PERIOD)
    many = {name: queries(owner, path(connection)) for name, path in PAGES.items()}
    assert {name: count for name, count in few.items() if count >= MOST_QUERIES} == {}
    assert {name: (few[name], count) for name, count in many.items() if count > few[name]} == {}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_page_is_heavy_with_ten_thousand_entries(owner, firm, capsys, monkeypatch):
    # The test client copies the context of each template that a page is made of: two fifths of the journal's time, and
    # no server does it.
    monkeypatch.setattr("django.test.client.store_rendered_templates", lambda *_, **__: None)
    connection = fill(firm, 10_000)
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does soon after so many rows were written
    found = {name: cost(owner, path(connection)) for name, path in PAGES.items()}
    with capsys.disabled():
        for name, (asked, size, seconds) in found.items():
            print(f"{name:26} {asked:3} queries {size / 1000:7.1f} kB {seconds * 1000:6.0f} ms")  # noqa: T201
    too_much = [name for name, (asked, size, _) in found.items() if asked >= MOST_QUERIES or size > MOST_BYTES]
    assert too_much == []


def cost(owner, path: str) -> tuple[int, int, float]:
    """Queries, bytes as they go over the wire, and the median of eleven times in the server."""
    took = []
    for _ in range(11):
        began = time.perf_counter()
        answer = owner.get(path, headers={"Accept-Encoding": "gzip"})
        took.append(time.perf_counter() - began)
    assert answer.headers["Content-Encoding"] == "gzip", path
    return queries(owner, path), len(answer.content), statistics.median(took)
