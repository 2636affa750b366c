"""The whole way: entries sent to the sandbox over HTTP, its own books, and what the tie-out makes of them."""

import csv
import io
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from integrations.mirror import tie_out as tying_out
from tests.mirror.conftest import _key_file, connection, firm, pass_over, provider_name, sandbox
from tests.signed_in import signed_in
from tests.tie_out.test_trial_balance import text_of, upload

__all__ = ["_key_file", "connection", "firm", "provider_name", "sandbox"]


@pytest.fixture
def owner(firm) -> Client:
    return signed_in(firm.owner)


def their_balances(sandbox, connection) -> dict[str, Decimal]:
    """Debits less credits in the sandbox's own books, of the accounts that have any."""
    balances = {}
    for row in sandbox.books(connection.provider_name, connection.company_id)["accounts"]:
        if net := Decimal(row["debits"]) - Decimal(row["credits"]):
            balances[row["id"]] = net
    return balances


def their_trial_balance(sandbox, connection) -> str:
    """Their books as the report that a person would export."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["Trial Balance"])
    writer.writerow(["Account Code", "Account", "Debit", "Credit"])
    for row in sandbox.books(connection.provider_name, connection.company_id)["accounts"]:
        net = Decimal(row["debits"]) - Decimal(row["credits"])
        amounts = [f"{net:,.2f}", ""] if net > 0 else ["", f"{-net:,.2f}" if net else ""]
        writer.writerow([row["number"], row["name"], *amounts])
    return text.getvalue()


def test_what_we_count_as_sent_is_what_their_books_hold(firm, connection, sandbox):
    firm.post(("1100", "2100", "1250.00"), ("1000", "4000", "99.99"), ("2100", "1100", "0.01"))
    pass_over(connection)
    today = timezone.localdate()
    assert tying_out.tie_out(connection, as_of=today).agrees
    assert tying_out.sent_by_target(connection, as_of=today) == their_balances(sandbox, connection)


def test_an_account_that_got_another_target_is_tied_out_where_its_lines_went(firm, connection, sandbox):
    firm.post(("1100", "2100", "10.00"))
    pass_over(connection)
    taken = set(connection.mappings.values_list("target", flat=True))
    mapping = connection.mappings.get(account=firm.accounts["2100"])
    mapping.target = connection.chart.eligible().filter(classification="liability").exclude(pk__in=taken).first()
    mapping.save()
    firm.post(("1100", "2100", "7.00"))
    pass_over(connection)
    today = timezone.localdate()
    assert tying_out.sent_by_target(connection, as_of=today) == their_balances(sandbox, connection)
    [row] = [row for row in tying_out.tie_out(connection, as_of=today).accounts if row.account.number == "2100"]
    assert len(row.targets) == 2


def test_their_own_trial_balance_agrees_to_the_cent(firm, connection, sandbox, owner):
    firm.post(("1100", "2100", "1250.00"), ("1000", "4000", "99.99"))
    pass_over(connection)
    today = timezone.localdate().isoformat()
    page = text_of(upload(owner, connection, their_trial_balance(sandbox, connection), on=today))
    assert "All 4 accounts agree, to the cent." in page
