"""The main job: what is queued reaches the provider's books once, to the cent, and the books here say so."""

import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection as database
from django.db import connections as databases

from audit.actions import Action
from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.connections import disconnect, returning
from integrations.mapping import chart, saving
from integrations.mirror import claiming, deliveries, drain, outcomes, queue, schedule
from integrations.mirror.deliveries import reference, references
from integrations.models import Connection, Delivery, QueueRow, SyncMode
from integrations.providers.base import Accepted, Cause, Refused, SendResult, Uncertain
from ledger.models import JournalEntry

from .conftest import (
    WRITE_CALL,
    connect_firm,
    later,
    map_everything,
    pass_over,
    probe_now,
    read_chart_if_due,
    states,
)


def books(sandbox, connection):
    return sandbox.books(connection.provider_name, connection.company_id)


READ_CALL = {"quickbooks": "companyinfo", "xero": "organisation"}


def read_chart(connection):
    chart.ask_for_reading(connection)
    read_chart_if_due(connection)


def test_an_entry_arrives_once_and_to_the_cent(firm, connection, sandbox):
    [entry] = firm.post(("1100", "2100", "1234.56"), memo="Lowe v. Hart: retainer é 法")
    assert pass_over(connection)
    row = entry.queue_rows.get()
    assert (row.state, bool(row.remote_id), bool(row.sent_at)) == ("sent", True, True)
    assert books(sandbox, connection)["totals"] == {"debits": "1234.56", "credits": "1234.56"}
    [journal] = sandbox.journals(connection.provider_name, connection.company_id)
    assert journal["date"] == entry.date.isoformat()
    connection.refresh_from_db()
    assert connection.last_sync_at is not None


def test_every_line_lands_on_the_account_that_was_chosen(firm, connection, sandbox):
    firm.post(("1100", "2100", "10.10"), ("1000", "4000", "20.20"))
    pass_over(connection)
    theirs = {row["id"]: (row["debits"], row["credits"]) for row in books(sandbox, connection)["accounts"]}
    by_number = {
        m.account.number: theirs[m.target.remote_id] for m in connection.mappings.select_related("account", "target")
    }
    assert by_number == {
        "1000": ("20.20", "0.00"),
        "1100": ("10.10", "0.00"),
        "2100": ("0.00", "10.10"),
        "4000": ("0.00", "20.20"),
    }


def test_what_waits_goes_together_in_full_batches(firm, connection, sandbox):
    size = connection.provider.limits.batch_size
    firm.post(*[("1100", "2100", "1.00")] * (size + 1))
    assert pass_over(connection)
    assert pass_over(connection)
    assert not pass_over(connection)
    assert set(states(connection)) == {"sent"}
    assert books(sandbox, connection)["write_calls"] == 2
    assert books(sandbox, connection)["journals"] == size + 1


def test_the_pacer_holds_the_next_send_back(firm, connection):
    firm.post(("1100", "2100", "1.00"))
    assert drain.run_pass(connection.pk)
    firm.post(("1100", "2100", "2.00"))
    assert not drain.run_pass(connection.pk)
    assert states(connection) == ["sent", "waiting"]


def test_nothing_is_sent_while_a_required_account_has_no_target(firm, provider_name, sandbox, connection):
    account = firm.accounts["4000"]
    saving.save_mapping(connection, {account.pk: None}, actor=firm.owner)
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    target = connection.chart.eligible().filter(classification="revenue").first()
    saving.save_mapping(connection, {account.pk: target.pk}, actor=firm.owner)
    assert pass_over(connection)


