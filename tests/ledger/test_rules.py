"""The books defend themselves: each rule attacked by plain SQL, past all of our code."""

import threading
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction

from ledger import posting
from ledger.models import JournalEntry, JournalLine
from tests.ledger.books import open_books


@pytest.fixture
def posted(books) -> JournalEntry:
    return books.post(("1000", "100.00", ""), ("4000", "", "100.00"))


@pytest.fixture
def draft(books) -> JournalEntry:
    """An entry that is inserted and not posted yet."""
    return JournalEntry.objects.create(
        organization=books.organization, date=date(2026, 3, 2), currency="USD", key="raw"
    )


def sql(statement: str, *parameters) -> None:
    """Run it, and then let the rules that wait for the commit have their say."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refuse(rule: str, statement: str, *parameters) -> None:
    with pytest.raises(IntegrityError) as refusal:
        sql(statement, *parameters)
    assert refusal.value.__cause__.diag.constraint_name == rule


def add_line(entry, position, account, debit, credit) -> None:
    sql(
        "INSERT INTO ledger_journalline (entry_id, position, account_id, debit, credit, description)"
        " VALUES (%s, %s, %s, %s, %s, '')",
        entry.pk,
        position,
        account.pk,
        debit,
        credit,
    )


POST = "UPDATE ledger_journalentry SET number = %s, posted_at = now() WHERE id = %s"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_journalentry SET memo = 'other'",
        "UPDATE ledger_journalentry SET date = '2026-01-01'",
        "UPDATE ledger_journalentry SET number = NULL, posted_at = NULL",
        "UPDATE ledger_journalentry SET posted_by_id = NULL",
        "UPDATE ledger_journalentry SET number = number",
        "UPDATE ledger_journalline SET debit = 90, credit = NULL WHERE debit IS NOT NULL",
        "UPDATE ledger_journalline SET description = 'other'",
        "UPDATE ledger_journalline SET account_id = (SELECT max(account_id) FROM ledger_journalline)",
        "DELETE FROM ledger_journalline",
        "DELETE FROM ledger_journalentry",
        "WITH gone AS (DELETE FROM ledger_journalline RETURNING id) DELETE FROM ledger_journalentry",
    ],
)
def test_a_posted_entry_and_its_lines_can_not_be_changed_or_deleted(posted, statement):
    refuse("posted_entry_is_final", statement)


def test_no_line_can_be_added_to_a_posted_entry(books, posted):
    with pytest.raises(IntegrityError, match="no line can be added"):
        add_line(posted, 2, books.accounts["1000"], "1.00", None)


def test_a_line_can_not_be_moved_into_a_posted_entry(books, posted, draft):
    add_line(draft, 7, books.accounts["1000"], "1.00", None)
    refuse("posted_entry_is_final", "UPDATE ledger_journalline SET entry_id = %s WHERE position = 7", posted.pk)


@pytest.mark.parametrize("table", ["ledger_journalentry", "ledger_journalline", "ledger_account"])
def test_the_ledger_can_not_be_emptied(db, table):
    refuse("ledger_is_never_emptied", f"TRUNCATE {table} CASCADE")


def test_an_unbalanced_entry_can_not_be_posted(books, draft):
    add_line(draft, 0, books.accounts["1000"], "1.00", None)
    add_line(draft, 1, books.accounts["4000"], None, "0.99")
    refuse("entry_balances", POST, 1, draft.pk)


@pytest.mark.parametrize("lines", [0, 1])
def test_an_entry_of_fewer_than_two_lines_can_not_be_posted(books, draft, lines):
    if lines:
        add_line(draft, 0, books.accounts["1000"], "1.00", None)
    refuse("entry_has_two_lines", POST, 1, draft.pk)


@pytest.mark.django_db(transaction=True)
def test_the_balance_is_checked_when_the_transaction_commits():
    books = open_books()
    reached_the_end = []

    def post_an_unbalanced_entry() -> None:
        entry = JournalEntry.objects.create(
            organization=books.organization, date=date(2026, 3, 2), currency="USD", key="raw"
        )
        JournalLine.objects.create(entry=entry, position=0, account=books.accounts["1000"], debit=2)
        JournalLine.objects.create(entry=entry, position=1, account=books.accounts["4000"], credit=1)
        JournalEntry.objects.update(number=1, posted_at=entry.created_at)
        reached_the_end.append(True)

    with pytest.raises(IntegrityError, match="does not balance"):
        transaction.atomic(post_an_unbalanced_entry)()
    assert reached_the_end
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("debit", "credit"),
    [(None, None), ("1.00", "1.00"), ("0.00", None), (None, "0.00"), ("-1.00", None), ("1.00", "0.00")],
)
def test_a_line_has_exactly_one_positive_side(books, draft, debit, credit):
    with pytest.raises(IntegrityError, match="line_is_one_debit_or_one_credit"):
        add_line(draft, 0, books.accounts["1000"], debit, credit)


def test_amounts_are_kept_with_two_decimals(books, draft):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, numeric_precision, numeric_scale FROM information_schema.columns"
            " WHERE table_name = 'ledger_journalline' AND column_name IN ('debit', 'credit') ORDER BY 1"
        )
        assert cursor.fetchall() == [("credit", 14, 2), ("debit", 14, 2)]


def test_a_line_names_an_account_of_the_entrys_own_organization(other_books, draft):
    with pytest.raises(IntegrityError, match="account of another organization"):
        add_line(draft, 0, other_books.accounts["1000"], "1.00", None)


def test_an_entry_can_not_move_to_another_organization(other_books, draft):
    refuse(
        "entry_stays_in_its_organization",
        "UPDATE ledger_journalentry SET organization_id = %s",
        other_books.organization.pk,
    )


def test_an_entry_can_not_be_inserted_already_posted(books):
    refuse(
        "entry_is_inserted_unposted",
        "INSERT INTO ledger_journalentry"
        " (organization_id, number, date, memo, reference, currency, key, created_at, posted_at)"
        " VALUES (%s, 1, '2026-03-02', '', '', 'USD', 'raw', now(), now())",
        books.organization.pk,
    )


@pytest.mark.parametrize("number", [1, 3, 0])
def test_a_number_that_is_taken_or_leaves_a_gap_is_refused(books, posted, draft, number):
    add_line(draft, 0, books.accounts["1000"], "1.00", None)
    add_line(draft, 1, books.accounts["4000"], None, "1.00")
    with pytest.raises(IntegrityError, match=r"entry_number_is_unique|would leave a gap|entry_is_numbered_when_posted"):
        sql(POST, number, draft.pk)
    sql(POST, 2, draft.pk)


def test_a_posted_entry_has_a_number(books, draft):
    with pytest.raises(IntegrityError, match="entry_is_numbered_when_posted"):
        sql("UPDATE ledger_journalentry SET posted_at = now() WHERE id = %s", draft.pk)


def test_an_entry_in_another_currency_than_its_ledger_can_not_be_posted(books, draft):
    add_line(draft, 0, books.accounts["1000"], "1.00", None)
    add_line(draft, 1, books.accounts["4000"], None, "1.00")
    sql("UPDATE ledger_journalentry SET currency = 'EUR' WHERE id = %s", draft.pk)
    refuse("entry_is_in_the_ledgers_currency", POST, 1, draft.pk)


def test_the_currency_of_a_used_ledger_stays(posted):
    refuse("used_ledger_keeps_its_currency", "UPDATE organizations_organization SET currency = 'EUR'")


def test_an_entry_is_reversed_at_most_once(books, posted):
    posting.reverse_entry(posted, on=date(2026, 3, 5), actor=books.owner, key="undo")
    with pytest.raises(IntegrityError, match="reverses_id"):
        JournalEntry.objects.create(
            organization=books.organization, date=date(2026, 3, 6), currency="USD", key="raw", reverses=posted
        )


def test_a_reversal_answers_a_posted_entry_of_its_own_organization(books, other_books, draft):
    foreign = other_books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    add_line(draft, 0, books.accounts["1000"], "1.00", None)
    add_line(draft, 1, books.accounts["4000"], None, "1.00")
    sql("UPDATE ledger_journalentry SET reverses_id = %s WHERE id = %s", foreign.pk, draft.pk)
    refuse("reversal_answers_a_posted_entry", POST, 1, draft.pk)


@pytest.mark.parametrize("change", ["type = 'liability'", "number = '1001'"])
def test_an_account_with_postings_keeps_its_meaning(posted, change):
    refuse("used_account_keeps_its_meaning", f"UPDATE ledger_account SET {change} WHERE number = '1000'")


def test_an_account_with_postings_may_be_renamed_and_closed(posted):
    sql("UPDATE ledger_account SET name = 'Bank', is_active = false WHERE number = '1000'")


def test_an_account_with_postings_can_not_be_deleted(posted):
    with pytest.raises(IntegrityError, match="foreign key"):
        sql("DELETE FROM ledger_account WHERE number = '1000'")


@pytest.mark.parametrize("number", ["", "10A0", "1000-1", " 1000"])
def test_an_account_number_is_digits(books, number):
    with pytest.raises(IntegrityError, match="account_number_is_digits"):
        sql("UPDATE ledger_account SET number = %s WHERE number = '6100'", number)


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_eight_threads_post_and_some_fail():
    books = open_books()
    began = threading.Barrier(8)

    def post_25(thread: int) -> None:
        began.wait()
        for n in range(25):
            draft = books.draft(("1000", "1.00", ""), ("4000", "", "1.00"), key=f"{thread}-{n}")
            try:
                with transaction.atomic():
                    posting.post_entry(books.organization, draft, actor=books.owner)
                    if n % 5 == 4:
                        raise ZeroDivisionError  # the caller's own work fails after the posting
            except ZeroDivisionError:
                pass
        connection.close()

    threads = [threading.Thread(target=post_25, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    entries = list(JournalEntry.objects.posted().order_by("posted_at", "number"))
    assert sorted(entry.number for entry in entries) == list(range(1, 8 * 20 + 1))
    assert JournalLine.objects.count() == 2 * 160


@pytest.mark.django_db(transaction=True)
def test_the_same_key_posted_by_eight_threads_at_once_posts_once():
    books = open_books()
    began = threading.Barrier(8)
    posted = []

    def post() -> None:
        began.wait()
        draft = books.draft(("1000", "1.00", ""), ("4000", "", "1.00"), key="double click")
        posted.append(posting.post_entry(books.organization, draft, actor=books.owner).pk)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(posted) == 8
    assert len(set(posted)) == 1
    assert JournalEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_posted_while_postings_are_held():
    books = open_books()
    done = threading.Event()

    def post() -> None:
        books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
        done.set()
        connection.close()

    with transaction.atomic():
        posting.hold_postings(books.organization)
        thread = threading.Thread(target=post)
        thread.start()
        assert not done.wait(0.5)
        assert not JournalEntry.objects.exists()
    thread.join(10)
    assert done.is_set()
