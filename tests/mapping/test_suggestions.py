"""What is suggested for each of our accounts, and what is left open."""

import pytest

from integrations.mapping.suggestions import suggest
from integrations.models import ChartAccount
from ledger.models import Account
from tests.mapping import score


def ours(number: str, name: str, kind: str, *, is_trust: bool = False) -> Account:
    return Account(pk=1, number=number, name=name, type=kind, is_trust=is_trust)


def theirs(*rows: tuple[str, str, str], trust: str = "") -> list[ChartAccount]:
    return [
        ChartAccount(pk=pk, remote_id=str(pk), number=number, name=name, classification=kind, is_trust=name == trust)
        for pk, (number, name, kind) in enumerate(rows, start=1)
    ]


def suggested(account: Account, chart: list[ChartAccount]) -> str:
    found = suggest([account], chart)
    return found[1].target.name if found else ""


@pytest.mark.parametrize("found", score.scores(), ids=lambda found: f"{found.ours} at {found.theirs}")
def test_of_a_hundred_suggestions_at_least_ninety_five_are_right(found):
    assert found.suggested >= 4
    assert found.precision >= 0.95, found.wrong


@pytest.mark.parametrize("found", score.scores(), ids=lambda found: f"{found.ours} at {found.theirs}")
def test_every_trust_account_is_right_or_left_open(found):
    assert found.trust_wrong == []


def test_wrong_suggestions_would_lower_the_score():
    found = score.Score("ours", "theirs", rows=2, findable=2, right=1, wrong=["1000 → 2000"])
    assert (found.precision, found.is_good_enough) == (0.5, False)


@pytest.mark.parametrize(
    ("account", "same_number"),
    [
        (ours("1100", "Trust Bank", "asset", is_trust=True), ("1100", "Accounts Receivable", "asset")),
        (ours("2100", "Client Trust", "liability", is_trust=True), ("2100", "Credit Card", "liability")),
        (ours("2300", "Payroll Liabilities", "liability"), ("2300", "Sales Tax Payable", "liability")),
    ],
)
def test_a_number_alone_suggests_nothing(account, same_number):
    assert suggested(account, theirs(same_number)) == ""


def test_the_name_wins_over_the_number():
    chart = theirs(("1100", "Accounts Receivable", "asset"), ("1200", "Office Equipment", "asset"))
    assert suggested(ours("1100", "Office Equipment", "asset"), chart) == "Office Equipment"


def test_a_same_number_decides_between_two_similar_names():
    chart = theirs(("5100", "Rent London", "expense"), ("5200", "Rent Paris", "expense"))
    assert suggested(ours("5200", "Rent", "expense"), chart) == "Rent Paris"
    assert suggested(ours("9999", "Rent", "expense"), chart) == ""


def test_the_same_name_in_another_class_is_not_suggested():
    assert suggested(ours("4000", "Interest", "revenue"), theirs(("7000", "Interest", "expense"))) == ""


def test_a_trust_account_is_only_suggested_for_client_money():
    chart = theirs(("1000", "Operating Bank", "asset"), ("1001", "Client Bank", "asset"), trust="Client Bank")
    assert suggested(ours("1001", "Client Bank", "asset"), chart) == ""
    assert suggested(ours("1001", "Client Bank", "asset", is_trust=True), chart) == "Client Bank"


def test_accumulated_depreciation_is_no_equipment_and_no_depreciation():
    account = ours("1590", "Accumulated Depreciation on Equipment", "asset")
    assert suggested(account, theirs(("1500", "Equipment", "asset"))) == ""
    assert suggested(ours("6700", "Depreciation", "asset"), theirs(("1590", "Accumulated Depreciation", "asset"))) == ""


def test_one_kind_of_tax_is_not_another():
    assert (
        suggested(ours("2310", "Income Tax Payable", "liability"), theirs(("1", "Sales Tax Payable", "liability")))
        == ""
    )


def test_a_misspelt_name_is_still_found():
    chart = theirs(("805", "Accrued Liabilities", "liability"), ("2000", "Payables Control", "liability"))
    assert suggested(ours("802", "Accrued Liabilites", "liability"), chart) == "Accrued Liabilities"


def test_a_sub_account_is_known_by_its_own_name():
    chart = theirs(("", "Matters:Litigation:Appeals", "revenue"), ("", "Matters:Litigation", "revenue"))
    assert suggested(ours("4100", "Appeals", "revenue"), chart) == "Matters:Litigation:Appeals"


@pytest.mark.parametrize("name", ["", "…", "和解", "<script>alert(1)</script>", "=HYPERLINK(1)", "123"])
def test_names_without_words_are_left_open(name):
    assert suggested(ours("1000", "Rent", "expense"), theirs(("1000", name, "expense"))) == ""
    assert suggested(ours("1000", name or "-", "expense"), theirs(("1000", "Rent", "expense"))) == ""


def test_the_reason_says_what_agrees():
    chart = theirs(("2100", "Client Trust Liability", "liability"), trust="Client Trust Liability")
    found = suggest([ours("2100", "Client Trust", "liability", is_trust=True)], chart)[1]
    assert found.reason == "similar name, same number, marked as trust there, same class (liability)"