def test_a_worker_that_dies_after_the_send_doubles_nothing(firm, connection, sandbox):
    """The provider has the journals and nobody here wrote it down: the same bytes go again under the same key."""
    firm.post(("1100", "2100", "1.00"), ("1100", "2100", "2.00"))
    lease = claiming.claim(connection.pk).lease
    token = drain.tokens.access_token(connection)
    assert drain._attempt(lease, token) is not None
    assert states(connection) == ["sending", "sending"]
    assert not pass_over(connection), "the lease still holds"
    later(connection, seconds=200)
    assert pass_over(connection)
    assert states(connection) == ["sent", "sent"]
    assert books(sandbox, connection)["journals"] == 2
    assert Delivery.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_a_claim_does_not_wait_for_the_disk_and_the_attempt_that_follows_does(firm, connection, monkeypatch):
    """What a server that dies takes along was never sent: an attempt's commit brings the claim to the disk before."""
    firm.post(("1100", "2100", "250.00"))
    waits = []
    monkeypatch.setattr(claiming, "crash_point", lambda _: waits.append(_waits_for_the_disk()))
    with database.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # off for the tests' server as a whole
    try:
        lease = claiming.claim(connection.pk).lease
        waits.append(_waits_for_the_disk())
        assert deliveries.begin_attempt(lease)
        waits.append(_waits_for_the_disk())
    finally:
        database.close()  # back into the pool, which resets nothing
        database.close_pool()
    assert waits == [False, True, True]


def _waits_for_the_disk():
    with database.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return cursor.fetchone()[0] == "on"


def test_a_reply_lost_after_the_commit_doubles_nothing(firm, connection, sandbox):
    """First a probe, then new entries, and the same bytes again once the provider surely has done with the first."""
    sandbox.arm(
        provider=connection.provider_name, call=WRITE_CALL[connection.provider_name], nth=1, do="drop_after_commit"
    )
    firm.post(("1100", "2100", "1.00"))
    assert pass_over(connection)
    assert states(connection) == ["sending"]
    firm.post(("1100", "2100", "2.00"))
    assert not pass_over(connection), "nothing new before the provider is known to be back"
    probe_now(connection)
    connection.refresh_from_db()
    assert connection.troubled_since is None
    later(connection, seconds=140)
    while pass_over(connection):
        pass
    assert states(connection) == ["sent", "sent"]
    assert books(sandbox, connection)["journals"] == 2
    assert books(sandbox, connection)["duplicates"] == []


def test_a_repeat_of_unknown_outcome_rests_as_long_as_the_first(firm, connection, sandbox):
    """It, too, may be at work there for two minutes after its connection broke."""
    everything = {"provider": connection.provider_name, "share": 1.0, "times": 1000, "do": "status", "status": 500}
    sandbox.arm(call=WRITE_CALL[connection.provider_name], **everything)
    firm.post(("1100", "2100", "1.00"))
    assert pass_over(connection)
    later(connection, seconds=140)
    probe_now(connection)
    assert pass_over(connection)
    delivery, limits = connection.deliveries.get(), connection.provider.limits
    assert delivery.attempts == 2
    assert delivery.next_attempt_at > delivery.first_sent_at + limits.rest_after_unknown
    assert delivery.next_attempt_at >= database_now() + limits.rest_after_unknown - timedelta(seconds=20)


def test_an_outage_leaves_one_unknown_outcome_and_a_few_probes(firm, connection, sandbox):
    everything = {"provider": connection.provider_name, "share": 1.0, "times": 1000, "do": "status", "status": 500}
    for call in (WRITE_CALL[connection.provider_name], READ_CALL[connection.provider_name]):
        sandbox.arm(call=call, **everything)
    firm.post(*[("1100", "2100", "1.00")] * 70)
    for _ in range(12):
        pass_over(connection)
        probe_now(connection)
    assert Delivery.objects.count() == 1
    assert len(sandbox.requests(connection.provider_name, WRITE_CALL[connection.provider_name])) == 1
    sandbox.heal()
    probe_now(connection)
    later(connection, seconds=140)
    for _ in range(6):
        pass_over(connection)
    assert set(states(connection)) == {"sent"}
    assert books(sandbox, connection)["journals"] == 70


