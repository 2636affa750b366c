"""Settings ▸ Integrations ▸ Tie-out: green only to the cent, and the entries that make a difference."""

import csv
import io
import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest

from integrations.mirror import tie_out as tying_out
from integrations.models import Connection, Delivery, DeliveryItem, QueueRow
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.mirror.unguarded import unguarded
from tests.pages.firms import account, make_connection, make_firm, mark_sent, park, post

PAGE = "/settings/integrations/tie-out/"
ENTRIES = f"{PAGE}entries/"
FILE = f"{PAGE}csv/"


def seen(browser, address=PAGE, **asked) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", browser.get(address, asked).content.decode())).split())


def send(connection: Connection, number: int, **targets: str) -> None:
    """Have so many of the waiting entries acknowledged, as sealed to these accounts of theirs (n1100="47")."""
    rows = list(connection.queue.waiting().order_by("pk")[:number])
    delivery = Delivery.objects.create(
        connection=connection, idempotency_key=f"key {Delivery.objects.count()}", body=b"", attempts=1
    )
    firm = connection.organization
    sealed = {str(account(firm, ours[1:]).pk): theirs for ours, theirs in targets.items()}
    DeliveryItem.objects.bulk_create(
        DeliveryItem(
            delivery=delivery, row=row, position=place, item_id=str(place), reference=f"ATH-{row.pk}", targets=sealed
        )
        for place, row in enumerate(rows)
    )
    mark_sent(connection, number)


def all_sent(connection: Connection) -> None:
    send(connection, connection.queue.waiting().count(), n1100="47", n2100="81")


def post_rent(firm, amount: str, *, on: date) -> None:
    lines = [EntryLine(account(firm, "6000"), Decimal(amount), None)]
    lines.append(EntryLine(account(firm, "1000"), None, Decimal(amount)))
    post_entries(firm, [EntryDraft(on=on, memo="Rent", lines=lines, key=f"rent {amount} {on}")], actor=None)


def test_all_acknowledged_is_in_agreement(owner, firm):
    post(firm, 4)
    all_sent(make_connection(firm))
    page = seen(owner)
    assert "In agreement, to the cent. QuickBooks has acknowledged all 4 entries: 5,000.00 USD of debits" in page
    assert "November 2025 4 5,000.00 5,000.00 0.00 ✓ Agrees" in page
    assert "Not in agreement" not in page
    assert "missing" not in page


@pytest.mark.parametrize("state", ["waiting", "sending", "needs_attention", "unconfirmed"])
def test_whatever_is_not_acknowledged_makes_a_difference(owner, firm, state):
    post(firm, 4)
    connection = make_connection(firm)
    send(connection, 3, n1100="47", n2100="81")
    connection.queue.waiting().update(state=state)
    page = seen(owner)
    assert "Not in agreement. 1 of 4 entries, 1,250.00 of 5,000.00 USD of debits" in page
    assert "1 entry missing" in page
    assert "1100 Trust Bank → 1100 · Trust Account 5,000.00 3,750.00 0.00 0.00 ▲ Differs" in page


