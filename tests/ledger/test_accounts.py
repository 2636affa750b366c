"""The chart, what moved on one account, and the trial balance: worked examples that an accountant can check."""

import csv
import re
from datetime import date
from io import StringIO

import pytest

from ledger.models import Account
from tests.ledger.books import Books

ADDRESS = "/settings/trust-accounting/"


def text(response) -> str:
    return " ".join(response.content.decode().split())


def amounts(response) -> list[list[str]]:
    """What stands in the amount cells of each row of the table, as the eye sees it."""
    table = text(response).partition("<table")[2].partition("</table>")[0]
    rows = []
    for row in table.split("<tr")[2:]:
        cells = re.findall(r'<td class="money"[^>]*>(.*?)</td>', row)
        bare = [re.sub(r'<span class="visually-hidden[^>]*>.*?</span>', "", cell) for cell in cells]
        rows.append([re.sub(r"<[^>]+>", " ", cell).strip() for cell in bare])
    return rows


@pytest.fixture
def quarter(books) -> Books:
    """A retainer in January, half of it earned in February, rent in March."""
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"), on=date(2026, 1, 12))
    books.post(("2100", "2500.00", ""), ("1100", "", "2500.00"), on=date(2026, 2, 9))
    books.post(("1000", "2500.00", ""), ("4000", "", "2500.00"), on=date(2026, 2, 9))
    books.post(("6100", "900.00", ""), ("1000", "", "900.00"), on=date(2026, 3, 2))
    return books


def test_an_accounts_lines_run_from_its_opening_to_its_closing_balance(quarter, page):
    assert amounts(page.get(f"{ADDRESS}accounts/1100/")) == [
        ["0.00"],
        ["5,000.00", "", "5,000.00"],
        ["", "2,500.00", "2,500.00"],
        ["5,000.00", "2,500.00", "2,500.00"],
    ]


def test_a_liabilitys_balance_grows_by_credits(quarter, page):
    assert [row[-1] for row in amounts(page.get(f"{ADDRESS}accounts/2100/"))] == [
        "0.00",
        "5,000.00",
        "2,500.00",
        "2,500.00",
    ]


def test_a_period_opens_with_what_was_there_before_it(quarter, page):
    shown = page.get(f"{ADDRESS}accounts/1000/", {"first": "2026-03-01", "last": "2026-03-31"})
    assert amounts(shown) == [["2,500.00"], ["", "900.00", "1,600.00"], ["0.00", "900.00", "1,600.00"]]
    assert "1 line from 1 Mar 2026 to 31 Mar 2026, oldest first." in text(shown)


def test_a_period_without_lines_opens_and_closes_alike(quarter, page):
    assert amounts(page.get(f"{ADDRESS}accounts/1100/", {"first": "2026-04-01"})) == [
        ["2,500.00"],
        ["0.00", "0.00", "2,500.00"],
    ]


def test_lines_are_in_the_order_of_their_dates_whatever_the_order_of_posting(books, page):
    for day, amount in ((20, "1.00"), (3, "2.00"), (20, "4.00")):
        books.post(("1000", amount, ""), ("4000", "", amount), on=date(2026, 3, day))
    assert [row[-1] for row in amounts(page.get(f"{ADDRESS}accounts/1000/"))] == [
        "0.00",
        "2.00",
        "3.00",
        "7.00",
        "7.00",
    ]


def test_a_later_page_begins_with_the_balance_brought_forward(books, page):
    for _ in range(60):
        books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    first, second = (page.get(f"{ADDRESS}accounts/1000/", {"page": number}) for number in (1, 2))
    assert "Closing balance: on the last page" in text(first)
    assert amounts(first)[50] == ["1.00", "", "50.00"]
    assert "Balance brought forward" in text(second)
    assert amounts(second)[0] == ["50.00"]
    assert amounts(second)[-1] == ["60.00", "0.00", "60.00"]
    assert '<a href="?rows=all">All 60 on one page, to print</a>' in text(first)
    whole = amounts(page.get(f"{ADDRESS}accounts/1000/", {"rows": "all"}))
    assert (whole[0], len(whole), whole[-1]) == (["0.00"], 62, ["60.00", "0.00", "60.00"])


