"""Settings ▸ Trust Accounting: posting by form, once; reversing; and what each page shows."""

import re

import pytest
from django.test import Client

from audit.models import AuditEvent
from ledger.models import Account, JournalEntry
from tests.ledger.books import Books

ADDRESS = "/settings/trust-accounting/"


@pytest.fixture
def page(books) -> Client:
    client = Client()
    client.force_login(books.owner)
    return client


def text(response) -> str:
    return " ".join(response.content.decode().split())


def hidden(response, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]+)"', response.content.decode())[1]


def filled(response, **changes: str) -> dict[str, str]:
    """The form of that page as a person fills it in."""
    return {
        "key": hidden(response, "key"),
        "rows": hidden(response, "rows"),
        "date": "2026-03-02",
        "memo": "Retainer, Lowe v. Hart",
        "line-1-account": "1100",
        "line-1-debit": "5,000.00",
        "line-2-account": "2100",
        "line-2-credit": "5000",
        "line-2-description": "Hart",
    } | {name.replace("__", "-"): value for name, value in changes.items()}


def test_the_form_posts_an_entry_and_says_so(books, page):
    response = page.post(ADDRESS, filled(page.get(ADDRESS)), REMOTE_ADDR="203.0.113.7")
    assert response["Location"] == ADDRESS
    entry = JournalEntry.objects.get()
    assert (entry.memo, entry.posted_by, entry.lines.count()) == ("Retainer, Lowe v. Hart", books.owner, 2)
    after = text(page.get(ADDRESS))
    assert "JE-1 posted." in after
    assert "5,000.00 – in balance" not in after
    assert "0.00 – in balance" in after
    event = AuditEvent.objects.get(action="ledger.entry_posted")
    assert (event.object_label, event.data["total"], event.ip) == ("JE-1", "5000.00", "203.0.113.7")


def test_sending_the_form_twice_posts_once(page):
    form = filled(page.get(ADDRESS))
    assert [page.post(ADDRESS, form).status_code for _ in range(2)] == [302, 302]
    assert JournalEntry.objects.count() == 1


def test_the_form_sent_again_with_other_content_asks_first(page):
    form = filled(page.get(ADDRESS))
    page.post(ADDRESS, form)
    again = page.post(ADDRESS, form | {"memo": "Another"})
    assert again.status_code == 422
    assert "This form has posted an entry already" in text(again)
    page.post(ADDRESS, form | {"memo": "Another", "key": hidden(again, "key")})
    assert list(JournalEntry.objects.order_by("number").values_list("memo", flat=True)) == [form["memo"], "Another"]


def test_an_unbalanced_form_comes_back_as_it_was_filled_in_with_the_difference(page):
    response = page.post(ADDRESS, filled(page.get(ADDRESS), line__2__credit="4,999.99"))
    assert response.status_code == 422
    shown = text(response)
    assert "debits are 5,000.00 and credits 4,999.99, a difference of 0.01" in shown
    assert "<title>Error: Trust Accounting – Athenty</title>" in shown
    for kept in ('value="Retainer, Lowe v. Hart"', 'value="5,000.00"', 'value="4,999.99"', 'value="1100" selected'):
        assert kept in shown
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"date": "yesterday"}, "Date: Enter a valid date."),
        ({"memo": ""}, "Memo: This field is required."),
        ({"line__1__debit": "5.001"}, "Line 1, debit: Enter at most two decimals."),
        ({"line__1__debit": "-5"}, "Line 1, debit: Enter a positive amount, or use the other column."),
        ({"line__1__debit": "five"}, "Line 1, debit: Enter an amount such as 1,234.50."),
        ({"line__1__debit": "1,50"}, "Line 1, debit: Enter an amount such as 1,234.50."),
        ({"line__1__debit": "NaN"}, "Line 1, debit: Enter an amount such as 1,234.50."),
        ({"line__1__credit": "5"}, "Line 1, credit: Enter a debit or a credit, not both."),
        ({"line__1__debit": "0.00"}, "Line 1, debit: Enter a debit or a credit."),
        ({"line__1__account": ""}, "Line 1, account: Choose the account of this line."),
        ({"line__1__account": "9999"}, "Line 1, account: Select a valid choice."),
        ({"line__3__description": "Only words"}, "Line 3, account: Choose the account of this line."),
        ({"key": "not a key"}, "Key: Enter a valid UUID."),
        ({"memo": "a\0b"}, "Memo: Null characters are not allowed."),
    ],
)
def test_a_bad_field_is_named_in_the_summary_and_nothing_is_posted(page, changes, problem):
    response = page.post(ADDRESS, filled(page.get(ADDRESS), **changes))
    assert response.status_code == 422
    assert problem in text(response)
    assert not JournalEntry.objects.exists()