def test_an_entry_that_never_reached_the_queue_makes_a_difference(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    all_sent(connection)
    with unguarded(DeliveryItem, QueueRow):
        DeliveryItem.objects.filter(row__entry__number=1).delete()
        QueueRow.objects.filter(entry__number=1).delete()
    assert "Not in agreement. 1 of 2 entries" in seen(owner)
    assert "JE-1 3 Nov 2025 Lowe v. Hart – retainer 1,250.00 ▲ Not queued: contact support" in seen(owner, ENTRIES)


def test_a_cent_is_a_difference(firm):
    amounts = tying_out.Amounts(Decimal("10.00"), Decimal("10.00"), Decimal("9.99"), Decimal("10.00"))
    assert not amounts.agrees
    assert amounts.debit_difference == Decimal("0.01")
    both = tying_out.Amounts(Decimal("10.00"), Decimal("10.00"), Decimal("9.99"), Decimal("10.01"))
    assert not both.agrees


def test_entries_from_before_the_start_and_after_the_date_do_not_count(owner, firm):
    for day in (date(2025, 9, 30), date(2025, 10, 1), date(2025, 11, 30), date(2025, 12, 1)):
        post(firm, on=day)
    all_sent(make_connection(firm))
    assert "all 3 entries" in seen(owner)
    assert "all 2 entries" in seen(owner, as_of="2025-11-30")
    assert "December 2025" not in seen(owner, as_of="2025-11-30")


def test_a_month_is_shown_by_account(owner, firm):
    post(firm, 2, on=date(2025, 11, 3))
    post_rent(firm, "800.00", on=date(2025, 12, 1))
    connection = make_connection(firm)
    connection.mappings.filter(account__number="6000").update(target=connection.chart.get(remote_id="61"))
    send(connection, 2, n1100="47", n2100="81")
    november, december = seen(owner, month="2025-11"), seen(owner, month="2025-12")
    assert "By account, November 2025" in november
    assert "6000 Rent 6000 · Rent" not in november
    assert "6000 Rent → 6000 · Rent 800.00 0.00 0.00 0.00 ▲ Differs" in december
    assert "1000 Operating Bank → 1000 · Operating Cash 0.00 0.00 800.00 0.00 ▲ Differs" in december


def test_the_accounts_are_where_the_lines_went_and_not_where_they_would_go_now(owner, firm):
    post(firm, 1)
    connection = make_connection(firm)
    send(connection, 1, n1100="42", n2100="81")
    page = seen(owner)
    assert "1100 Trust Bank → 1000 · Operating Cash 1,250.00" in page
    assert tying_out.sent_by_target(connection, as_of=date(2026, 1, 1)) == {
        "42": Decimal("1250.00"),
        "81": Decimal("-1250.00"),
    }


def test_each_system_is_tied_out_for_itself(owner, firm):
    post(firm, 1)
    all_sent(make_connection(firm))
    make_connection(firm, "xero")
    assert "In agreement" in seen(owner, provider="quickbooks")
    assert "Not in agreement" in seen(owner, provider="xero")
    assert "Tie-out with QuickBooks" in seen(owner, provider="sage")


def test_the_entries_in_between_are_those_of_the_month_and_the_account(owner, firm):
    post(firm, 2, on=date(2025, 11, 3))
    post_rent(firm, "800.00", on=date(2025, 11, 4))
    post_rent(firm, "900.00", on=date(2025, 12, 4))
    connection = make_connection(firm)
    send(connection, 1, n1100="47", n2100="81")
    park(connection, 1)
    every = seen(owner, ENTRIES)
    assert re.findall(r"JE-\d+", every) == ["JE-2", "JE-3", "JE-4"]
    assert "Needs attention" in every
    assert re.findall(r"JE-\d+", seen(owner, ENTRIES, month="2025-11", account="6000")) == ["JE-3"]
    assert re.findall(r"JE-\d+", seen(owner, ENTRIES, month="2025-12")) == ["JE-4"]
    assert "None: QuickBooks has acknowledged every entry." in seen(owner, ENTRIES, month="2025-10")


@pytest.mark.parametrize("first", [date(2025, 11, 1), date(2025, 12, 1)])
def test_a_month_ends_where_the_next_begins(first):
    assert tying_out.next_month(first) == {11: date(2025, 12, 1), 12: date(2026, 1, 1)}[first.month]


def test_the_file_holds_every_month_and_account(owner, firm):
    post(firm, 1, on=date(2025, 10, 31))
    post(firm, 2, on=date(2025, 11, 1))
    send(make_connection(firm), 2, n1100="47", n2100="81")
    rows = list(csv.DictReader(io.StringIO(owner.get(FILE).content.decode().removeprefix("\ufeff"))))
    assert [(row["month"], row["account"]) for row in rows] == [
        ("2025-10", "1100"),
        ("2025-10", "2100"),
        ("2025-11", "1100"),
        ("2025-11", "2100"),
    ]
    assert rows[2]["our debits"] == "2500.00"
    assert rows[2]["debit difference"] == "1250.00"
    assert rows[2]["their account"] == "1100 · Trust Account"


def test_a_name_in_the_file_is_not_taken_for_a_formula(owner, firm):
    post(firm, 1)
    firm.accounts.filter(number="1100").update(name="=1+1")
    make_connection(firm)
    assert "'=1+1" in owner.get(FILE).content.decode()


def test_a_date_that_is_none_is_said_so(owner, firm):
    make_connection(firm)
    response = owner.get(PAGE, {"as_of": "soon"})
    assert response.status_code == 422
    assert "Enter a date such as 2026-03-31." in response.content.decode()
    assert owner.get(FILE, {"as_of": "soon"}).status_code == 422
    for month in ("soon", "2025-13", "99999-1", "\0"):
        assert owner.get(PAGE, {"month": month}).status_code == 200
        assert owner.get(ENTRIES, {"account": month}).status_code == 200


def test_without_a_start_date_there_is_nothing_to_tie_out(owner, firm):
    assert "No accounting system has a start date yet." in seen(owner)
    make_connection(firm, started=False)
    assert "No accounting system has a start date yet." in seen(owner)
    assert owner.get(ENTRIES).status_code == 404
    assert owner.get(FILE).status_code == 422


def test_another_firms_books_stay_out(owner, firm):
    other = make_firm("Other Firm", slug="other")
    post(other, 5)
    make_connection(other, company="Other Books", company_id="77")
    post(firm, 1)
    make_connection(firm)
    page = seen(owner)
    assert "1 of 1 entry" in page
    assert "Other Books" not in page


def test_the_pages_take_the_same_few_queries_however_many_entries_there_are(owner, firm, django_assert_max_num_queries):
    post(firm, 10)
    connection = make_connection(firm)
    send(connection, 5, n1100="47", n2100="81")
    for address in (PAGE, ENTRIES):
        with django_assert_max_num_queries(14) as few:
            owner.get(address)
        post(firm, 290)
        with django_assert_max_num_queries(14) as many:
            owner.get(address)
        assert len(few) == len(many)


def test_it_is_signed_on_paper(owner, firm):
    make_connection(firm)
    page = seen(owner)
    assert "Prepared by Date Reviewed by Date" in page
    assert "Park & Lowe LLP · as of" in page