def test_clients_money_that_was_paid_out_twice_is_called_overdrawn(quarter, page):
    quarter.post(("2100", "3000.00", ""), ("1100", "", "3000.00"), on=date(2026, 3, 3))
    activity = text(page.get(f"{ADDRESS}accounts/2100/"))
    assert '<tr class="overdrawn">' in activity
    assert (
        '<span class="visually-hidden">minus </span>(500.00)<span class="row-note overdrawn">Overdrawn</span>'
        in activity
    )
    assert text(page.get(f"{ADDRESS}accounts/")).count("Overdrawn") == 2


def test_the_firms_own_account_below_zero_is_not_called_overdrawn(books, page):
    books.post(("6100", "900.00", ""), ("1000", "", "900.00"))
    assert "Overdrawn" not in text(page.get(f"{ADDRESS}accounts/1000/"))


def test_the_chart_shows_each_balance_on_the_side_on_which_its_account_grows(quarter, page):
    assert amounts(page.get(f"{ADDRESS}accounts/")) == [
        ["2,500.00", "900.00", "1,600.00"],
        ["5,000.00", "2,500.00", "2,500.00"],
        ["2,500.00", "5,000.00", "2,500.00"],
        ["0.00", "2,500.00", "2,500.00"],
        ["900.00", "0.00", "900.00"],
    ]


def test_a_trial_balance_comes_to_the_same_on_both_sides(quarter, page):
    shown = page.get(f"{ADDRESS}trial-balance/", {"as_of": "2026-03-31"})
    assert amounts(shown) == [
        ["1,600.00", ""],
        ["2,500.00", ""],
        ["", "2,500.00"],
        ["", "2,500.00"],
        ["900.00", ""],
        ["5,000.00", "5,000.00"],
    ]
    assert "Trial balance on 31 Mar 2026" in text(shown)


def test_a_trial_balance_ends_with_its_day(quarter, page):
    shown = page.get(f"{ADDRESS}trial-balance/", {"as_of": "2026-02-08"})
    assert amounts(shown)[-1] == ["5,000.00", "5,000.00"]
    assert amounts(shown)[1:3] == [["5,000.00", ""], ["", "5,000.00"]]
    assert "Clients' money on 8 Feb 2026" in text(shown)


def test_a_trial_balance_is_that_of_the_firms_today_unless_a_day_is_named(quarter, page):
    shown = text(page.get(f"{ADDRESS}trial-balance/"))
    assert re.search(r'name="as_of" value="20\d\d-\d\d-\d\d"', shown)
    assert "5,000.00" in shown


def test_the_trial_balance_as_a_file(quarter, page):
    quarter.accounts["6100"].name = "=1+1"
    quarter.accounts["6100"].save()
    response = page.get(f"{ADDRESS}trial-balance/csv/", {"as_of": "2026-03-31"})
    assert 'filename="trial-balance-park-lowe-2026-03-31.csv"' in response["Content-Disposition"]
    content = response.content.decode("utf-8")
    assert content.startswith("\ufeff")
    rows = list(csv.DictReader(StringIO(content.removeprefix("\ufeff"))))
    assert [(row["number"], row["debit"], row["credit"]) for row in rows] == [
        ("1000", "1600.00", ""),
        ("1100", "2500.00", ""),
        ("2100", "", "2500.00"),
        ("4000", "", "2500.00"),
        ("6100", "900.00", ""),
    ]
    assert rows[4]["account"] == "'=1+1"
    assert rows[0]["as of"] == "2026-03-31"


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("", {"first": "soon"}),
        ("", {"first": "2026-03-02", "last": "2026-03-01"}),
        ("accounts/1100/", {"last": "then"}),
        ("trial-balance/", {"as_of": "2026-02-30"}),
        ("trial-balance/csv/", {"as_of": "x"}),
    ],
)
def test_a_day_that_can_not_be_read_is_refused_and_nothing_is_shown_in_its_stead(quarter, page, address, query):
    response = page.get(f"{ADDRESS}{address}", query)
    assert response.status_code == 422
    assert "<table" not in response.content.decode()


def test_another_firms_account_is_not_found(quarter, other_books: Books, page):
    Account.objects.create(organization=other_books.organization, number="9000", name="Theirs", type="asset")
    assert page.get(f"{ADDRESS}accounts/9000/").status_code == 404
    assert "Theirs" not in text(page.get(f"{ADDRESS}accounts/"))