def test_an_outcome_that_can_no_longer_be_learned_is_left_to_a_person(firm, sandbox):
    """Xero recognises a repeat for six minutes: before they end nothing is sent again, and nothing called failed."""
    connection = connect_firm(firm, "xero", sandbox)
    Connection.objects.filter(pk=connection.pk).update(mirror_from=database_now().date())
    map_everything(firm, connection)
    sandbox.arm(provider="xero", call="manualjournals", nth=1, do="drop_after_commit")
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    later(connection, seconds=301)
    pass_over(connection)
    assert states(connection) == ["unconfirmed"]
    assert books(sandbox, connection)["journals"] == 1


def test_a_refused_entry_waits_for_a_person_and_the_others_go(firm, connection, sandbox):
    target = connection.mappings.get(account__number="4000").target
    sandbox.refuse_account(connection.provider_name, connection.company_id, target.remote_id)
    firm.post(("1100", "2100", "1.00"), ("1000", "4000", "2.00"), ("1100", "2100", "3.00"))
    pass_over(connection)
    assert states(connection) == ["sent", "needs_attention", "sent"]
    parked = connection.queue.needing_attention().get()
    assert parked.cause == "account"
    assert parked.provider_message
    [event] = AuditEvent.objects.filter(action=Action.SYNC_FAILED)
    assert event.data["entries"] == [parked.entry.number]
    assert event.data["provider_error"] == parked.provider_message
    assert event.actor is None


def settle_as(connection, *answers):
    """Settle the connection's one open delivery by these answers, made of its item ids in their order."""
    delivery = connection.deliveries.open().get()
    lease = deliveries.lease(delivery, database_now())
    items = delivery.items.order_by("position")
    told = tuple(make(item.item_id) for make, item in zip(answers, items, strict=True))
    outcomes.settle(lease, SendResult(told, http_status=200, request_id="r-1"))


def refused(item_id):
    return Refused(item_id, Cause.PERIOD, "6200", "The account period has closed.")


def uncertain(item_id):
    return Uncertain(item_id, "Nothing is said of it.")


def accepted(item_id):
    return Accepted(item_id, f"remote-{item_id}")


@pytest.mark.parametrize("again", [refused, accepted])
def test_a_retry_while_its_delivery_is_in_doubt_is_answered_by_that_delivery(firm, connection, again):
    """The same bytes will go again for the neighbour's sake and may write it: under a new key it could be doubled."""
    firm.post(("1000", "4000", "2.00"), ("1100", "2100", "1.00"))
    claiming.claim(connection.pk)
    settle_as(connection, refused, uncertain)
    assert states(connection) == ["needs_attention", "sending"]
    row = connection.queue.needing_attention().get()
    assert queue.retry(connection, [row.pk], actor=firm.owner) == 1
    assert queue.retry(connection, [row.pk], actor=firm.owner) == 0
    assert states(connection) == ["sending", "sending"]
    settle_as(connection, again, accepted)
    assert states(connection) == ["sent" if again is accepted else "needs_attention", "sent"]
    assert not connection.deliveries.open().exists()


def test_a_refused_entry_that_a_repeat_has_written_is_sent(firm, connection):
    firm.post(("1000", "4000", "2.00"), ("1100", "2100", "1.00"))
    claiming.claim(connection.pk)
    settle_as(connection, refused, uncertain)
    settle_as(connection, accepted, uncertain)
    assert states(connection) == ["sent", "sending"]
    row = connection.queue.get(state="sent")
    assert (bool(row.remote_id), row.cause, row.provider_code) == (True, "", "")
    settle_as(connection, refused, accepted)
    assert states(connection) == ["sent", "sent"]


