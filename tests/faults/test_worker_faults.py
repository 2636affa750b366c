"""H1 by the book: clocks, tokens, wake-ups and people in the midst of a drain, in simulated time."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from athenty.organizations.models import Organization
from integrations.connections import tokens
from integrations.mirror import drain, queue, schedule
from integrations.mirror.claiming import Claim
from integrations.models import Connection, QueueRow, SyncMode
from ledger.models import JournalEntry
from ledger.posting import reverse_entry
from tests.faults.naive import NaiveMirror
from tests.faults.scoreboard import NAIVE, board
from tests.faults.simulated_runs import JSON, LOST_REPLIES, Run, share
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS, World

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


@LONG
def test_f19_a_token_that_expires_between_claim_and_send_is_refreshed_once(world, monkeypatch):
    """In turn as the provider tells it, and as we know it, too."""
    run = Run(world, "F19", "token expires between claim and send", entries=6)
    claim, claimed = drain.claim, Counter()

    def claim_then_expire(connection_id: UUID) -> Claim:
        made = claim(connection_id)
        if made.lease:
            claimed[connection_id] += 1
            if claimed[connection_id] in (2, 4):
                expire_tokens(world, made.lease.delivery.connection)
            if claimed[connection_id] == 4:
                tokens.distrust(made.lease.delivery.connection)
        return made

    monkeypatch.setattr(drain, "claim", claim_then_expire)
    run.play()
    assert check_refreshed(run, expiries=2) == [1, 1]


@LONG
def test_f19_a_token_that_expires_in_mid_series_is_refreshed_once_for_all_that_are_under_way(world):
    run = Run(world, "F19", "token expires in a series of batches", entries=16, over=0, latency=10.0)

    def post_more() -> None:
        for number in range(16):
            run.post(number)

    def expire() -> None:
        for connection in run.firm.connections:
            expire_tokens(world, connection)

    run.also += [(0.0, lambda: Connection.objects.update(batch_size=2)), (10.0, expire)]
    run.also += [(90.0, post_more), (100.0, expire)]
    run.play()
    assert min(check_refreshed(run, expiries=2)) >= 6, "several were under way each time"


def test_f19_a_401_for_a_token_that_has_not_expired_is_met_by_one_refresh(world):
    struck = Counter()

    def strike(call: Call, seconds: float) -> Strike:
        if not call.writes:
            return UNHARMED
        struck[call.tenant] += 1
        return Strike(status=401, headers=JSON) if struck[call.tenant] in (1, 5) else UNHARMED

    run = Run(world, "F19", "401 though the token has not expired", strike, entries=6)
    run.play()
    assert check_refreshed(run, expiries=2) == [2, 2]


def expire_tokens(world: World, connection: Connection) -> None:
    """The provider takes them no longer; we learn of it by a 401."""
    world.provider.sandbox.store.execute(
        "UPDATE tokens SET expires_at = ? WHERE kind = 'access' AND provider = ?",
        world.provider.now(),
        connection.provider_name,
    )


def check_refreshed(run: Run, *, expiries: int) -> list[int]:
    """One refresh for each expiry. What got a 401 went once more, and the provider has done everything once, each send
    under its only key. For each connection, how many got one."""
    turned_away = []
    for connection in run.firm.connections:
        assert run.world.provider.calls[connection.provider_name, "token"] == expiries
        tries = [
            list(each.attempt_log.order_by("pk").values_list("outcome", flat=True))
            for each in connection.deliveries.all()
        ]
        again = [each for each in tries if each != ["answered"]]
        assert again == [["TokenRejected", "answered"]] * len(again)
        turned_away.append(len(again))
        done = run.world.provider.sandbox.store.rows(
            "SELECT idempotency_key FROM requests WHERE is_write AND status = 200 AND tenant_id = ?",
            connection.company_id,
        )
        keys = connection.deliveries.values_list("idempotency_key", flat=True)
        assert sorted(row["idempotency_key"] for row in done) == sorted(keys)
    return turned_away


def test_f20_the_naive_peer_refreshes_once_for_each_worker(world):
    """Ours is in test_wire.py, with sixteen processes and the real lock."""
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


def test_f27_only_what_was_committed_arrives_and_each_entry_once(world):
    run = Run(world, "F27", "rolled back, to a savepoint, queued twice", entries=6, over=30, lasts=60)

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
        """One that was sent, and one that waits."""
        [posted] = run.firm.post(["8.00"], on=BEGINS.date())
        sent = QueueRow.objects.filter(state=QueueRow.State.SENT).first()
        assert posted.queue_rows.filter(state=QueueRow.State.WAITING).count() == 2
        for entry in (sent.entry, posted):
            queue.enqueue(run.firm.organization, [entry])
            assert entry.queue_rows.count() == 2, "one for each connection"
            with pytest.raises(IntegrityError, match="one_queue_row_per_entry"), transaction.atomic():
                QueueRow.objects.create(connection=sent.connection, entry=entry)

    run.also += [(3.0, roll_back), (9.0, roll_back_to_savepoint), (15.0, enqueue_twice)]
    run.play()
    for connection in run.firm.connections:
        journals = world.provider.journals(connection.provider_name, connection.company_id)
        assert len(journals) == 8
        assert not [journal for journal in journals if any("666.00" in line.values() for line in journal["lines"])]


@LONG
def test_f27_an_entry_reversed_while_it_is_queued_arrives_and_so_does_its_reversal(world):
    """One while the firm has paused its mirror, one while its outcome is in doubt. Nothing of either may be left out
    as if the two had never been."""
    run = Run(world, "F27", "reversed while queued", entries=0, lasts=60)
    posted: list[JournalEntry] = []

    def post() -> None:
        posted.extend(run.firm.post(["9.00"], on=BEGINS.date()))

    def reverse(state: QueueRow.State) -> None:
        entry = posted[-1]
        assert set(entry.queue_rows.values_list("state", flat=True)) == {state}
        reverse_entry(entry, on=entry.date, actor=run.firm.owner, key=f"reversal-{entry.pk}")

    def pause(*, paused: bool) -> None:
        schedule.set_paused(run.firm.organization, paused=paused)

    run.strike = lambda call, seconds: Strike(reset=True) if call.writes and seconds < 10 else UNHARMED
    run.also += [(3.0, post), (8.0, partial(reverse, QueueRow.State.SENDING))]
    run.also += [(30.0, partial(pause, paused=True)), (32.0, post), (34.0, partial(reverse, QueueRow.State.WAITING))]
    run.also += [(40.0, partial(pause, paused=False))]
    assert run.play().entries == 2 * 4
    for connection in run.firm.connections:
        journals = world.provider.journals(connection.provider_name, connection.company_id)
        sums: Counter[str] = Counter()
        for line in (line for journal in journals for line in journal["lines"]):
            sums[line["account_id"]] += Decimal(line["debit"]) - Decimal(line["credit"])
        assert (len(journals), set(sums.values())) == (4, {Decimal(0)})
