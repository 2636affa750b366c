"""Importing a ledger: all of it or nothing, once however often, with every bad row listed."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from ledger import reports
from ledger.importing import ImportRefused, import_ledger
from ledger.management.commands.import_ledger import Command
from ledger.models import Account, JournalEntry, JournalLine

HEADER = "date,entry,account,account name,account type,debit,credit,description"
GOOD = [
    "2026-03-02,1,1100,Trust Bank,asset,5000.00,,Retainer",
    "2026-03-02,1,2100,Client Trust,liability,,5000.00,Retainer",
    "2026-03-09,2,1000,Operating Bank,asset,12.5,,",
    "2026-03-09,2,4000,Revenue,REVENUE,0.00,12.50,Fee",
]


def one_file(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = tmp_path / "ledger.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def three_files(tmp_path: Path, *, accounts: str = "", journals: str = "", lines: str = "") -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "accounts.csv").write_text(
        "account_id,name,code,type,class\n"
        "a1,Visa,,BANK,ASSET\na2,Sales,200,REVENUE,REVENUE\na3,Rent,469,EXPENSE,EXPENSE\n" + accounts
    )
    (folder / "journals.csv").write_text(
        "journal_id,created_date_utc,journal_date,journal_number,reference,source_id,source_type\n"
        "j1,2026-03-02 10:00:00 UTC,2026-03-01,1,PO 7,,ACCPAY\nj2,,2026-03-05,2,,,\n" + journals
    )
    (folder / "journal_lines.csv").write_text(
        "journal_line_id,account_id,description,journal_id,net_amount\n"
        "l1,a3,Rent March,j1,800.00\nl2,a1,,j1,-800\nl3,a1,,j2,50.5\nl4,a2,,j2,-50.50\n" + lines
    )
    return folder


def refused(path: Path, organization) -> list[str]:
    with pytest.raises(ImportRefused) as refusal:
        import_ledger(path, organization)
    assert not JournalEntry.objects.exists()
    return refusal.value.problems


def test_a_one_file_ledger_ends_in_the_expected_trial_balance(books, tmp_path):
    report = import_ledger(one_file(tmp_path, *GOOD), books.organization)
    assert (report.entries, report.entries_added, report.lines, report.accounts_added) == (2, 2, 4, 0)
    assert (report.debits, report.credits) == (Decimal("5012.50"), Decimal("5012.50"))
    balance = {row.account.number: row.balance for row in reports.trial_balance(books.organization).rows}
    assert balance["1100"] == 5000
    assert balance["4000"] == Decimal("-12.50")
    event = AuditEvent.objects.get(action="ledger.imported")
    assert (event.actor, event.object_label, event.data["entries"]) == (None, "ledger.csv", 2)


def test_importing_the_same_file_twice_adds_nothing(books, tmp_path):
    path = one_file(tmp_path, *GOOD)
    import_ledger(path, books.organization)
    again = import_ledger(path, books.organization)
    assert (again.entries, again.entries_added) == (2, 0)
    assert JournalLine.objects.count() == 4
    assert AuditEvent.objects.filter(action="ledger.imported").count() == 1


def test_a_file_that_grew_adds_only_what_is_new(books, tmp_path):
    import_ledger(one_file(tmp_path, *GOOD[:2]), books.organization)
    assert import_ledger(one_file(tmp_path, *GOOD), books.organization).entries_added == 1


def test_an_entry_that_was_imported_with_other_content_is_refused(books, tmp_path):
    import_ledger(one_file(tmp_path, *GOOD), books.organization)
    changed = [row.replace("5000.00", "5001.00") for row in GOOD]
    with pytest.raises(ImportRefused, match="JE-1 was posted under the same key with other content"):
        import_ledger(one_file(tmp_path, *changed), books.organization)


def test_a_limit_takes_the_first_entries(books, tmp_path):
    report = import_ledger(one_file(tmp_path, *GOOD), books.organization, limit=1)
    assert report.entries == 1
    assert JournalEntry.objects.get().date == date(2026, 3, 2)
    assert import_ledger(one_file(tmp_path, *GOOD), books.organization).entries_added == 1


def test_a_byte_order_mark_and_windows_line_ends_are_taken(books, tmp_path):
    path = tmp_path / "ledger.csv"
    path.write_bytes("\r\n".join([HEADER, *GOOD]).encode("utf-8-sig"))
    assert import_ledger(path, books.organization).entries == 2


def test_three_files_with_positive_net_amounts_as_debits(books, tmp_path):
    report = import_ledger(three_files(tmp_path), books.organization)
    assert (report.entries, report.accounts_added, report.debits) == (2, 3, Decimal("850.50"))
    first = JournalEntry.objects.get(number=1)
    assert (first.date, first.memo, first.reference) == (date(2026, 3, 1), "Journal 1, ACCPAY", "PO 7")
    assert [(line.account.name, line.debit, line.credit, line.description) for line in first.lines.all()] == [
        ("Rent", Decimal("800.00"), None, "Rent March"),
        ("Visa", None, Decimal("800.00"), ""),
    ]


def test_an_account_without_a_code_gets_the_first_free_number_of_its_type_and_keeps_it(books, tmp_path):
    Account.objects.create(organization=books.organization, number="1900", name="Taken", type="asset")
    path = three_files(tmp_path, accounts="a4,Old Visa,1901,BANK,ASSET\na5,Odd cost,,EXPENSE,EXPENSE\n")
    assert import_ledger(path, books.organization).numbers_given == {"Visa": "1902", "Odd cost": "9000"}
    again = import_ledger(path, books.organization)
    assert (again.numbers_given, again.accounts_added) == ({"Visa": "1902", "Odd cost": "9000"}, 0)


def test_a_zero_line_and_an_entry_left_without_lines_are_skipped_and_listed(books, tmp_path):
    path = three_files(tmp_path, journals="j3,,2026-03-06,3,,,\n", lines="l5,a1,,j1,0.00\nl6,a1,,j3,0\n")
    report = import_ledger(path, books.organization)
    assert report.entries == 2
    assert report.skipped == [
        "journal_lines.csv:6: net_amount: 0.00 moves nothing; skipped",
        "journal_lines.csv:7: net_amount: 0.00 moves nothing; skipped",
        "journals.csv:4: entry: j3 has no lines that move anything; skipped",
    ]


def test_every_bad_row_is_listed_with_its_place_and_nothing_is_written(books, tmp_path):
    accounts_before = Account.objects.count()
    path = one_file(
        tmp_path,
        "2026-03-02,1,1100,Trust Bank,asset,5000.005,,Retainer",
        "02/03/2026,1,2100,Client Trust,liability,,5000.00,",
        "2026-03-02,2,9999,New,asset,1.00,,",
        '2026-03-02,2,4000,Revenue,revenue,,"1,000.00",',
        "2026-03-02,3,4000,Income,revenue,1.00,,",
        "2026-03-02,3,10-00,Dash,asset,,1.00,",
        "2026-03-02,4,1000,Operating Bank,cash,1.00,,",
        "2026-03-02,4,1000,Operating Bank,asset,1.00,1.00,",
        "2026-03-02,4,1000,Operating Bank,asset,,,",
        "2026-03-02,4,1000,Operating Bank,asset,-1.00,,",
        "2026-03-02,5,1000,Operating Bank,asset,1.00",
        "2026-02-30,5,1000,Operating Bank,asset,1.00,,",
        "2026-03-02,,1000,Operating Bank,asset,1.00,,",
    )
    types = "asset, liability, equity, revenue, expense"
    assert refused(path, books.organization) == [
        "ledger.csv:2: debit: 5000.005 has more than two decimals; the books hold cents",
        "ledger.csv:3: date: '02/03/2026' is not a date such as 2026-03-31",
        "ledger.csv:5: credit: '1,000.00' is not an amount such as 1234.50",
        "ledger.csv:6: account: 4000 is Revenue (revenue) on line 5",
        "ledger.csv:7: account: '10-00' is not an account number: up to 12 digits and nothing else",
        f"ledger.csv:8: account type: 'cash' is not an account type; it should be one of: {types}",
        "ledger.csv:9: credit: the line has both a debit and a credit; it can have only one",
        "ledger.csv:10: debit: the line has neither a debit nor a credit",
        "ledger.csv:11: debit: -1.00 is negative; put it in the other column",
        "ledger.csv:12: row: it has 6 cells; the header has 8",
        "ledger.csv:13: date: '2026-02-30' is not a date such as 2026-03-31",
        "ledger.csv:14: entry: it is empty",
    ]
    assert Account.objects.count() == accounts_before


def test_an_unbalanced_entry_is_refused_at_its_first_row(books, tmp_path):
    path = one_file(
        tmp_path, *GOOD, "2026-03-10,3,1000,Operating Bank,asset,1.00,,", "2026-03-10,3,4000,Revenue,revenue,,2.00,"
    )
    assert refused(path, books.organization) == [
        "ledger.csv:6: entry: 3: The entry does not balance: debits are 1.00 and credits 2.00, a difference of 1.00."
    ]


def test_an_entry_has_one_date(books, tmp_path):
    path = one_file(tmp_path, GOOD[0], GOOD[1].replace("2026-03-02", "2026-03-03"))
    assert "ledger.csv:3: date: entry 1 is dated 2026-03-02 on line 2; an entry has one date" in refused(
        path, books.organization
    )


def test_a_number_that_means_another_account_in_the_chart_is_refused(books, tmp_path):
    path = one_file(tmp_path, "2026-03-02,1,1100,Tax,expense,1.00,,", "2026-03-02,1,4000,Revenue,revenue,,1.00,")
    assert refused(path, books.organization) == [
        "ledger.csv:2: account: your chart has 1100 Trust Bank (asset) under this number; the file has Tax (expense)"
    ]


@pytest.mark.parametrize("header", ["date,entry,account,debit,credit", HEADER + ",debit", HEADER + ",extra", ""])
def test_a_wrong_header_is_refused_with_the_right_one(books, tmp_path, header):
    [problem] = refused(one_file(tmp_path, *GOOD, header=header), books.organization)
    assert problem.startswith(f"ledger.csv:1: header: it should have the columns {', '.join(HEADER.split(','))}")


def test_another_encoding_is_refused_with_its_line(books, tmp_path):
    path = one_file(tmp_path, GOOD[0], GOOD[1].replace("Retainer", "Café"), encoding="cp1252")
    assert refused(path, books.organization) == [
        "ledger.csv:3: encoding: it is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8) and import it again"
    ]


def test_lines_of_unknown_journals_and_accounts_are_refused(books, tmp_path):
    path = three_files(
        tmp_path,
        accounts="a1,Again,300,BANK,ASSET\na9,Same number,200,BANK,ASSET\n",
        journals="j1,,2026-03-01,9,,,\n",
        lines="l5,nowhere,,j1,1.00\nl6,a1,,j9,1.00\nl7,a1,,j1,\n",
    )
    assert refused(path, books.organization) == [
        "accounts.csv:5: account_id: a1 stands on line 2 already",
        "accounts.csv:6: code: 200 is the number of Sales on line 3",
        "journal_lines.csv:6: account_id: nowhere is not in accounts.csv",
        "journal_lines.csv:7: journal_id: j9 is not in journals.csv",
        "journal_lines.csv:8: net_amount: it is empty",
        "journals.csv:4: journal_id: j1 stands on line 2 already",
    ]


def test_a_missing_file_is_refused_by_name(books, tmp_path):
    folder = three_files(tmp_path)
    (folder / "journals.csv").unlink()
    assert "journals.csv:1: file: it can't be read: No such file or directory" in refused(folder, books.organization)


def test_a_quote_left_open_is_refused(books, tmp_path):
    [problem, *_] = refused(
        one_file(tmp_path, *GOOD, '2026-03-02,9,1000,"Operating Bank,asset,1.00,,'), books.organization
    )
    assert problem.startswith("ledger.csv:6: row: it is not well-formed CSV")


def test_the_command_prints_counts_and_totals(books, tmp_path):
    out = StringIO()
    call_command("import_ledger", str(one_file(tmp_path, *GOOD)), "--organization", "park-lowe", stdout=out)
    printed = " ".join(out.getvalue().split())
    assert "Entries 2 (2 added) Lines 4 Debits 5,012.50 USD Credits 5,012.50 USD" in printed


def test_the_command_lists_the_problems_and_fails(books, tmp_path):
    err = StringIO()
    with pytest.raises(CommandError, match="Nothing was imported: 1 problem"):
        call_command("import_ledger", str(one_file(tmp_path, header="x")), "--organization", "park-lowe", stderr=err)
    assert "ledger.csv:1: header:" in err.getvalue()


def test_the_command_names_an_unknown_organization(books, tmp_path):
    with pytest.raises(CommandError, match="no organization has the slug 'nobody'"):
        call_command("import_ledger", str(one_file(tmp_path, *GOOD)), "--organization", "nobody")


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_the_command_refuses_a_count_that_is_none(books, tmp_path, count):
    with pytest.raises(CommandError, match="is not a count of entries such as 200"):
        call_command("import_ledger", str(one_file(tmp_path)), "--organization", "park-lowe", f"--entries={count}")


def test_the_commands_help_states_the_rules():
    help_text = Command.help
    assert "gets the first\n  free number of its type" in help_text
    assert "it is skipped" in help_text
    assert HEADER.replace(",", ", ") in help_text
