"""Settings ▸ Trust Accounting: posting by form, once; reversing; and what each page shows."""

import re

import pytest

from audit.models import AuditEvent
from ledger.models import Account, JournalEntry
from tests.ledger.books import Books

ADDRESS = "/settings/trust-accounting/"
POST = f"{ADDRESS}post/"


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
    response = page.post(POST, filled(page.get(POST)), REMOTE_ADDR="203.0.113.7")
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
    form = filled(page.get(POST))
    assert [page.post(POST, form).status_code for _ in range(2)] == [302, 302]
    assert JournalEntry.objects.count() == 1


def test_the_form_sent_again_with_other_content_asks_first(page):
    form = filled(page.get(POST))
    page.post(POST, form)
    again = page.post(POST, form | {"memo": "Another"})
    assert again.status_code == 422
    assert "This form has posted an entry already" in text(again)
    page.post(POST, form | {"memo": "Another", "key": hidden(again, "key")})
    assert list(JournalEntry.objects.order_by("number").values_list("memo", flat=True)) == [form["memo"], "Another"]


def test_an_unbalanced_form_comes_back_as_it_was_filled_in_with_the_difference(page):
    response = page.post(POST, filled(page.get(POST), line__2__credit="4,999.99"))
    assert response.status_code == 422
    shown = text(response)
    assert "debits are 5,000.00 and credits 4,999.99, a difference of 0.01" in shown
    assert "<title>Error: Post an entry – Trust Accounting – Athenty</title>" in shown
    for kept in ('value="Retainer, Lowe v. Hart"', 'value="5,000.00"', 'value="4,999.99"', 'value="1100"'):
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
        (
            {"line__1__account": "9999"},
            "Line 1, account: No active account is called “9999”. Choose one from the list.",
        ),
        ({"line__1__account": "11"}, "Line 1, account: No active account is called “11”."),
        ({"line__1__account": "1100x"}, "Line 1, account: No active account is called “1100x”."),
        ({"line__1__account": "Bank"}, "Line 1, account: No active account is called “Bank”."),
        ({"line__3__description": "Only words"}, "Line 3, account: Choose the account of this line."),
        ({"key": "not a key"}, "Key: Enter a valid UUID."),
        ({"memo": "a\0b"}, "Memo: Null characters are not allowed."),
    ],
)
def test_a_bad_field_is_named_in_the_summary_and_nothing_is_posted(page, changes, problem):
    response = page.post(POST, filled(page.get(POST), **changes))
    assert response.status_code == 422
    assert problem in text(response)
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize("typed", ["1100 Trust Bank", "1100", " 1100  ", "trust bank"])
def test_an_account_may_be_named_by_number_by_name_or_as_the_list_offers_it(page, typed):
    assert page.post(POST, filled(page.get(POST), line__1__account=typed)).status_code == 302
    assert JournalEntry.objects.get().lines.get(position=0).account.number == "1100"


def test_one_list_of_accounts_serves_every_line(books, page):
    shown = page.get(POST).content.decode()
    assert shown.count("<option") == len(books.accounts)
    assert shown.count('list="accounts"') == 6


def test_what_was_typed_so_far_is_added_up(page):
    response = page.post(POST, filled(page.get(POST), add_rows="1", line__2__credit="4,000.5", line__3__credit="much"))
    shown = text(response)
    assert 'data-total="debit">5,000.00</td>' in shown
    assert 'data-total="credit">4,000.50</td>' in shown


def test_a_hundred_lines_are_posted_as_one_entry(page):
    form = filled(page.get(POST), rows="101", line__1__debit="100", line__2__account="", line__2__credit="")
    form["line-2-description"] = ""
    lines = {f"line-{n}-account": "2100" for n in range(2, 102)} | {f"line-{n}-credit": "1" for n in range(2, 102)}
    assert page.post(POST, form | lines).status_code == 302
    assert JournalEntry.objects.get().lines.count() == 101


def test_an_inactive_account_is_not_offered(books, page):
    Account.objects.filter(number="1100").update(is_active=False)
    response = page.post(POST, filled(page.get(POST)))
    assert response.status_code == 422
    assert "Line 1, account: No active account is called “1100”." in text(response)
    assert "1100 Trust Bank" not in text(response)


def test_more_lines_can_be_added_without_losing_what_was_typed(page):
    response = page.post(POST, filled(page.get(POST), add_rows="1", line__1__debit="not yet"))
    assert response.status_code == 200
    shown = text(response)
    assert 'name="line-12-account"' in shown
    assert 'value="not yet"' in shown
    assert "Error" not in shown
    posted = page.post(POST, filled(response, line__12__account="1000", line__12__debit="1", line__2__credit="5001"))
    assert posted.status_code == 302
    assert JournalEntry.objects.get().lines.count() == 3


def test_a_form_with_too_many_rows_asked_for_shows_a_bounded_number(page, monkeypatch):
    monkeypatch.setattr("ledger.forms._MOST_LINES", 20)
    response = page.post(POST, filled(page.get(POST), add_rows="1", rows="999"))
    assert response.content.decode().count('name="line-') == 20 * 4
    refused = page.post(POST, filled(page.get(POST), rows="21"))
    assert "An entry takes at most 20 lines here." in text(refused)
    assert not JournalEntry.objects.exists()


def test_an_entrys_page_shows_its_lines_and_the_way_to_reverse_it(books, page):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    shown = text(page.get(f"{ADDRESS}entries/1/"))
    assert "1100 Trust Bank" in shown
    assert '<td class="money" data-label="Debit">5,000.00</td>' in shown
    assert 'data-label="Credit"><span class="visually-hidden no-amount">none</span></td>' in shown
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
    journal = text(page.get(ADDRESS))
    assert f'Reversed by <a href="{ADDRESS}entries/2/">JE-2</a>' in journal
    assert f'Reverses <a href="{ADDRESS}entries/1/">JE-1</a>' in journal


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
    with django_assert_max_num_queries(14):
        first = text(page.get(ADDRESS))
    assert "51 posted entries" in first
    assert ">JE-51</a>" in first
    assert ">JE-1</a>" not in first
    assert ">JE-1</a>" in text(page.get(ADDRESS, {"page": "2"}))


def test_what_was_typed_is_shown_as_text_never_as_markup(page):
    page.post(POST, filled(page.get(POST), memo="<script>alert(1)</script>"))
    for address in (ADDRESS, f"{ADDRESS}entries/1/", f"{ADDRESS}accounts/1100/", f"{ADDRESS}?find=<script>alert(1)"):
        assert "<script>alert" not in page.get(address).content.decode()
