"""What the mapping lets go and what it holds back, against the sandbox's own books."""

from collections import Counter

from audit.models import AuditEvent
from integrations.connections import start
from integrations.mapping import saving
from integrations.mapping.reports import mapping_figures, mapping_table
from integrations.mirror import claiming
from integrations.models import Connection, DeliveryItem
from ledger.models import Account
from tests.mapping.conftest import archive_there, drain_all, edit_there, read_chart, restore_there, target_of
from tests.mirror.conftest import Firm, connect_firm, map_everything, pass_over, states
from tests.sandbox_server import Sandbox


def references(sandbox: Sandbox, connection: Connection) -> list[int]:
    """The entry numbers that stand in their books, in the order they came."""
    journals = sandbox.journals(connection.provider_name, connection.company_id)
    return [int(journal["reference"].split("-")[1]) for journal in journals]


def add_account(firm: Firm, number: str, name: str, kind: str) -> None:
    firm.accounts[number] = Account.objects.create(organization=firm.organization, number=number, name=name, type=kind)


def free_targets(connection: Connection, kind: str):
    taken = connection.mappings.exclude(target=None).values("target")
    return list(connection.chart.eligible().filter(classification=kind).exclude(pk__in=taken))


def test_three_accounts_first_used_later_are_flagged_and_hold_everything_until_mapped(firm, connection, sandbox):
    for number in ("6100", "6200", "6300", "6400"):
        add_account(firm, number, f"Expense {number}", "expense")
    firm.post(("1100", "2100", "1.00"))
    drain_all(connection)
    assert states(connection) == ["sent"]

    firm.post(
        ("6100", "1000", "2.00"), ("1100", "2100", "3.00"), ("6200", "1000", "4.00"), ("6300", "1000", "5.00")
    )  # fmt: skip
    drain_all(connection)
    assert states(connection) == ["sent", *["waiting"] * 4]
    blocking = [row.account.number for row in mapping_table(connection).rows if row.is_blocking]
    assert blocking == ["6100", "6200", "6300"]
    assert mapping_figures([connection])[connection.pk].unmapped == 3
    assert len(references(sandbox, connection)) == 1

    targets = free_targets(connection, "expense")
    chosen = {firm.accounts[number].pk: target.pk for number, target in zip(blocking, targets, strict=False)}
    last = chosen.popitem()
    saving.save_mapping(connection, chosen, actor=firm.owner)
    drain_all(connection)
    assert states(connection).count("waiting") == 4, "one of the three still lacks a target"
    saving.save_mapping(connection, dict([last]), actor=firm.owner)
    drain_all(connection)
    assert states(connection) == ["sent"] * 5
    there = references(sandbox, connection)
    assert there == sorted(there)
    assert set(Counter(there).values()) == {1}
    assert len(there) == 5


def test_an_account_archived_in_the_middle_of_a_drain_holds_back_its_own_entries_alone(firm, connection, sandbox):
    size = connection.provider.limits.batch_size
    pattern = [("1100", "2100", "1.00"), ("1000", "4000", "2.00"), ("1100", "2100", "3.00")]
    firm.post(*(pattern[index % 3] for index in range(size * 3)))
    archived = target_of(connection, "4000")
    pass_over(connection)
    archive_there(sandbox, archived)
    drain_all(connection)

    fees = set(firm.accounts["4000"].lines.values_list("entry", flat=True))
    sent_before = {
        row.entry_id for row in connection.queue.filter(pk__lte=connection.queue.order_by("pk")[size - 1].pk)
    }
    for row in connection.queue.all():
        waits = row.entry_id in fees and row.entry_id not in sent_before
        assert row.state == ("needs_attention" if waits else "sent")
        assert not waits or row.blamed_account_id in ("", archived.remote_id)
    [shown] = [row for row in mapping_table(connection).rows if row.account.number == "4000"]
    assert (shown.status, shown.is_blocking) == ("Cannot be used", True)
    assert shown.target.unusable_since is not None
    figures = mapping_figures([connection])[connection.pk]
    assert (figures.unmapped, figures.broken) == (0, 1)
    # One event for each cause and delivery, and none for each entry.
    assert AuditEvent.objects.filter(action="integration.sync_failed").count() <= 3

    other = free_targets(connection, "revenue")[0]
    saved = saving.save_mapping(connection, {firm.accounts["4000"].pk: other.pk}, actor=firm.owner)
    assert saved.released == connection.queue.waiting().count() > 0
    drain_all(connection)
    assert set(states(connection)) == {"sent"}
    there = references(sandbox, connection)
    assert sorted(there) == list(range(1, size * 3 + 1))