def test_an_inactive_account_is_not_offered(books, page):
    Account.objects.filter(number="1100").update(is_active=False)
    response = page.post(ADDRESS, filled(page.get(ADDRESS)))
    assert response.status_code == 422
    assert "Line 1, account: Select a valid choice." in text(response)


def test_more_lines_can_be_added_without_losing_what_was_typed(page):
    response = page.post(ADDRESS, filled(page.get(ADDRESS), add_rows="1", line__1__debit="not yet"))
    assert response.status_code == 200
    shown = text(response)
    assert 'name="line-12-account"' in shown
    assert 'value="not yet"' in shown
    assert "Error" not in shown
    posted = page.post(ADDRESS, filled(response, line__12__account="1000", line__12__debit="1", line__2__credit="5001"))
    assert posted.status_code == 302
    assert JournalEntry.objects.get().lines.count() == 3


def test_a_form_with_too_many_rows_asked_for_shows_a_bounded_number(page):
    response = page.post(ADDRESS, filled(page.get(ADDRESS), add_rows="1", rows="999"))
    assert response.content.decode().count("-account") < 200


def test_an_entrys_page_shows_its_lines_and_the_way_to_reverse_it(books, page):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    shown = text(page.get(f"{ADDRESS}entries/1/"))
    assert "1100 Trust Bank" in shown
    assert '<td class="money">5,000.00</td> <td class="money"><span class="visually-hidden">none</span></td>' in shown
    assert f"{ADDRESS}entries/1/reverse/" in shown


def test_reversing_asks_first_and_links_both_entries(books, page):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    asked = page.get(f"{ADDRESS}entries/1/reverse/")
    assert "Reverse JE-1?" in text(asked)
    assert JournalEntry.objects.count() == 1
    form = {"date": "2026-03-09", "memo": "Wrong client", "key": hidden(asked, "key")}
    for _ in range(2):
        assert page.post(f"{ADDRESS}entries/1/reverse/", form)["Location"] == f"{ADDRESS}entries/2/"
    assert "Reversed by" in text(page.get(f"{ADDRESS}entries/1/"))
    assert f'{ADDRESS}entries/1/">JE-1</a>' in text(page.get(f"{ADDRESS}entries/2/"))
    assert "has been reversed by" in text(page.get(f"{ADDRESS}entries/1/reverse/"))


def test_a_second_reversal_is_refused(books, page):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    keys = [hidden(page.get(f"{ADDRESS}entries/1/reverse/"), "key") for _ in range(2)]
    answers = [
        page.post(f"{ADDRESS}entries/1/reverse/", {"date": "2026-03-09", "memo": "Wrong", "key": key}) for key in keys
    ]
    assert [answer.status_code for answer in answers] == [302, 422]
    assert "JE-1 has been reversed already" in text(answers[1])


def test_another_firms_entry_is_not_found(other_books: Books, page):
    other_books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    assert page.get(f"{ADDRESS}entries/1/").status_code == 404
    assert page.post(f"{ADDRESS}entries/1/reverse/").status_code == 404


def test_the_journal_shows_the_newest_fifty_and_pages(books, page, django_assert_max_num_queries):
    for _ in range(51):
        books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    with django_assert_max_num_queries(20):
        first = text(page.get(ADDRESS))
    assert "51 posted entries" in first
    assert ">JE-51</a>" in first
    assert ">JE-1</a>" not in first
    assert ">JE-1</a>" in text(page.get(ADDRESS, {"page": "2"}))


def test_the_chart_shows_credit_balances_in_parentheses_and_in_words(books, page):
    books.post(("1000", "1234.50", ""), ("4000", "", "1234.50"))
    assert '<span class="visually-hidden">minus </span>(1,234.50)' in text(page.get(ADDRESS))


def test_what_was_typed_is_shown_as_text_never_as_markup(page):
    page.post(ADDRESS, filled(page.get(ADDRESS), memo="<script>alert(1)</script>"))
    assert "<script>alert" not in page.get(ADDRESS).content.decode()
