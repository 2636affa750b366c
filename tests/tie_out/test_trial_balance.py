"""Comparing the trial balance that a person exported at the provider with what was sent."""

import re
from datetime import date
from decimal import Decimal
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from audit.models import AuditEvent
from integrations.mirror.trial_balance_file import UnreadableTrialBalance, read_trial_balance
from integrations.models import TrialBalanceCheck
from tests.pages.firms import make_connection, post
from tests.tie_out.test_tie_out import all_sent, send

QUICKBOOKS = """Trial Balance,,
Park & Lowe LLP,,
"As of December 31, 2025",,
,,
,Debit,Credit
1000 Operating Cash,"10,000.00",
1100 Trust Account,"2,500.00",
2100 Trust Liab,,"$2,500.00"
Opening Balance Equity,,"10,000.00"
TOTAL,"$12,500.00","$12,500.00"
,,
"Friday, November 27, 2026 03:12 AM GMT-8 - Accrual Basis",,
"""
XERO = """Trial Balance
Park & Lowe LLP
As at 31 December 2025

Account Code,Account,Account Type,Debit - Year to date,Credit - Year to date,31 Dec 2024
1150,Trust clearing,Current Asset,2500.00,,0.00
2100,Client funds held,Current Liability,,2500.00,0.00
,Total,,2500.00,2500.00,0.00
"""
XERO_OLDER = """Trial Balance
Account,Debit,Credit,YTD Debit,YTD Credit
Assets,,,,
Trust clearing (1150),100.00,,2500.00,
Liabilities,,,,
Client funds held (2100),,100.00,,2500.00
Total,100.00,100.00,2500.00,2500.00
"""


def upload(browser, connection, content: str | bytes, *, on="2025-12-31", name="Trial Balance.csv", follow=True):
    data = content.encode() if isinstance(content, str) else content
    fields = {"as_of": on, "file": SimpleUploadedFile(name, data)}
    return browser.post(reverse("integrations:trial_balance", args=[connection.pk]), fields, follow=follow)


def text_of(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.mark.parametrize(("content", "header"), [(QUICKBOOKS, 5), (XERO, 5), (XERO_OLDER, 2)])
def test_both_providers_reports_are_read(content, header):
    found = read_trial_balance(content.encode())
    assert found.debits == found.credits
    assert found.accounts[0].row > header
    trust = next(each for each in found.accounts if "Trust" in each.name)
    assert trust.balance == Decimal("2500.00")


def test_the_balance_is_taken_and_not_the_months_movement():
    assert [each.balance for each in read_trial_balance(XERO_OLDER.encode()).accounts] == [
        Decimal("2500.00"),
        Decimal("-2500.00"),
    ]
    first = read_trial_balance(XERO_OLDER.encode()).accounts[0]
    assert (first.number, first.name) == ("1150", "Trust clearing")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is a header with the columns “Debit” and “Credit”"),
        ("a,b\n1,2\n", "is a header with the columns “Debit” and “Credit”"),
        ("Thing,Debit,Credit\nCash,1,1\n", "Row 1, the header, has no column called “Account”: its first is “Thing”."),
        ("Account,Debit,Credit\n", "There is no account with an amount"),
        ("Account,Debit,Credit\nCash,12.3x,\n", "Row 2, column Debit: “12.3x” is not an amount"),
        ('Account,Debit,Credit\nCash,,"1.234,56"\n', "Row 2, column Credit: “1.234,56” is not an amount"),
        ("Account,Debit,Credit\nCash,NaN,\n", "Row 2, column Debit: “NaN” is not an amount"),
        ("Account,Debit,Credit\nCash,1.005,\n", "Row 2, column Debit: “1.005” is not an amount"),
        ("Account,Debit,Credit\n,5.00,\n", "Row 2 has an amount and names no account."),
        ("Account,Debit,Credit\nCash,5.00,\nFees,,4.00\n", "The debits add up to 5.00 and the credits to 4.00."),
        (
            "Account,Debit,Credit\nCash,5.00,\nFees,,5.00\nTotal,6.00,6.00\n",
            "Row 4 says that the totals are 6.00 and 6.00, but the rows above add up to 5.00 and 5.00.",
        ),
        ('Account,Debit,Credit\n"Cash,5.00,\n', "a quote is not closed"),
        ("Account,Debit,Credit\n" + "Cash,1,\n" * 10_001, "more than 10,000 rows"),
        (b"PK\x03\x04rest of a workbook", "This is an Excel or PDF file."),
        (b"Account\0,Debit,Credit\n", "This is not a text file."),
        (b"x" * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
    ],
)
def test_a_file_that_is_no_trial_balance_is_refused_by_row_and_column(content, complaint):
    with pytest.raises(UnreadableTrialBalance) as refused:
        read_trial_balance(content if isinstance(content, bytes) else content.encode())
    assert complaint in str(refused.value)