def test_an_account_that_is_restored_there_releases_what_waited_for_it(firm, connection, sandbox):
    archived = target_of(connection, "4000")
    archive_there(sandbox, archived)
    read_chart(connection)
    firm.post(("1000", "4000", "2.00"), ("1100", "2100", "1.00"))
    drain_all(connection)
    assert states(connection) == ["needs_attention", "sent"]
    assert len(references(sandbox, connection)) == 1, "what the chart already says is not tried"
    restore_there(sandbox, archived)
    read_chart(connection)
    drain_all(connection)
    assert states(connection) == ["sent", "sent"]


def test_an_account_renumbered_there_costs_no_entry(firm, connection, sandbox):
    renumbered = target_of(connection, "4000")
    edit_there(sandbox, renumbered, number="4987")
    firm.post(("1000", "4000", "2.00"), ("1100", "2100", "1.00"))
    drain_all(connection)
    assert states(connection) == ["sent", "sent"]
    [shown] = [row for row in mapping_table(connection).rows if row.account.number == "4000"]
    assert shown.status == "Mapped"
    if connection.provider_name == "xero":  # whose journals name accounts by number; so the refusal told us
        assert shown.is_altered
        assert shown.target.former["number"] == renumbered.number


def test_a_batch_that_is_set_aside_whole_does_not_keep_the_next_waiting(firm, connection, sandbox):
    archive_there(sandbox, target_of(connection, "4000"))
    read_chart(connection)
    size = connection.provider.limits.batch_size
    firm.post(*[("1000", "4000", "2.00")] * size, ("1100", "2100", "1.00"))
    assert claiming.claim(connection.pk).look_again_at is not None
    assert pass_over(connection)
    assert Counter(states(connection)) == {"needs_attention": size, "sent": 1}


def test_client_money_stops_everything_when_its_target_becomes_income_there(firm, sandbox):
    connection = connect_firm(firm, "quickbooks", sandbox)
    start.start_mirroring(connection, firm.post(("1100", "2100", "1.00"))[0].date, actor=firm.owner)
    map_everything(firm, connection)
    edit_there(sandbox, target_of(connection, "2100"), type="Income")
    read_chart(connection)
    drain_all(connection)
    assert states(connection) == ["waiting"]
    [shown] = [row for row in mapping_table(connection).rows if row.account.number == "2100"]
    assert shown.status == "Not for client money"


def test_every_sent_entry_keeps_the_target_it_was_sent_to(firm, connection, sandbox):
    before = target_of(connection, "4000")
    firm.post(("1000", "4000", "2.00"))
    drain_all(connection)
    other = free_targets(connection, "revenue")[0]
    saving.save_mapping(connection, {firm.accounts["4000"].pk: other.pk}, actor=firm.owner)
    firm.post(("1000", "4000", "3.00"))
    drain_all(connection)
    sent_to = [item.targets[str(firm.accounts["4000"].pk)] for item in DeliveryItem.objects.order_by("row")]
    assert sent_to == [before.remote_id, other.remote_id]
    books = {
        row["id"]: row["credits"] for row in sandbox.books(connection.provider_name, connection.company_id)["accounts"]
    }
    assert (books[before.remote_id], books[other.remote_id]) == ("2.00", "3.00")
