"""The pages cost the same for ten entries and for three hundred."""

import gzip
import re
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.posting import post_entries
from tests.pages.firms import make_connection

ADDRESS = "/settings/trust-accounting/"
PAGES = ["", "entries/1/", "entries/1/reverse/", "post/", "accounts/", "accounts/1100/", "trial-balance/"]
PAGES += ["?page=2", "?find=retainer", "accounts/1100/?page=2"]


def test_every_page_takes_the_same_few_queries_and_little_to_send(books, page):
    make_connection(books.organization)
    make_connection(books.organization, "xero")
    drafts = (books.draft(("1100", "5000.00", ""), ("2100", "", "5000.00"), memo="A retainer") for _ in range(300))
    asked = {}
    for number in (10, 290):
        post_entries(books.organization, [next(drafts) for _ in range(number)], actor=books.owner)
        for address in PAGES:
            with CaptureQueriesContext(connection) as queries:
                response = page.get(ADDRESS + address)
            assert response.status_code == 200
            assert len(gzip.compress(response.content)) < 50_000
            asked.setdefault(address, []).append(len(queries))
    assert {address: counts for address, counts in asked.items() if counts[0] != counts[1] or counts[0] >= 15} == {}


@pytest.mark.parametrize(
    ("find", "found"), [("JE-7", ["JE-7"]), ("7", ["JE-7"]), ("rent", ["JE-7"]), ("invoice 12", ["JE-8"]), ("x", [])]
)
def test_the_journal_is_searched_by_number_memo_and_reference(books, page, find, found):
    lines = ("1100", "5.00", ""), ("2100", "", "5.00")
    for _ in range(6):
        books.post(*lines)
    rent, paper = books.draft(*lines, memo="Rent, March"), books.draft(*lines, memo="Paper")
    post_entries(books.organization, [rent, replace(paper, reference="Invoice 12")], actor=books.owner)
    shown = page.get(ADDRESS, {"find": find}).content.decode()
    table = shown.partition("<tbody>")[2].partition("</tbody>")[0]
    assert re.findall(r'<th scope="row"><a [^>]*>(JE-[0-9]+)</a>', table) == found
    if not found:
        assert "No entries with “x”." in " ".join(shown.split())