def test_a_retried_entry_goes_under_a_new_key_and_arrives_once(firm, connection, sandbox):
    target = connection.mappings.get(account__number="4000").target
    sandbox.refuse_account(connection.provider_name, connection.company_id, target.remote_id, how="inactive")
    firm.post(("1000", "4000", "2.00"))
    pass_over(connection)
    read_chart_if_due(connection)
    assert not pass_over(connection), "the chart now says that the target takes no journals"
    other = connection.chart.eligible().filter(classification="revenue").exclude(pk=target.pk).first()
    saved = saving.save_mapping(connection, {firm.accounts["4000"].pk: other.pk}, actor=firm.owner)
    assert saved.released == 1
    assert pass_over(connection)
    assert states(connection) == ["sent"]
    assert books(sandbox, connection)["journals"] == 1
    assert queue.retry(connection, connection.queue.values_list("pk", flat=True), actor=firm.owner) == 0


def test_an_account_that_comes_back_lets_its_entries_go(firm, connection, sandbox):
    target = connection.mappings.get(account__number="4000").target
    sandbox.refuse_account(connection.provider_name, connection.company_id, target.remote_id, how="inactive")
    firm.post(("1000", "4000", "2.00"), ("1000", "4000", "3.00"))
    pass_over(connection)
    read_chart_if_due(connection)
    assert states(connection) == ["needs_attention", "needs_attention"]
    sandbox.accept_account(connection.provider_name, connection.company_id, target.remote_id)
    read_chart(connection)
    assert pass_over(connection)
    assert states(connection) == ["sent", "sent"]


def test_a_refusal_that_the_chart_does_not_explain_is_not_tried_over_and_over(firm, connection, sandbox):
    target = connection.mappings.get(account__number="4000").target
    sandbox.refuse_account(connection.provider_name, connection.company_id, target.remote_id)
    firm.post(("1000", "4000", "2.00"))
    pass_over(connection)
    for _ in range(3):
        read_chart(connection)
        assert not pass_over(connection)
    assert states(connection) == ["needs_attention"]


def test_a_reopened_period_lets_its_entries_go(firm, connection, sandbox):
    setting = {"quickbooks": "book_close_date", "xero": "period_lock_date"}[connection.provider_name]
    company = (connection.provider_name, connection.company_id)
    [entry] = firm.post(("1100", "2100", "2.00"))
    sandbox.change_company(*company, **{setting: entry.date.isoformat()})
    pass_over(connection)
    assert connection.queue.get().cause == "period"
    read_chart(connection)
    assert states(connection) == ["needs_attention"]
    sandbox.change_company(*company, **{setting: (entry.date - timedelta(days=1)).isoformat()})
    read_chart(connection)
    assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_a_worker_that_lost_its_lease_can_neither_send_nor_settle(firm, connection, sandbox):
    firm.post(("1100", "2100", "1.00"))
    zombie = claiming.claim(connection.pk).lease
    later(connection, seconds=200)
    Connection.objects.filter(pk=connection.pk).update(next_send_at=None, coalesce_until=None)
    heir = claiming.claim(connection.pk).lease
    assert heir.delivery.pk == zombie.delivery.pk
    assert heir.token != zombie.token
    assert drain._attempt(zombie, "unused") is None
    drain.send(heir)
    assert states(connection) == ["sent"]
    assert books(sandbox, connection)["journals"] == 1


def test_access_withdrawn_at_the_provider_stops_the_connection_and_keeps_the_queue(firm, connection, sandbox):
    sandbox.disconnect_there(connection.provider_name, connection.company_id)
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    connection.refresh_from_db()
    assert connection.status in {"disconnected", "error"}
    assert connection.queue.count() == 1
    assert not pass_over(connection)


def test_a_reconnect_to_the_same_company_sends_what_waited(firm, connection, sandbox):
    disconnect.disconnect(connection, actor=firm.owner)
    returning.give_back(connection.grants_to_return.get().pk)
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    again = connect_firm(firm, connection.provider_name, sandbox)
    assert again.pk == connection.pk
    assert again.mappings.missing().count() == 0
    assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_off_sends_nothing_and_loses_nothing(firm, connection):
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    assert states(connection) == ["waiting"]
    schedule.set_mode(firm.organization, SyncMode.LIVE, actor=firm.owner)
    assert pass_over(connection)


