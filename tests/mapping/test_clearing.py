"""The accounts to add where a provider refuses journals to bank and system accounts."""

from integrations.mapping.clearing import accounts_to_add
from integrations.models import ChartAccount, Connection
from ledger.models import Account


def ours(*rows: tuple[str, str, str]) -> list[Account]:
    return [Account(pk=pk, number=number, name=name, type=kind) for pk, (number, name, kind) in enumerate(rows, 1)]


def theirs(*rows: tuple[str, str, str, str]) -> list[ChartAccount]:
    return [
        ChartAccount(pk=pk, remote_id=str(pk), number=number, name=name, classification=kind, refusal=refusal)
        for pk, (number, name, kind, refusal) in enumerate(rows, 1)
    ]


XERO, QUICKBOOKS = Connection(provider_name="xero"), Connection(provider_name="quickbooks")


def test_a_bank_account_and_the_system_accounts_get_one_each_beside_them():
    lacking = ours(
        ("1000", "Operating Bank", "asset"), ("2000", "Accounts Payable", "liability"), ("5000", "Rent", "expense")
    )  # fmt: skip
    chart = theirs(("1000", "Operating Bank", "asset", "bank"), ("2000", "Accounts Payable", "liability", "system"))
    bank, payable = accounts_to_add(XERO, lacking, chart)
    assert (bank.name, bank.kind, bank.instead_of.name) == (
        "Operating Bank clearing",
        "Current Asset",
        "Operating Bank",
    )
    assert (payable.name, payable.kind) == ("Accounts Payable clearing", "Current Liability")


def test_the_codes_are_free_in_that_chart_and_among_themselves():
    lacking = ours(("1000", "Operating Bank", "asset"), ("1001", "Savings Bank", "asset"))
    chart = theirs(("1000", "Till", "asset", ""), ("1002", "Safe", "asset", ""))
    assert [each.number for each in accounts_to_add(XERO, lacking, chart)] == ["1001", "1003"]


def test_a_code_is_never_longer_than_the_provider_takes():
    lacking = ours(("999999999999", "Operating Bank", "asset"))
    chart = theirs(("9999999999", "Till", "asset", ""))
    [added] = accounts_to_add(XERO, lacking, chart)
    assert added.number == "0000000001"


def test_an_account_that_is_kept_at_a_bank_needs_one_even_where_theirs_is_called_otherwise():
    [added] = accounts_to_add(XERO, ours(("100", "Petty Cash", "asset")), [])
    assert (added.number, added.instead_of) == ("100", None)


def test_a_name_that_is_taken_there_gets_our_number():
    chart = theirs(("5", "Petty Cash clearing", "asset", ""))
    [added] = accounts_to_add(XERO, ours(("100", "Petty Cash", "asset")), chart)
    assert added.name == "Petty Cash clearing 100"


def test_quickbooks_takes_journals_to_banks_so_nothing_is_to_be_added():
    chart = theirs(("1000", "Operating Bank", "asset", ""))
    assert accounts_to_add(QUICKBOOKS, ours(("1000", "Operating Bank", "asset")), chart) == []
