"""H2 and H3: real processes, killed and stopped at every point, with the sandbox in its own process."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from integrations.clock import database_now
from integrations.connections import disconnect, start, tokens
from integrations.mirror import claiming
from integrations.models import Attempt, Connection, Delivery, QueueRow
from tests.faults import dying
from tests.faults.scoreboard import board
from tests.mirror.conftest import Firm, connect_firm, map_everything
from tests.mirror.plans import pages_read, plan_of
from tests.sandbox_server import Sandbox
from tests.simulation.clock import DatabaseClock

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long
POINTS = [
    pytest.param("sealed", marks=LONG),
    pytest.param("claimed", marks=LONG),
    "sending",
    "answered",
    "settling",
    pytest.param("settled", marks=LONG),
]
WRITE_CALL = {"quickbooks": "batch", "xero": "manualjournals"}


@pytest.fixture
def clock(transactional_db) -> Iterator[DatabaseClock]:
    clock = DatabaseClock()
    clock.install()
    yield clock
    clock.remove()


@dataclass
class Mirror:
    """A firm with one connection, and time under our hand."""

    firm: Firm
    connection: Connection
    sandbox: Sandbox
    clock: DatabaseClock
    posted: int = 0
    total: Decimal = Decimal()
    counted: int = 0
    counted_unconfirmed: int = 0

    def post(self, entries: int) -> None:
        amounts = [f"{number}.{number % 100:02}" for number in range(1, entries + 1)]
        self.firm.post(*[("1100", "2100", amount) for amount in amounts])
        self.posted += entries
        self.total += sum(map(Decimal, amounts))

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.sandbox.advance_clock(seconds)

    def drain(self) -> float:
        """By new workers, while time flies, until nothing is left. How many of the simulated seconds that took."""
        passed = 0
        while self.is_busy():
            assert passed < 1800, (
                f"Not at rest: {list(self.connection.queue.values_list('state', flat=True).distinct())}"
            )
            assert dying.in_a_process(lambda: dying.drain_for(30)) == 0
            if self.is_busy():
                self.pass_time(60)
                passed += 60
        return passed

    def is_busy(self) -> bool:
        return (
            Delivery.objects.open().exists() or self.connection.queue.filter(state__in=["waiting", "sending"]).exists()
        )

    def check(self, test: str, about: str, seconds: float) -> None:
        """Every entry is in the books once and to the cent, or here as unconfirmed."""
        books = self.sandbox.books(self.connection.provider_name, self.connection.company_id)
        unconfirmed = self.connection.queue.filter(state=QueueRow.State.UNCONFIRMED).count()
        sent = self.connection.queue.filter(state=QueueRow.State.SENT).count()
        doubled = len(books["duplicates"])
        lost = max(self.posted - unconfirmed - books["journals"], 0)
        board.add(
            test,
            about,
            entries=self.posted - self.counted,
            lost=lost,
            doubled=doubled,
            unconfirmed=unconfirmed - self.counted_unconfirmed,
            seconds=seconds,
        )
        self.counted, self.counted_unconfirmed = self.posted, unconfirmed
        assert (lost, doubled, books["refused_calls"]) == (0, 0, 0)
        assert sent + unconfirmed == self.posted
        if not unconfirmed:
            assert books["totals"]["debits"] == f"{self.total:.2f}"
            assert books["journals"] == self.posted


@pytest.fixture
def mirror(firm, provider_name, sandbox, clock) -> Mirror:
    connection = connect_firm(firm, provider_name, sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    connection.refresh_from_db()
    return Mirror(firm, connection, sandbox, clock)


@pytest.mark.parametrize("point", POINTS)
def test_f01_a_worker_killed_at_a_crash_point(mirror, point):
    """With one entry and with a full batch, restarted at once, after three minutes and after twenty."""
    full = mirror.connection.provider.limits.batch_size
    for entries in (1, full):
        for restarted_after in (0, 180, 1200):
            mirror.post(entries)

            def die() -> None:
                dying.dies_at(point, 1)
                dying.drain_for(30)

            assert dying.in_a_process(die) == dying.KILLED
            mirror.pass_time(restarted_after)
            seconds = mirror.drain()
            lease = mirror.connection.provider.limits.send_timeout.total_seconds() + 30
            mirror.check("F01", f"kill -9 at {point}, {mirror.connection.provider_name}", seconds)
            assert seconds <= lease + 60
    unconfirmed = mirror.connection.queue.filter(state=QueueRow.State.UNCONFIRMED).count()
    if mirror.connection.provider_name == "quickbooks" or point in ("sealed", "claimed", "settled"):
        assert unconfirmed == 0


def test_f03_a_worker_killed_at_any_moment_of_a_long_drain(mirror, request):
    """1,000 entries, ten times: `kill -9` from outside, whenever the dice say."""
    dice = random.Random(7)
    for _ in range(1 if "not long" in request.config.getoption("-m") else 10):
        mirror.post(1000)
        worker = dying.start(lambda: dying.drain_for(60))
        time.sleep(dice.uniform(0.05, 4.0))
        os.kill(worker, signal.SIGKILL)
        dying.end_of(worker)
        mirror.pass_time(30)
        seconds = mirror.drain()
        mirror.check("F03", f"kill -9 in a drain of 1,000, {mirror.connection.provider_name}", seconds)


def test_f02_a_worker_killed_at_every_single_step(mirror, request):
    """The n-th statement, commit or socket operation, for n = 1, 2, 3 … until a run ends by itself."""
    every = 17 if "not long" in request.config.getoption("-m") else 1
    nth = 1
    while True:
        mirror.post(60)

        code = dying.in_a_process(partial(_die_at_step, nth))
        seconds = mirror.drain()
        mirror.check("F02", f"killed at the n-th step, {mirror.connection.provider_name}", seconds)
        if code == 0:
            break
        assert code == dying.KILLED
        nth += every
    assert nth > 60


def _die_at_step(nth: int) -> None:
    dying.dies_at_step(nth)
    dying.drain_for(30)


@pytest.mark.parametrize("point", ["sending", "answered"])
def test_f04_a_worker_that_wakes_up_after_ten_minutes_sends_nothing_new(mirror, point):
    mirror.post(20)

    def stop() -> None:
        dying.stops_at(point)
        dying.drain_for(30)

    zombie = dying.start(stop)
    dying.wait_until_stopped(zombie)
    mirror.pass_time(200)
    mirror.drain()
    mirror.pass_time(400)
    os.kill(zombie, signal.SIGCONT)
    dying.end_of(zombie)
    mirror.check("F04", f"SIGSTOP at {point} for 10 min, {mirror.connection.provider_name}", mirror.drain())


def test_f04_a_worker_stopped_while_it_waits_for_the_answer(mirror):
    mirror.sandbox.arm(
        provider=mirror.connection.provider_name,
        call=WRITE_CALL[mirror.connection.provider_name],
        nth=1,
        do="delay",
        delay_seconds=1.0,
    )
    mirror.post(20)
    zombie = dying.start(lambda: dying.drain_for(30))
    _wait_for_journals(mirror)
    os.kill(zombie, signal.SIGSTOP)
    mirror.pass_time(200)
    mirror.drain()
    os.kill(zombie, signal.SIGCONT)
    dying.end_of(zombie)
    mirror.check("F04", f"SIGSTOP before the answer, {mirror.connection.provider_name}", mirror.drain())


def _wait_for_journals(mirror: Mirror) -> None:
    until = time.monotonic() + 20
    while not mirror.sandbox.journals(mirror.connection.provider_name, mirror.connection.company_id):
        assert time.monotonic() < until
        time.sleep(0.02)


@LONG
@pytest.mark.whole
def test_f04_workers_stopped_for_ten_minutes_by_the_real_clock(mirror):
    """One before the first byte, one while it waits for the answer; others take over meanwhile."""
    provider_name = mirror.connection.provider_name
    mirror.sandbox.arm(provider=provider_name, call=WRITE_CALL[provider_name], nth=1, do="delay", delay_seconds=5.0)
    mirror.post(2 * mirror.connection.provider.limits.batch_size)

    def stop() -> None:
        dying.does_at("sending", dying.stop_here)
        dying.drain_for(30)

    before_sending = dying.start(stop)
    dying.wait_until_stopped(before_sending)
    waiting = dying.start(lambda: dying.drain_for(30))
    _wait_for_journals(mirror)
    os.kill(waiting, signal.SIGSTOP)
    until = time.monotonic() + 600
    while time.monotonic() < until:
        assert dying.in_a_process(lambda: dying.drain_for(30)) == 0
        time.sleep(5)
    assert not mirror.is_busy(), "others took over"
    sends = len(mirror.sandbox.requests(provider_name, WRITE_CALL[provider_name]))
    for zombie in (before_sending, waiting):
        os.kill(zombie, signal.SIGCONT)
        assert dying.end_of(zombie) == 0
    assert len(mirror.sandbox.requests(provider_name, WRITE_CALL[provider_name])) == sends, "it sends nothing any more"
    mirror.check("F04", f"SIGSTOP for 10 min by the real clock, {provider_name}", 0)


def test_f20_sixteen_threads_of_a_worker_that_need_a_token_at_once_refresh_it_once(mirror):
    provider_name = mirror.connection.provider_name
    before = len(mirror.sandbox.requests(provider_name, "token"))
    mirror.pass_time(3700)
    barrier, got, failed = threading.Barrier(16), set(), []

    def need() -> None:
        try:
            barrier.wait()
            got.add(tokens.access_token(mirror.connection))
        except Exception as error:  # noqa: BLE001 - compared below
            failed.append(error)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=need) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, len(got)) == ([], 1)
    assert len(mirror.sandbox.requests(provider_name, "token")) == before + 1
    mirror.post(16)
    mirror.check("F20", "16 threads need a token at once", mirror.drain())


@LONG
def test_f06_backends_killed_under_the_workers(mirror):
    """Each statement may be the last one of its connection."""
    mirror.post(400)
    workers = [dying.start(lambda: _keep_draining(8)) for _ in range(2)]
    until = time.monotonic() + 6
    while time.monotonic() < until:
        time.sleep(0.1)
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() LIMIT 1"
            )
    for worker in workers:
        dying.end_of(worker)
    mirror.pass_time(160)
    mirror.check("F06", f"backends killed, {mirror.connection.provider_name}", mirror.drain())


@LONG
@pytest.mark.parametrize("point", ["answered", "settling"])
def test_f06_a_worker_that_loses_its_session_with_the_answer_sends_the_same_again(mirror, point):
    mirror.post(3)

    def lose() -> None:
        dying.loses_its_session_at(point)
        dying.drain_for(30)

    assert dying.in_a_process(lose) == dying.FAILED
    seconds = mirror.drain()
    first, again = mirror.sandbox.requests(mirror.connection.provider_name, WRITE_CALL[mirror.connection.provider_name])
    assert first["idempotency_key"] == again["idempotency_key"] == Delivery.objects.get().idempotency_key
    mirror.check("F06", f"session ended at {point}, {mirror.connection.provider_name}", seconds)


def _keep_draining(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            dying.drain_for(seconds)
        except Exception:  # noqa: BLE001 - the next look is a new task
            database.close()
        time.sleep(0.05)


@LONG
def test_f25_a_call_under_way_is_finished_and_recorded_and_none_begins_after_a_disconnect(mirror):
    """Wherever the worker is when somebody disconnects. What it was too late for goes once they have reconnected."""
    provider_name = mirror.connection.provider_name
    full = mirror.connection.provider.limits.batch_size
    before, after = ["sealed", "claimed", dying.TOKEN_IN_HAND], ["answered", "settling", "settled"]
    for point in [*before, "sending", dying.HALF_SENT, dying.HALF_READ, *after]:
        mirror.post(full + 1)
        sent = mirror.connection.queue.filter(state="sent").count()
        sends = len(mirror.sandbox.requests(provider_name, WRITE_CALL[provider_name]))
        worker = dying.start(partial(_stop_and_drain, point))
        dying.wait_until_stopped(worker)
        with ThreadPoolExecutor() as pool:
            # At some points the worker's transaction holds the connection: it has to end first.
            disconnected = pool.submit(_disconnect, mirror)
            wait([disconnected], 0.5)
            os.kill(worker, signal.SIGCONT)
            since = disconnected.result(timeout=30)
        assert dying.end_of(worker) == 0
        assert not Attempt.objects.filter(started_at__gt=since).exists(), point
        calls = len(mirror.sandbox.requests(provider_name, WRITE_CALL[provider_name])) - sends
        # When the transaction that seals has ended, the worker may go on before the disconnect gets through.
        assert calls == (point not in before) or point == "sealed", point
        assert mirror.connection.queue.filter(state="sent").count() - sent == calls * full, point
        connect_firm(mirror.firm, provider_name, mirror.sandbox)
        mirror.check("F25", f"disconnected at {point}, {provider_name}", mirror.drain())


def _stop_and_drain(point: str) -> None:
    dying.does_at(point, dying.stop_here)
    dying.drain_for(30)


def _disconnect(mirror: Mirror) -> datetime:
    """When it had returned."""
    try:
        assert disconnect.disconnect(mirror.connection, actor=mirror.firm.owner)
        return database_now()
    finally:
        databases.close_all()


@LONG
def test_f26_a_snapshot_held_for_long_costs_a_claim_little(mirror):
    """Held by a reader while entries pass through and nothing is vacuumed: the claim does not step over all that was
    sent since. For half an hour: stack_runs.py."""
    _let_autovacuum("off")
    holder = databases.create_connection("default")
    holder.connect()
    holder.connection.autocommit = False
    with holder.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM journal_sync_queue")
    try:
        mirror.post(300)
        seconds = mirror.drain()
        assert pages_read(plan_of(lambda: claiming.claim(mirror.connection.pk))) < 20
    finally:
        holder.close()
        _let_autovacuum("on")
    mirror.check("F26", f"a snapshot held, {mirror.connection.provider_name}", seconds)


def _let_autovacuum(be: str) -> None:
    with database.cursor() as cursor:
        for table in ("journal_sync_queue", "integrations_connection", "integrations_delivery"):
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = {be})")


def test_f29_a_company_that_answers_byte_by_byte_holds_up_no_other(mirror, sandbox):
    """It takes its own slots; another company's entry is there as fast as ever."""
    from tests.mirror.conftest import make_firm

    provider_name = mirror.connection.provider_name
    slow = mirror.connection.company_id
    sandbox.arm(
        provider=provider_name, call=WRITE_CALL[provider_name], tenant=slow, share=1, do="drip", delay_seconds=4.0
    )
    other = make_firm("Other Law")
    theirs = connect_firm(other, provider_name, sandbox, "Other & Sons LLP")
    start.start_mirroring(theirs, timezone.localdate(), actor=other.owner)
    map_everything(other, theirs)
    full = mirror.connection.provider.limits.batch_size
    mirror.post(full * 3)
    drips = [dying.start(lambda: _one_pass(mirror.connection)) for _ in range(3)]
    time.sleep(0.5)
    began = time.monotonic()
    other.post(("1100", "2100", "5.00"))
    assert dying.in_a_process(lambda: _one_pass(theirs)) == 0
    took = time.monotonic() - began
    assert theirs.queue.filter(state="sent").count() == 1
    assert took < 3.5
    assert Delivery.objects.filter(connection=mirror.connection).count() <= mirror.connection.provider.limits.in_flight
    for drip in drips:
        dying.end_of(drip)
    sandbox.heal()
    mirror.pass_time(160)
    mirror.check("F29", f"a slow-loris company, {provider_name}", mirror.drain())


def _one_pass(connection: Connection) -> None:
    from integrations.mirror import drain

    Connection.objects.filter(pk=connection.pk).update(next_send_at=None, coalesce_until=None)
    drain.run_pass(connection.pk)
