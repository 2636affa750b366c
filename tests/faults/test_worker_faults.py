"""H1 by the book: clocks, tokens, wake-ups and people in the midst of a drain, in simulated time."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial

import pytest
from django.db import transaction

from athenty.organizations.models import Organization
from integrations.mirror import schedule
from integrations.models import Connection, QueueRow, SyncMode
from tests.faults.naive import NaiveMirror
from tests.faults.scoreboard import NAIVE, board
from tests.faults.simulated_runs import LOST_REPLIES, Run, share
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long


@pytest.mark.parametrize("minutes_off", [-10, pytest.param(10, marks=LONG)])
def test_f18_a_workers_own_clock_decides_nothing(world, minutes_off, monkeypatch):
    """The replay window and the leases are the database's. What the process believes is wrong by minutes, and jumps."""
    import time as real_time

    from django.utils import timezone

    jump = iter([0, -3600, 3600] * 100_000)
    honest = real_time.time
    monkeypatch.setattr(real_time, "time", lambda: honest() + minutes_off * 60 + next(jump))
    monkeypatch.setattr(timezone, "now", lambda: BEGINS + timedelta(minutes=minutes_off))
    lost = share(LOST_REPLIES, 0.5)
    run = Run(world, "F18", f"worker's clock {minutes_off:+} min, jumping", lambda call, seconds: lost(call), entries=8)
    assert run.play().unconfirmed == 0


def test_f18_two_workers_whose_clocks_are_three_minutes_apart(world, monkeypatch):
    """Every second thread is ahead: what one of them writes down, the other reads."""
    from django.utils import timezone

    seen: list[int] = []

    def now() -> datetime:
        if (thread := threading.get_ident()) not in seen:
            seen.append(thread)
        return world.stage.now + timedelta(minutes=3) * (seen.index(thread) % 2)

    monkeypatch.setattr(timezone, "now", now)
    lost = share(LOST_REPLIES, 0.5)
    run = Run(world, "F18", "two workers, 3 min apart", lambda call, seconds: lost(call), entries=12, latency=15.0)
    assert run.play().unconfirmed == 0


@pytest.mark.parametrize("minutes", [-5, pytest.param(5, marks=LONG)])
def test_f18_a_date_to_wait_for_is_read_by_the_providers_clock(world, minutes):
    """It is minutes away from ours, and says by itself which moment it means."""
    theirs = BEGINS + timedelta(minutes=minutes)
    headers = (
        ("Content-Type", "application/json"),
        ("Date", format_datetime(theirs, usegmt=True)),
        ("Retry-After", format_datetime(theirs + timedelta(seconds=90), usegmt=True)),
    )
    struck: set[str] = set()

    def strike(call: Call, seconds: float) -> Strike:
        if not call.writes or call.tenant in struck:
            return UNHARMED
        struck.add(call.tenant)
        return Strike(status=429, headers=headers)

    run = Run(world, "F18", f"provider's clock {minutes:+} min", strike, entries=1, lasts=300)
    run.play()
    for connection in run.firm.connections:
        called = [at for at, call in world.provider.log if call.tenant == connection.company_id and call.writes]
        first, second = called
        assert timedelta(seconds=90) <= second - first < timedelta(seconds=120)


