"""What people change in the provider's chart is noticed, with what it was before and since when."""

from django.utils import timezone

from integrations.mapping import chart, saving
from integrations.mapping.reports import mapping_table
from integrations.models import ChartAccount, Connection
from tests.mapping.conftest import archive_there, delete_there, edit_there, read_chart, restore_there, target_of
from tests.mirror.conftest import read_chart_if_due


def row(connection: Connection, number: str):
    [found] = [row for row in mapping_table(connection).rows if row.account.number == number]
    return found


def test_an_unchanged_chart_is_read_again_without_a_change(connection):
    before = list(connection.chart.order_by("pk").values())
    read_chart(connection)
    assert list(connection.chart.order_by("pk").values()) == before


def test_an_archived_account_says_since_when(connection, sandbox):
    began = timezone.now()
    archive_there(sandbox, target_of(connection, "4000"))
    read_chart(connection)
    found = row(connection, "4000")
    assert found.status == "Cannot be used"
    assert found.target.refusal == "inactive"
    since = found.target.unusable_since
    assert since >= began
    read_chart(connection)
    assert row(connection, "4000").target.unusable_since == since
    restore_there(sandbox, target_of(connection, "4000"))
    read_chart(connection)
    assert (row(connection, "4000").status, row(connection, "4000").target.unusable_since) == ("Mapped", None)


def test_an_account_deleted_there_is_said_to_be_gone(connection, sandbox):
    deleted = target_of(connection, "4000")
    delete_there(sandbox, deleted)
    read_chart(connection)
    found = row(connection, "4000")
    # QuickBooks keeps what was deleted, as inactive.
    assert found.status == ("No longer in the chart" if connection.provider_name == "xero" else "Cannot be used")
    assert found.target.unusable_since is not None
    assert found.is_blocking


def test_a_renamed_account_keeps_its_mapping_and_says_what_it_was(connection, sandbox):
    before = target_of(connection, "4000")
    edit_there(sandbox, before, name="Fees, all", number="4999")
    read_chart(connection)
    found = row(connection, "4000")
    assert (found.status, found.is_altered) == ("Mapped", True)
    assert (found.target.name, found.target.number) == ("Fees, all", "4999")
    assert (found.target.former["name"], found.target.former["number"]) == (before.name, before.number)


def test_a_retyped_account_says_so_and_warns_of_the_class(connection, sandbox):
    kind = {"quickbooks": "Expense", "xero": "EXPENSE"}[connection.provider_name]
    edit_there(sandbox, target_of(connection, "4000"), type=kind)
    read_chart(connection)
    found = row(connection, "4000")
    assert found.is_altered
    assert found.target.former["classification"] == "revenue"
    assert found.differing_type == "expense"


def test_choosing_the_target_again_answers_the_change(firm, connection, sandbox):
    target = target_of(connection, "4000")
    edit_there(sandbox, target, name="Fees, all")
    read_chart(connection)
    saving.save_mapping(connection, {firm.accounts["4000"].pk: None}, actor=firm.owner)
    saving.save_mapping(connection, {firm.accounts["4000"].pk: target.pk}, actor=firm.owner)
    assert not row(connection, "4000").is_altered


def test_a_chart_that_can_not_be_read_changes_nothing(connection, sandbox):
    before = list(ChartAccount.objects.order_by("pk").values())
    call = {"quickbooks": "query", "xero": "accounts"}[connection.provider_name]
    sandbox.arm(provider=connection.provider_name, call=call, nth=1, do="status", status=503)
    chart.ask_for_reading(connection)
    read_chart_if_due(connection)
    connection.refresh_from_db()
    assert connection.chart_error
    assert list(ChartAccount.objects.order_by("pk").values()) == before
