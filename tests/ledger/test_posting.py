"""Worked examples of posting, each ending in a trial balance, and everything that is refused."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction

from audit.models import AuditEvent
from ledger import posting, reports
from ledger.models import Account, JournalEntry, JournalLine
from ledger.posting import EntryDraft, EntryLine
from ledger.signals import journal_entries_posted


def balances(books, **period) -> dict[str, str]:
    balance = reports.trial_balance(books.organization, **period)
    assert balance.debits == balance.credits
    return {row.account.number: str(row.balance) for row in balance.rows if row.debits or row.credits}


def test_a_retainer_a_fee_and_the_rent_end_in_the_expected_trial_balance(books):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"), on=date(2026, 3, 2))
    books.post(("2100", "1250.50", ""), ("1100", "", "1250.50"), on=date(2026, 3, 9))
    books.post(("1000", "1250.50", ""), ("4000", "", "1250.50"), on=date(2026, 3, 9))
    books.post(("6100", "800.00", ""), ("1000", "", "800.00"), on=date(2026, 4, 1))

    assert balances(books) == {
        "1000": "450.50",
        "1100": "3749.50",
        "2100": "-3749.50",
        "4000": "-1250.50",
        "6100": "800.00",
    }
    assert balances(books, as_of=date(2026, 3, 31))["1000"] == "1250.50"
    assert balances(books, dated_from=date(2026, 4, 1)) == {"1000": "-800.00", "6100": "800.00"}
    total = reports.trial_balance(books.organization)
    assert (total.debits, total.credits) == (Decimal("8301.00"), Decimal("8301.00"))


def test_the_trial_balance_knows_nothing_of_another_organization(books, other_books):
    other_books.post(("1000", "70.00", ""), ("4000", "", "70.00"))
    assert balances(books) == {}


def test_trust_money_held_equals_what_is_owed(books):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    position = reports.trust_position(reports.trial_balance(books.organization))
    assert (position.held, position.owed, position.difference) == (Decimal(5000), Decimal(5000), 0)
    books.post(("1000", "70.00", ""), ("4000", "", "70.00"))
    assert reports.trust_position_now(books.organization) == position


def test_trust_money_of_another_firm_or_of_an_entry_not_posted_is_not_held(books, other_books):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    other_books.post(("1100", "70.00", ""), ("2100", "", "70.00"))
    draft = JournalEntry.objects.create(organization=books.organization, date=date(2026, 3, 2), currency="USD", key="d")
    for position, (number, debit, credit) in enumerate([("1100", Decimal(30), None), ("2100", None, Decimal(30))]):
        JournalLine.objects.create(
            entry=draft, position=position, account=books.accounts[number], debit=debit, credit=credit
        )
    position = reports.trust_position_now(books.organization)
    assert (position.held, position.owed) == (Decimal(5000), Decimal(5000))
    assert position == reports.trust_position(reports.trial_balance(books.organization))


def test_a_firm_without_trust_accounts_holds_nothing(books):
    Account.objects.update(is_trust=False)
    position = reports.trust_position_now(books.organization)
    assert (position.held, position.owed, position.difference) == (0, 0, 0)


def test_money_taken_from_trust_without_the_client_shows_as_a_difference(books):
    books.post(("1100", "5000.00", ""), ("2100", "", "5000.00"))
    books.post(("1000", "10.00", ""), ("1100", "", "10.00"))
    assert reports.trust_position(reports.trial_balance(books.organization)).difference == Decimal("-10.00")


def test_entries_are_numbered_from_one_in_each_organization(books, other_books):
    lines = ("1000", "1.00", ""), ("4000", "", "1.00")
    assert [books.post(*lines).number, books.post(*lines).number, other_books.post(*lines).number] == [1, 2, 1]


def test_the_same_key_posts_once(books):
    first = books.post(("1000", "9.00", ""), ("4000", "", "9.00"), key="retainer-1")
    again = books.post(("1000", "9.00", ""), ("4000", "", "9.00"), key="retainer-1")
    assert first == again
    assert balances(books) == {"1000": "9.00", "4000": "-9.00"}
    assert AuditEvent.objects.filter(action="ledger.entry_posted").count() == 1


def test_amounts_that_differ_only_in_trailing_zeros_are_the_same_content(books):
    first = books.post(("1000", "9.00", ""), ("4000", "", "9.00"), key="retainer-1")
    assert books.post(("1000", "9", ""), ("4000", "", "9.0"), key="retainer-1") == first


@pytest.mark.parametrize("change", [{"memo": "Other"}, {"on": date(2026, 3, 3)}, {"reference": "R-2"}])
def test_the_same_key_with_other_content_is_refused(books, change):
    draft = books.draft(("1000", "9.00", ""), ("4000", "", "9.00"), key="retainer-1")
    posting.post_entry(books.organization, draft, actor=books.owner)
    with pytest.raises(posting.KeyReused, match="JE-1 was posted under the same key with other content"):
        posting.post_entry(books.organization, replace(draft, **change), actor=books.owner)
    assert JournalEntry.objects.count() == 1


def test_another_organization_may_use_the_same_key(books, other_books):
    books.post(("1000", "9.00", ""), ("4000", "", "9.00"), key="retainer-1")
    other_books.post(("1000", "5.00", ""), ("4000", "", "5.00"), key="retainer-1")
    assert JournalEntry.objects.count() == 2


def test_an_unbalanced_entry_is_refused_with_the_difference(books):
    with pytest.raises(posting.EntryUnbalanced, match=r"debits are 1,000.00 and credits 999.99, a difference of 0.01"):
        books.post(("1000", "1000.00", ""), ("4000", "", "999.99"))
    assert not JournalEntry.objects.exists()


def test_an_entry_of_one_line_is_refused(books):
    with pytest.raises(posting.EntryUnbalanced, match="at least two"):
        books.post(("1000", "1.00", ""))


@pytest.mark.parametrize(
    ("debit", "credit", "words"),
    [
        ("1.005", "", "more than two decimals"),
        ("-1.00", "", "-1.00 should be an amount"),
        ("NaN", "", "NaN should be an amount"),
        ("Infinity", "", "Infinity should be an amount"),
        ("1000000000000.00", "", "should be an amount"),
        ("1.00", "1.00", "both a debit and a credit"),
        ("", "", "neither a debit nor a credit"),
        ("0.00", "0.00", "neither a debit nor a credit"),
    ],
)
def test_a_line_without_exactly_one_positive_amount_in_cents_is_refused(books, debit, credit, words):
    with pytest.raises(posting.LineInvalid, match=words):
        books.post(("1000", debit, credit), ("4000", "", "1.00"))


def test_the_largest_amount_fits(books):
    books.post(("1000", "999999999999.99", ""), ("4000", "", "999999999999.99"))
    assert balances(books)["1000"] == "999999999999.99"


def test_an_account_of_another_organization_is_refused_without_naming_it(books, other_books):
    lines = [
        EntryLine(books.accounts["1000"], Decimal(1), None),
        EntryLine(other_books.accounts["4000"], None, Decimal(1)),
    ]
    draft = EntryDraft(on=date(2026, 3, 2), memo="", lines=lines, key="k")
    with pytest.raises(posting.AccountUnknown) as refusal:
        posting.post_entry(books.organization, draft, actor=books.owner)
    assert "4000" not in str(refusal.value)


def test_an_inactive_account_is_refused(books):
    Account.objects.filter(number="4000").update(is_active=False)
    books.accounts["4000"].refresh_from_db()
    with pytest.raises(posting.AccountUnknown, match="4000 Revenue is inactive"):
        books.post(("1000", "1.00", ""), ("4000", "", "1.00"))


@pytest.mark.parametrize(("field", "value"), [("memo", "x" * 1001), ("reference", "a\0b"), ("key", "")])
def test_text_that_can_not_be_kept_is_refused_by_name(books, field, value):
    draft = replace(books.draft(("1000", "1.00", ""), ("4000", "", "1.00")), **{field: value})
    with pytest.raises(posting.EntryInvalid, match=field.capitalize()):
        posting.post_entry(books.organization, draft, actor=books.owner)


def test_a_reversal_takes_back_every_line_and_is_linked(books):
    entry = books.post(("1100", "5000.00", ""), ("2100", "", "4000.00"), ("4000", "", "1000.00"))
    reversal = posting.reverse_entry(entry, on=date(2026, 3, 5), actor=books.owner, key="undo")
    assert (reversal.number, reversal.reverses, reversal.memo) == (2, entry, "Reversal of JE-1")
    assert set(balances(books).values()) == {"0.00"}
    event = AuditEvent.objects.get(action="ledger.entry_reversed")
    assert (event.object_label, event.data["reverses"], event.actor) == ("JE-2", "JE-1", books.owner)


def test_a_reversal_repeated_with_its_key_is_the_same_one(books):
    entry = books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    reversals = [posting.reverse_entry(entry, on=date(2026, 3, 5), actor=books.owner, key="undo").pk for _ in range(2)]
    assert len(set(reversals)) == 1
    assert JournalEntry.objects.count() == 2


def test_an_entry_is_reversed_once(books):
    entry = books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    posting.reverse_entry(entry, on=date(2026, 3, 5), actor=books.owner, key="undo")
    with pytest.raises(posting.AlreadyReversed, match="JE-1 has been reversed already"):
        posting.reverse_entry(entry, on=date(2026, 3, 5), actor=books.owner, key="undo again")


def test_a_reversal_may_use_an_account_closed_since(books):
    entry = books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    Account.objects.filter(number="4000").update(is_active=False)
    posting.reverse_entry(entry, on=date(2026, 3, 5), actor=books.owner, key="undo")
    assert balances(books)["4000"] == "0.00"


def test_a_reversal_is_not_dated_before_its_entry(books):
    entry = books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    with pytest.raises(posting.EntryInvalid, match="dated 2026-03-02"):
        posting.reverse_entry(entry, on=date(2026, 3, 1), actor=books.owner, key="undo")


def test_many_entries_are_posted_in_the_given_order_or_not_at_all(books):
    drafts = [books.draft(("1000", f"{n}.00", ""), ("4000", "", f"{n}.00")) for n in range(1, 6)]
    entries = posting.post_entries(books.organization, drafts, actor=books.owner)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.key for entry in entries] == [draft.key for draft in drafts]
    bad = books.draft(("1000", "1.00", ""), ("4000", "", "2.00"))
    good = books.draft(("1000", "1.00", ""), ("4000", "", "1.00"))
    with pytest.raises(posting.EntryUnbalanced):
        posting.post_entries(books.organization, [good, bad], actor=books.owner)
    assert JournalEntry.objects.count() == 5


def test_bulk_posting_gives_back_what_was_posted_before_among_the_new(books):
    old = books.draft(("1000", "1.00", ""), ("4000", "", "1.00"))
    before = posting.post_entry(books.organization, old, actor=books.owner)
    new = books.draft(("1000", "2.00", ""), ("4000", "", "2.00"))
    assert posting.post_entries(books.organization, [new, old, new], actor=books.owner)[1] == before
    assert JournalEntry.objects.count() == 2


def test_the_signal_names_only_what_was_posted_just_now_with_its_number(books):
    heard = []

    def hear(sender, organization, entries, **_):
        heard.append((organization, [(entry.pk is not None, entry.number) for entry in entries]))

    journal_entries_posted.connect(hear)
    try:
        old = books.draft(("1000", "1.00", ""), ("4000", "", "1.00"))
        new = books.draft(("1000", "2.00", ""), ("4000", "", "2.00"))
        posting.post_entry(books.organization, old, actor=books.owner)
        posting.post_entry(books.organization, old, actor=books.owner)
        posting.post_entries(books.organization, [old, new], actor=books.owner)
    finally:
        journal_entries_posted.disconnect(hear)
    assert heard == [(books.organization, [(True, 1)]), (books.organization, [(True, 2)])]


def test_a_receiver_that_fails_undoes_the_posting(books):
    def fail(**_):
        raise RuntimeError("no room in the queue")

    journal_entries_posted.connect(fail)
    try:
        with pytest.raises(RuntimeError), transaction.atomic():
            books.post(("1000", "1.00", ""), ("4000", "", "1.00"))
    finally:
        journal_entries_posted.disconnect(fail)
    assert not JournalEntry.objects.exists()
    assert not AuditEvent.objects.filter(action="ledger.entry_posted").exists()
    assert books.post(("1000", "1.00", ""), ("4000", "", "1.00")).number == 1


def test_many_entries_posted_together_are_numbered_in_their_order(books):
    drafts = [books.draft(("1100", "3.00", ""), ("2100", "", "2.00"), ("4000", "", "1.00")) for _ in range(1_200)]
    entries = posting.post_entries(books.organization, drafts, actor=books.owner)
    assert [entry.number for entry in entries] == list(range(1, 1_201))
    assert JournalLine.objects.count() == 3_600