def test_f18_replies_lost_while_summer_time_begins(world, monkeypatch):
    """The process and the firm live in New York, whose clocks skip an hour; the replay window goes on."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    jump = (datetime(2026, 3, 8, 7, tzinfo=UTC) - BEGINS).total_seconds()
    lost = share(LOST_REPLIES, 0.5)
    run = Run(
        world,
        "F18",
        "summer time begins, replies lost",
        lambda call, seconds: lost(call),
        entries=0,
        lasts=jump + 300,
        sweeps_every=3600,
    )
    Organization.objects.update(time_zone="America/New_York")
    run.also += [(jump - 120 + 20 * number, partial(run.post, number)) for number in range(12)]
    try:
        tally = run.play()
    finally:
        Organization.objects.update(time_zone="UTC")
        monkeypatch.undo()
        time.tzset()
    assert (tally.entries, tally.refused, tally.unconfirmed) == (24, 0, 0)


def test_f19_an_expired_token_is_refreshed_once_and_the_same_bytes_go_again(world):
    run = Run(world, "F19", "access token expires in mid-series, and 401s", entries=10)

    def expire() -> None:
        world.provider.sandbox.store.execute(
            "UPDATE tokens SET expires_at = ? WHERE kind = 'access'", world.provider.now()
        )

    run.also += [(30.0, expire), (120.0, expire)]
    run.play()
    refreshes = world.provider.calls["quickbooks", "token"], world.provider.calls["xero", "token"]
    assert max(refreshes) <= 2, "one for each expiry"
    keys = Counter(
        row["idempotency_key"]
        for row in world.provider.sandbox.store.rows("SELECT * FROM requests WHERE is_write AND status = 200")
    )
    assert max(keys.values()) == 1


def test_f20_the_naive_peer_refreshes_once_for_each_worker(world):
    """Ours is in test_processes.py, with sixteen threads and the real lock."""
    run = Run(world, "F20", "16 workers need a token at once", entries=16, over=0.0, lasts=60)
    run.begin()
    world.provider.sandbox.switches.turn({"quickbooks_parallel_refresh_kills": "on"})
    peers = [NaiveMirror(world, each) for each in run.firm.connections]
    for peer in peers:
        peer.tokens_expire_at = world.provider.now()
    Connection.objects.update(mirror_from=None)
    for number in range(run.entries):
        run.post_naively(peers, number)
    world.stage.run_until(BEGINS + timedelta(hours=6))
    for peer in peers:
        lost, doubled = peer.came_to()
        board.add("F20", run.about, NAIVE, entries=len(peer.entries), lost=lost, doubled=doubled)


def test_f23_every_task_comes_three_times_out_of_order_and_an_hour_late(world):
    def delivered() -> list[float]:
        return [20.0, 0.0, 3600.0]

    once = Run(world, "F23", "every task once", entries=10, over=100, lasts=200)
    once.play()
    calls = sum(call.writes for _, call in world.provider.log)
    run = Run(world, "F23", "every task 3 times, out of order, 1 h late", entries=10, over=100, lasts=4000)
    run.delivered = delivered
    run.play()
    assert sum(call.writes for _, call in world.provider.log) <= calls, "a repeated wake-up sends nothing"
    run.play_naively()


@LONG
def test_f25_switching_ten_times_a_second_in_mid_drain(world):
    run = Run(world, "F25", "modes switched 10 times a second", entries=30, over=60, lasts=120, latency=2.0)
    modes = [SyncMode.OFF, SyncMode.LIVE, SyncMode.BATCHED]
    quiet: list[invariants.Quiet] = []

    def switch(mode: SyncMode) -> None:
        schedule.set_mode(run.firm.organization, mode, actor=run.firm.owner)
        for stretch in quiet:
            stretch.ended = stretch.ended or world.stage.now
        if mode == SyncMode.OFF:
            quiet.append(invariants.Quiet(world.stage.now, list(run.firm.connections)))

    run.also += [(5 + step / 10, partial(switch, modes[step % 3])) for step in range(200)]
    run.also.append((30.0, partial(switch, SyncMode.LIVE)))
    run.play()
    invariants.check(world.provider, quiet=quiet, everything_sent=True)


def test_f27_only_what_was_committed_arrives(world):
    run = Run(world, "F27", "rolled back, savepoint rolled back, posted twice", entries=6, over=30, lasts=60)

    def roll_back() -> None:
        with transaction.atomic():
            run.firm.post(["666.00"], on=BEGINS.date())
            transaction.set_rollback(True)

    def roll_back_to_savepoint() -> None:
        with transaction.atomic():
            run.firm.post(["7.00"], on=BEGINS.date())
            point = transaction.savepoint()
            run.firm.post(["666.00"], on=BEGINS.date())
            transaction.savepoint_rollback(point)

    def enqueue_twice() -> None:
        from integrations.mirror import queue

        queue.enqueue(run.firm.organization, [QueueRow.objects.order_by("pk").first().entry])

    run.also += [(3.0, roll_back), (9.0, roll_back_to_savepoint), (15.0, enqueue_twice)]
    run.play()
    for connection in run.firm.connections:
        journals = world.provider.journals(connection.provider_name, connection.company_id)
        assert len(journals) == 7
        assert not [journal for journal in journals if any("666.00" in line.values() for line in journal["lines"])]