def test_negative_and_zero_amounts_are_read():
    found = read_trial_balance(b"Account,Debit,Credit\nCash,(5.00),\nLoan,-,-5.00\nOther,0.00,\n")
    assert [each.balance for each in found.accounts] == [Decimal("-5.00"), Decimal("5.00"), Decimal("0.00")]


def test_what_excel_saves_without_unicode_is_read():
    found = read_trial_balance("Account,Debit,Credit\nCaf\xe9,5.00,\nFees,,5.00\n".encode("cp1252"))
    assert found.accounts[0].name == "Café"


def test_accounts_are_compared_with_what_was_sent_to_them(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    all_sent(connection)
    page = text_of(upload(owner, connection, QUICKBOOKS))
    assert "1100 · Trust Account 2,500.00 2,500.00 0.00 ✓ Agrees" in page
    assert "2100 · Trust Liab minus (2,500.00) minus (2,500.00) 0.00 ✓ Agrees" in page
    # Somebody else entered these there, or they were there before.
    assert "1000 · Operating Cash 0.00 10,000.00 10,000.00 ▲ Differs" in page
    assert "1 of 4 accounts differ." in page
    assert "1 other account of the file is not sent to." in page


def test_xeros_report_agrees_too(owner, firm):
    post(firm, 2)
    connection = make_connection(firm, "xero")
    send(connection, 2, n1100="c2", n2100="c3")
    assert "All 4 accounts agree, to the cent." in text_of(upload(owner, connection, XERO))


def test_only_entries_up_to_the_reports_date_are_compared(owner, firm):
    post(firm, 2, on=date(2025, 12, 31))
    post(firm, 1, on=date(2026, 1, 1))
    connection = make_connection(firm)
    all_sent(connection)
    assert "1100 · Trust Account 2,500.00 2,500.00 0.00 ✓ Agrees" in text_of(upload(owner, connection, QUICKBOOKS))


def test_the_result_is_kept_and_recorded_and_the_file_is_not(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    all_sent(connection)
    upload(owner, connection, QUICKBOOKS)
    check = TrialBalanceCheck.objects.get()
    assert (check.file_name, check.accounts, check.differing, check.others) == ("Trial Balance.csv", 4, 1, 1)
    assert check.checked_by.name == "Owner Person"
    assert "Opening Balance Equity" not in str(check.rows)
    [event] = AuditEvent.objects.filter(action="integration.trial_balance_checked")
    assert event.data["file"] == "Trial Balance.csv"
    assert event.data["differing"] == 1
    assert "Operating Cash" not in str(event.data)
    page = text_of(owner.get("/settings/integrations/tie-out/"))
    assert "As of 31 Dec 2025 : 1 of 4 accounts differ" in page


@pytest.mark.parametrize(
    ("content", "on", "complaint"),
    [
        ("Account,Debit,Credit\nNobody,5.00,\nElse,,5.00\n", "2025-12-31", "names no account that Athenty sends to"),
        (
            "Account,Debit,Credit\n1100 Trust Account,5.00,\nTrust Account,,5.00\n",
            "2025-12-31",
            "Rows 2 and 3 both name 1100 · Trust Account.",
        ),
        (QUICKBOOKS, "soon", "Enter the date of the report"),
        ("", "2025-12-31", "The file is empty."),
    ],
)
def test_what_can_not_be_compared_is_said_and_keeps_nothing(owner, firm, content, on, complaint):
    post(firm, 2)
    connection = make_connection(firm)
    all_sent(connection)
    response = upload(owner, connection, content, on=on)
    assert response.status_code == 422
    assert complaint in text_of(response)
    assert not TrialBalanceCheck.objects.exists()
    assert not AuditEvent.objects.filter(action="integration.trial_balance_checked").exists()


def test_no_file_is_asked_for_again(owner, firm):
    connection = make_connection(firm)
    response = owner.post(reverse("integrations:trial_balance", args=[connection.pk]), {"as_of": "2025-12-31"})
    assert response.status_code == 422
    assert "Choose the CSV file of the report." in text_of(response)
    assert 'value="2025-12-31"' in response.content.decode()


def test_a_sub_account_is_found_by_the_last_part_of_its_path(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    all_sent(connection)
    content = QUICKBOOKS.replace("1100 Trust Account", "1000 Operating Cash:1100 Trust Account")
    assert "1100 · Trust Account 2,500.00 2,500.00 0.00" in text_of(upload(owner, connection, content))


def test_another_firms_comparison_is_not_there(owner, firm, other_firms_connection):
    assert upload(owner, other_firms_connection, QUICKBOOKS).status_code == 404
    mine = make_connection(firm)
    address = reverse("integrations:trial_balance_result", args=[mine.pk, 1])
    assert owner.get(address).status_code == 404


def test_what_it_can_and_can_not_show_is_said(owner, firm):
    page = text_of(owner.get(reverse("integrations:trial_balance", args=[make_connection(firm).pk])))
    assert "An account that only Athenty posts to" in page
    assert "before 1 Oct 2025" in page
    assert "It is read and not kept." in page
