"""What operators see and can do, and that it is true."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.mapping import saving
from integrations.mirror import heartbeat, schedule
from integrations.mirror.claiming import claim
from integrations.mirror.reports import standings
from integrations.mirror.status import mirror_status, nothing_sent_since
from integrations.models import AccountMapping, Connection, Delivery, Heartbeat, QueueRow, SyncMode, SyncSettings

from .conftest import pass_over, states


def run(command: str, **options) -> str:
    output = StringIO()
    call_command(command, stdout=output, **options)
    return output.getvalue()


def grow_old(connection: Connection) -> None:
    """Two minutes pass in which nobody sends."""
    ago = timedelta(minutes=2)
    QueueRow.objects.update(queued_at=F("queued_at") - ago)
    Connection.objects.update(
        connected_at=F("connected_at") - ago,
        last_sync_at=F("last_sync_at") - ago,
        slowed_until=F("slowed_until") - ago,
    )
    AccountMapping.objects.update(saved_at=F("saved_at") - ago)
    SyncSettings.objects.update(changed_at=F("changed_at") - ago, resumed_at=F("resumed_at") - ago)
    connection.refresh_from_db()


@pytest.fixture
def everyone_is_there(db):
    for kind in Heartbeat.Kind:
        heartbeat.beat_once(kind)


def test_a_process_that_has_not_been_heard_of_for_a_minute_is_not_there(everyone_is_there):
    assert mirror_status().workers_alive
    Heartbeat.objects.update(seen_at=F("seen_at") - timedelta(seconds=61))
    status = mirror_status()
    assert (status.workers_alive, status.beat_alive, status.is_well) == (False, False, False)


def test_an_entry_that_is_due_and_not_sent_for_a_minute_is_late(firm, connection, everyone_is_there):
    firm.post(("1100", "2100", "1.00"))
    assert mirror_status().is_well
    grow_old(connection)
    [status] = mirror_status().connections
    assert (status.is_late, status.waiting, status.held_by) == (True, 1, "")
    assert status.oldest_waiting_seconds >= 120
    with pytest.raises(CommandError, match="Look at it"):
        run("mirror_status")
    pass_over(connection)
    assert mirror_status().is_well


@pytest.mark.parametrize("held_by", ["off", "paused", "mapping", "provider limit", "provider trouble", "disconnected"])
def test_what_holds_entries_back_is_named_and_is_not_lateness(firm, connection, everyone_is_there, held_by):
    firm.post(("1100", "2100", "1.00"))
    if held_by == "off":
        schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    elif held_by == "paused":
        schedule.set_paused(firm.organization, paused=True)
    elif held_by == "mapping":
        saving.save_mapping(connection, {firm.accounts["4000"].pk: None}, actor=firm.owner)
    elif held_by == "provider limit":
        Connection.objects.update(slowed_until=database_now() + timedelta(hours=1))
    elif held_by == "provider trouble":
        Connection.objects.update(troubled_since=database_now())
    else:
        Connection.objects.update(status="disconnected", status_reason="grant_lost")
    grow_old(connection)
    [status] = mirror_status().connections
    assert (status.held_by, status.is_late) == (held_by, False)
    assert nothing_sent_since(standings([connection])[connection.pk]) is None


@pytest.mark.parametrize("held_by", ["off", "paused", "mapping", "provider limit"])
def test_what_was_held_until_a_moment_ago_is_not_late_yet(firm, connection, everyone_is_there, held_by):
    target = connection.mappings.get(account=firm.accounts["4000"]).target_id
    saving.save_mapping(connection, {firm.accounts["4000"].pk: None}, actor=firm.owner)
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    schedule.set_paused(firm.organization, paused=True)
    firm.post(("1100", "2100", "1.00"))
    lift = {
        "off": lambda: schedule.set_mode(firm.organization, SyncMode.LIVE, actor=firm.owner),
        "paused": lambda: schedule.set_paused(firm.organization, paused=False),
        "mapping": lambda: saving.save_mapping(connection, {firm.accounts["4000"].pk: target}, actor=firm.owner),
        "provider limit": lambda: Connection.objects.update(slowed_until=database_now()),
    }
    last = lift.pop(held_by)
    for lift_earlier in lift.values():
        lift_earlier()
    grow_old(connection)
    last()
    [status] = mirror_status().connections
    assert (status.held_by, status.waiting, status.is_late) == ("", 1, False)
    grow_old(connection)
    [status] = mirror_status().connections
    assert status.is_late


def test_the_json_says_what_the_text_says(firm, connection, everyone_is_there):
    firm.post(("1100", "2100", "1.00"))
    figures = json.loads(run("mirror_status", json=True))
    assert figures["is_well"] is True
    [shown] = figures["connections"]
    assert (shown["organization"], shown["waiting"], shown["unconfirmed"]) == ("harbor-law", 1, 0)
    assert "waiting 1" in run("mirror_status", organization="harbor-law")


def test_the_next_attempt_of_a_send_that_is_under_way_is_when_its_worker_would_be_given_up(firm, connection):
    firm.post(("1100", "2100", "1.00"))
    claimed = claim(connection.pk)
    [status] = mirror_status().connections
    claimed.lease.delivery.refresh_from_db()
    assert (status.sending, status.next_attempt_at) == (1, claimed.lease.delivery.leased_until)


def test_no_attempt_is_said_to_come_at_a_time_that_has_passed(firm, connection, everyone_is_there):
    firm.post(("1100", "2100", "1.00"))
    claim(connection.pk)
    Delivery.objects.update(leased_until=database_now() - timedelta(seconds=1))
    [status] = mirror_status().connections
    assert status.next_attempt_at is None
    assert "next attempt when due" in run("mirror_status")


def test_an_unknown_firm_is_named_with_those_that_are_known(firm):
    with pytest.raises(CommandError, match=r"no firm .nobody.\. Known: harbor-law"):
        run("mirror_status", organization="nobody")


def test_a_paused_firm_queues_and_sends_nothing_until_it_is_resumed(firm, connection):
    assert "nothing new is sent" in run("mirror_pause", organization="harbor-law")
    assert "paused already" in run("mirror_pause", organization="harbor-law")
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    run("mirror_resume", organization="harbor-law")
    assert pass_over(connection)
    actions = list(AuditEvent.objects.filter(action__startswith="integration.").values_list("action", flat=True))
    assert actions.count("integration.paused") == actions.count("integration.resumed") == 1


def test_flushing_sends_a_batch_early(firm, connection):
    with pytest.raises(CommandError, match="no batch to flush"):
        run("mirror_flush", organization="harbor-law")
    schedule.set_mode(firm.organization, SyncMode.BATCHED, actor=firm.owner)
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    run("mirror_flush", organization="harbor-law")
    assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_retrying_takes_only_the_cause_that_was_named(firm, connection):
    firm.post(("1100", "2100", "1.00"), ("1100", "2100", "2.00"))
    first, second = QueueRow.objects.order_by("id")
    QueueRow.objects.filter(pk=first.pk).update(state="needs_attention", cause="period")
    QueueRow.objects.filter(pk=second.pk).update(state="needs_attention", cause="other")
    run("mirror_retry", organization="harbor-law", cause="period")
    assert states(connection) == ["waiting", "needs_attention"]