@pytest.mark.parametrize("switch", ["off", "pause", "disconnect"])
def test_a_claimed_delivery_does_not_start_once_the_mirror_was_switched_off(firm, connection, sandbox, switch):
    firm.post(("1100", "2100", "1.00"))
    lease = claiming.claim(connection.pk).lease
    if switch == "off":
        schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    elif switch == "pause":
        schedule.set_paused(firm.organization, paused=True)
    else:
        disconnect.disconnect(connection, actor=firm.owner)
    drain.send(lease)
    assert books(sandbox, connection)["write_calls"] == 0
    assert Delivery.objects.get().leased_until is None
    if switch == "off":
        schedule.set_mode(firm.organization, SyncMode.LIVE, actor=firm.owner)
        assert pass_over(connection)
        assert states(connection) == ["sent"]


def test_batched_waits_for_the_firms_own_hour(firm, connection, settings):
    schedule.set_mode(firm.organization, SyncMode.BATCHED, actor=firm.owner)
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    chosen = schedule.sync_settings(firm.organization)
    assert timedelta() < chosen.next_flush_at - database_now() <= settings.MIRROR_BATCH_INTERVAL
    chosen.next_flush_at = database_now()
    chosen.save()
    schedule.flush_due_organizations()
    assert pass_over(connection)
    assert schedule.sync_settings(firm.organization).next_flush_at > database_now()


def test_an_entry_that_cannot_be_composed_holds_up_no_other(firm, connection, monkeypatch, caplog):
    broken, fine = firm.post(("1100", "2100", "1.00"), ("1100", "2100", "2.00"))
    compose = drain.deliveries._draft

    def fail_on_the_first(entry, *others):
        if entry.pk == broken.pk:
            raise ZeroDivisionError
        return compose(entry, *others)

    monkeypatch.setattr(drain.deliveries, "_draft", fail_on_the_first)
    pass_over(connection)
    assert (broken.queue_rows.get().state, fine.queue_rows.get().state) == ("needs_attention", "sent")
    assert "ZeroDivisionError" in caplog.text


def test_a_reference_is_readable_short_and_never_that_of_another_connection(connection):
    entry = JournalEntry(pk=7, number=4211)
    mine = reference(connection, entry)
    assert mine.startswith("ATH-4211-")
    assert len(reference(connection, JournalEntry(pk=10**12, number=99_999_999))) <= 21
    assert mine != reference(Connection(pk=uuid.uuid4()), entry)
    assert mine == reference(connection, entry)


def test_a_reference_stays_what_it_was_when_the_entry_was_first_sent():
    connection = Connection(pk=uuid.UUID("5b0ad5c1-67e1-4a27-9c3e-0d4f1f2a7b60"))
    entries = [JournalEntry(pk=7, number=4211), JournalEntry(pk=8, number=4212)]
    assert references(connection, entries) == ["ATH-4211-6HYDSZH4", "ATH-4212-EQUIDOII"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_eight_workers_send_every_entry_once(firm, connection, sandbox):
    firm.post(*[("1100", "2100", f"{n}.00") for n in range(1, 131)])

    def work():
        try:
            for _ in range(40):
                Connection.objects.filter(pk=connection.pk).update(next_send_at=None, coalesce_until=None)
                drain.run_pass(connection.pk)
                if not QueueRow.objects.exclude(state="sent").exists():
                    return
        finally:
            databases["default"].close()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert set(states(connection)) == {"sent"}
    seen = books(sandbox, connection)
    assert (seen["journals"], seen["duplicates"]) == (130, [])
    assert Decimal(seen["totals"]["debits"]) == sum(range(1, 131))
