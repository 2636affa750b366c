"""Faults of the servers under the whole of Athenty as `make demo` runs it: web, worker, beat, Postgres, Redis, sandbox.

`python -m tests.faults.stack_runs NAME …` starts it in a folder of its own, breaks it, and prints a line of JSON for
each run: what the table shows, and `problems`, which should be empty.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import psycopg
from django.db import DatabaseError, transaction
from django.db import connection as database
from redis import Redis

from athenty.local import processes
from athenty.local.stack import CHECKOUT, Stack
from athenty.local.supervisor import Child
from athenty.local.valkey import _program
from tests.faults.standby import Standby

if TYPE_CHECKING:
    from integrations.models import Connection

RUNS: dict[str, Callable[["Whole"], None]] = {}


def run(act: Callable[["Whole"], None]) -> Callable[["Whole"], None]:
    RUNS[act.__name__] = act
    return act


class Whole:
    """The running stack, with two firms connected to Xero. `problems` are what a run found wrong."""

    def __init__(self, stack: Stack) -> None:
        from django.utils import timezone

        from integrations.connections import start
        from tests.mirror.conftest import connect_firm, make_firm, map_everything
        from tests.sandbox_server import Sandbox

        self.stack = stack
        self.sandbox = Sandbox(stack.sandbox_url)
        self.problems: list[str] = []
        self.told = 0
        self.firms, self.connections = [], []
        for name, company in (("Harbor Law", "Park & Lowe LLP"), ("Other Law", "Other & Sons LLP")):
            firm = make_firm(name)
            connection = connect_firm(firm, "xero", self.sandbox, company)
            # The stack's own worker may have begun to read the chart before us.
            until = time.monotonic() + 30
            while connection.chart_read_at is None and time.monotonic() < until:
                time.sleep(0.1)
                connection.refresh_from_db()
            start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
            map_everything(firm, connection)
            self.firms.append(firm)
            self.connections.append(connection)

    # What runs, and how it is broken
    def child(self, name: str) -> Child:
        supervisor = self.stack.supervisor
        return next(each for each in (*supervisor._services, *supervisor._servers) if each.name == name)

    def launch_second_beat(self) -> Child:
        schedule = Path(self.stack._state) / "second-schedule"
        arguments = ["-m", "celery", "-A", "athenty", "beat", "-s", str(schedule), "--pidfile="]
        return self.stack.supervisor.launch("second beat", arguments)

    def forget(self, name: str) -> None:
        """It has ended, and nobody should wonder."""
        supervisor = self.stack.supervisor
        for children in (supervisor._services, supervisor._servers):
            children[:] = [each for each in children if each.name != name]

    def kill(self, name: str) -> None:
        process = self.child(name).process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.forget(name)

    def stop_redis(self) -> None:
        self.child("valkey").stop()
        self.forget("valkey")

    def start_redis(self) -> None:
        port = self.stack.supervisor.environment["REDIS_URL"].rsplit(":", 1)[1].split("/")[0]
        command = [_program(), "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]
        redis = subprocess.Popen([*command, "--dir", tempfile.gettempdir()], stdout=subprocess.DEVNULL)
        self.stack.supervisor.adopt("valkey", redis, redis.kill)

    def redis(self) -> Redis:
        return Redis.from_url(self.stack.supervisor.environment["REDIS_URL"])

    def follow_postgres(self) -> Standby:
        """Before anybody stops it: it is stopped with the others."""
        standby = Standby(self.stack._state / "standby", Path(database.settings_dict["HOST"]))
        self.stack.supervisor.adopt("standby", standby.process, standby.stop)
        return standby

    def crash_postgres(self) -> None:
        """As `pg_ctl -m immediate stop` does: every backend is gone at once, and the log tells what was committed."""
        process = self.child("postgres").process
        process.send_signal(signal.SIGQUIT)
        process.wait()
        database.close()
        database.close_pool()

    def start_postgres(self) -> None:
        """Again, on the same data."""
        postgres = self.child("postgres")
        with postgres.log.open("ab") as log:
            again = processes.start(postgres.process.args, death_signal=signal.SIGQUIT, output=log)
        remove = postgres.stop

        def stop() -> None:
            processes.stop(again, signal.SIGINT)
            remove()

        postgres.process, postgres.stop = again, stop
        self.wait_for_postgres()

    def wait_for_postgres(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(DatabaseError), database.cursor() as cursor:
                cursor.execute("SELECT 1")
                return
            database.close()
            time.sleep(0.1)
        self.problems.append("Postgres is not back within a minute")

    # What is seen
    def post(self, firm: int = 0) -> float:
        """Post one entry; the seconds that took."""
        began = time.monotonic()
        self.firms[firm].post(("1100", "2100", "1.00"))
        return time.monotonic() - began

    def seconds_until_all_sent(self, firm: int = 0, within: float = 60) -> float:
        began = time.monotonic()
        while self.connections[firm].queue.exclude(state="sent").exists():
            if time.monotonic() - began > within:
                self.problems.append(f"not all sent within {within:.0f} s")
                break
            time.sleep(0.1)
        return time.monotonic() - began

    def sent(self) -> int:
        return self.connections[0].queue.filter(state="sent").count()

    def status(self) -> dict[str, Any]:
        command = [sys.executable, str(CHECKOUT / "manage.py"), "mirror_status", "--json"]
        answer = subprocess.run(command, env=self.stack.supervisor.environment, capture_output=True, text=True)
        return json.loads(answer.stdout)

    def expect(self, what: str, holds: object) -> None:
        if not holds:
            self.problems.append(what)

    def sends(self) -> list[dict[str, Any]]:
        return self.sandbox.requests("xero", "manualjournals")

    def too_many_calls(self) -> int:
        return sum(call["status"] == 429 for call in self.sends())

    def report(self, test: str, about: str, seconds: float) -> None:
        """Compare the books with ours, and tell."""
        entries, lost, doubled = -self.told, 0, 0
        for connection in self.connections:
            books = self.sandbox.books("xero", connection.company_id)
            posted = connection.queue.count()
            entries += posted
            lost += max(posted - books["journals"], 0)
            doubled += len(books["duplicates"])
            self.expect("the sums agree", books["totals"]["debits"] == books["totals"]["credits"])
        self.told += entries
        self.expect("no 429", not self.too_many_calls())
        line = {"test": test, "about": about, "entries": entries, "lost": lost, "doubled": doubled, "seconds": seconds}
        sys.stdout.write(json.dumps(line | {"problems": self.problems}) + "\n")
        sys.stdout.flush()
        self.problems = []


def _redis_away(
    whole: Whole, away_seconds: float, begin: Callable[[], object], end: Callable[[], object], *, is_gone: bool = True
) -> float:
    """Post all the while. The seconds until what waited has gone and Live is back, with what was kept in Redis lost."""
    usual = statistics.median(whole.post() for _ in range(20))
    whole.seconds_until_all_sent()
    begin()
    until, took = time.monotonic() + away_seconds, []
    while time.monotonic() < until:
        took.append(whole.post())
        time.sleep(1)
    whole.expect(
        f"posting goes on at its speed: {statistics.median(took):.3f} s, usually {usual:.3f}, at most {max(took):.2f}",
        # Waiting for Redis would take seconds, again and again; the rest is for a machine that does more than this.
        statistics.median(took) < 2 * usual + 0.1 and statistics.quantiles(took, n=20)[-1] < 2,
    )
    status = whole.status()["connections"][0]
    whole.expect("status shows what waits", not is_gone or status["waiting"] + status["sending"] > 0)
    end()
    seconds = whole.seconds_until_all_sent(within=60)
    whole.post()
    whole.expect("Live is back", whole.seconds_until_all_sent(within=30) <= 30)
    return seconds


@run
def redis_stopped(whole: Whole) -> None:
    """For two minutes."""
    seconds = _redis_away(whole, 120, whole.stop_redis, whole.start_redis)
    whole.report("F05", "Redis stopped for 2 min while posting, back empty", seconds)


@run
def redis_stopped_for_ten_minutes(whole: Whole) -> None:
    seconds = _redis_away(whole, 600, whole.stop_redis, whole.start_redis)
    whole.report("F05", "Redis stopped for 10 min while posting, back empty", seconds)


@run
def redis_hangs(whole: Whole) -> None:
    pid = whole.child("valkey").process.pid
    seconds = _redis_away(whole, 20, lambda: os.kill(pid, signal.SIGSTOP), lambda: os.kill(pid, signal.SIGCONT))
    whole.report("F05", "Redis hangs for 20 s while posting", seconds)


@run
def redis_full(whole: Whole) -> None:
    """It takes nothing more and forgets nothing, so that every wake-up is refused."""
    redis = whole.redis()
    seconds = _redis_away(whole, 20, lambda: redis.config_set("maxmemory", 1), lambda: redis.config_set("maxmemory", 0))
    whole.report("F05", "Redis out of memory for 20 s while posting", seconds)


@run
def redis_slow(whole: Whole) -> None:
    """Each of its answers comes about two seconds late."""
    pid, over = whole.child("valkey").process.pid, threading.Event()

    def stutter() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(2)
            os.kill(pid, signal.SIGCONT)
            over.wait(0.05)

    slow = threading.Thread(target=stutter)

    def heal() -> None:
        over.set()
        slow.join()

    seconds = _redis_away(whole, 30, slow.start, heal, is_gone=False)
    whole.report("F05", "Redis answers 2 s late for 30 s while posting", seconds)


@run
def redis_flushed(whole: Whole) -> None:
    for _ in range(5):
        whole.post()
        whole.redis().flushall()
    whole.report("F05", "FLUSHALL after each posting", whole.seconds_until_all_sent(within=30))


@run
def beat_stopped(whole: Whole) -> None:
    """Live goes on by wake-ups."""
    whole.kill("beat")
    whole.post()
    seconds = whole.seconds_until_all_sent(within=30)
    whole.stack._launch_beat()
    whole.report("F24", "beat stopped: Live by wake-ups", seconds)


@run
def beat_restarted(whole: Whole) -> None:
    """Twenty times, each killed as soon as it sweeps, while a second one runs beside it: nobody is called more often
    than there is something to send."""
    second = whole.launch_second_beat()
    calls, slowest = len(whole.sends()), 0.0
    for _ in range(20):
        whole.kill("beat")
        whole.stack._launch_beat()
        beat = whole.child("beat")
        whole.stack.supervisor.wait_until(
            beat, lambda beat: "Sending due task sweep" in beat.log.read_text(), timeout_seconds=180
        )
        whole.post()
        slowest = max(slowest, whole.seconds_until_all_sent(within=30))
    second.stop()
    whole.forget("second beat")
    calls = len(whole.sends()) - calls
    whole.expect(f"a call for each posting, and no other: {calls} for 20", calls == 20)
    whole.report("F24", "two beats, one of them restarted 20 times", slowest)


@run
def beat_stopped_for_an_hour(whole: Whole) -> None:
    """In which access ends and is refreshed, too."""
    whole.kill("beat")
    until, slowest, posted = time.monotonic() + 3600, 0.0, 0
    while time.monotonic() < until:
        whole.post()
        slowest = max(slowest, whole.seconds_until_all_sent(within=30))
        posted += 1
        if posted == 4:
            whole.expect("status says after a minute that no beat is there", not whole.status()["beat_alive"])
        time.sleep(20)
    whole.stack._launch_beat()
    whole.report("F24", "beat stopped for 1 h: Live by wake-ups", slowest)


@run
def worker_killed(whole: Whole) -> None:
    """The real worker, in the middle of a drain; nobody is there for a minute and more, and the status says so."""
    whole.firms[0].post(*[("1100", "2100", "1.00")] * 400)
    until = time.monotonic() + 30
    while whole.connections[0].queue.filter(state="sent").count() < 100 and time.monotonic() < until:
        time.sleep(0.02)
    whole.kill("worker")
    time.sleep(65)
    status = whole.status()
    whole.expect("status says that no worker is there", not status["workers_alive"])
    whole.expect("status shows what waits", status["connections"][0]["waiting"] > 0)
    whole.stack._launch_worker()
    seconds = whole.seconds_until_all_sent(within=150)
    whole.expect("status is well again", whole.status()["workers_alive"])
    whole.report("F03", "the worker killed in mid-drain, back after 65 s", seconds)


def _crash_in_mid_drain(whole: Whole, times: int) -> None:
    whole.firms[0].post(*[("1100", "2100", "1.00")] * (300 + 60 * times))
    for _ in range(times):
        time.sleep(1)
        whole.expect("in mid-drain", whole.connections[0].queue.exclude(state="sent").exists())
        whole.crash_postgres()
        whole.start_postgres()


@run
def postgres_crashes_thrice(whole: Whole) -> None:
    _crash_in_mid_drain(whole, 3)
    # A worker that was sending has lost its lease with the answer; the lease has to run out.
    whole.report("F06", "Postgres crashes 3 times in mid-drain", whole.seconds_until_all_sent(within=240))


@run
def postgres_crashes(whole: Whole) -> None:
    """Ten times; then a standby takes its place, which has all that was committed."""
    standby = whole.follow_postgres()
    _crash_in_mid_drain(whole, 10)
    whole.firms[0].post(*[("1100", "2100", "1.00")] * 100)
    posted, sent = whole.connections[0].queue.count(), whole.sent()
    whole.crash_postgres()
    standby.take_over()
    whole.wait_for_postgres()
    whole.expect("what was posted is there", whole.connections[0].queue.count() == posted)
    whole.expect("what was sent is there", whole.sent() >= sent)
    seconds = whole.seconds_until_all_sent(within=240)
    whole.report("F06", "10 crashes, 1 s apart, then a standby takes over", seconds)


@run
def postgres_crashes_every_minute(whole: Whole) -> None:
    """Ten times. In each minute there is twenty seconds' worth to send, so that some crash in mid-drain and others at
    rest."""
    for number in range(10):
        began = time.monotonic()
        whole.firms[0].post(*[("1100", "2100", "1.00")] * 1000)
        time.sleep(max(began + 3 + 5 * number - time.monotonic(), 0))
        whole.crash_postgres()
        whole.start_postgres()
        time.sleep(max(began + 60 - time.monotonic(), 0))
    seconds = whole.seconds_until_all_sent(within=300)
    whole.report("F06", "10 crashes, a minute apart", seconds)


@run
def postgres_full(whole: Whole) -> None:
    """In the middle of a drain the worker is started anew, and for twenty seconds it gets no connection."""
    whole.firms[0].post(*[("1100", "2100", "1.00")] * 600)
    # First, since what it held becomes free for whoever asks next.
    whole.kill("worker")
    taken: list[psycopg.Connection] = []
    with suppress(psycopg.OperationalError):
        while True:
            taken.append(psycopg.connect(whole.stack.supervisor.environment["DATABASE_URL"]))
    sent = whole.sent()
    whole.stack._launch_worker()
    time.sleep(20)
    whole.expect("there was something to send", whole.connections[0].queue.exclude(state="sent").exists())
    whole.expect(f"nothing goes without a connection: {whole.sent() - sent} entries did", whole.sent() == sent)
    for connection in taken:
        connection.close()
    seconds = whole.seconds_until_all_sent(within=240)
    whole.report("F06", f"no connection left for 20 s in mid-drain ({len(taken)} taken)", seconds)


def _snapshot_held(whole: Whole, seconds: float, about: str) -> None:
    """Nothing is vacuumed either, while both firms post as fast as Xero takes it. B6: a claim costs at most twice as
    much at the end, and a look at another table a fifth more, each against what `SELECT 1` takes at the time. How many
    blocks a claim looks at is only told: those that are undone here leave dead rows of their own."""
    environment = whole.stack.supervisor.environment
    with _superuser() as superuser, psycopg.connect(environment["DATABASE_URL"]) as holder:
        superuser.execute("ALTER SYSTEM SET autovacuum = off")
        superuser.execute("SELECT pg_reload_conf()")
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM journal_sync_queue")
        began = time.monotonic()
        _keep_posting(whole)
        at_first = _costs(whole)
        while time.monotonic() < began + seconds:
            _keep_posting(whole)
            time.sleep(2)
        _keep_posting(whole)
        claim, blocks, bystander = (last / first for first, last in zip(at_first, _costs(whole), strict=True))
        superuser.execute("ALTER SYSTEM RESET autovacuum")
        superuser.execute("SELECT pg_reload_conf()")
    whole.expect(f"a claim takes at most twice as long: {claim:.2f}", claim <= 2)
    whole.expect(f"a bystander a fifth more: {bystander:.2f}", bystander <= 1.2)
    seconds = max(whole.seconds_until_all_sent(firm, within=300) for firm in (0, 1))
    whole.report("F26", f"{about}: x{claim:.2f}, blocks x{blocks:.2f}", seconds)


def _superuser() -> psycopg.Connection:
    of = database.settings_dict
    return psycopg.connect(host=of["HOST"], port=of["PORT"], user="postgres", dbname="postgres", autocommit=True)


def _keep_posting(whole: Whole) -> None:
    """So that there is something to claim."""
    for firm, connection in zip(whole.firms, whole.connections, strict=True):
        if connection.queue.waiting().count() < 500:
            firm.post(*[("1100", "2100", "1.00")] * 1000)


def _costs(whole: Whole) -> tuple[float, float, float]:
    """The medians of a hundred claims, in terms of `SELECT 1` and in blocks, and of looks at another table."""
    connection = whole.connections[0]
    took: dict[str, list[float]] = {"nothing": [], "claim": [], "blocks": [], "bystander": []}

    def ask(sql: str, name: str) -> None:
        with _timed(took[name]), database.cursor() as cursor:
            cursor.execute(sql)

    while len(took["claim"]) < 110:
        for _ in range(5):
            ask("SELECT 1", "nothing")
            ask(f"SELECT name FROM ledger_account WHERE organization_id = {connection.organization_id}", "bystander")
        _claim_in_vain(connection, took["claim"], took["blocks"])
        # The worker claims meanwhile, too.
        _keep_posting(whole)
    # The first few find nothing warm.
    medians = {name: statistics.median(each[10:]) for name, each in took.items()}
    return medians["claim"] / medians["nothing"], medians["blocks"], medians["bystander"] / medians["nothing"]


_BLOCKS = """
    SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::int FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
"""


def _claim_in_vain(connection: "Connection", took: list[float], blocks: list[float]) -> None:
    """As if the pacer's next slot had come; then it is undone."""
    from integrations.mirror import claiming
    from integrations.models import Connection

    claim: list[float] = []
    with transaction.atomic():
        Connection.objects.filter(pk=connection.pk).update(next_send_at=None, coalesce_until=None)
        with _timed(claim):
            claimed = claiming.claim.__wrapped__(connection.pk)  # in this transaction, instead of one of its own
        with database.cursor() as cursor:
            cursor.execute(_BLOCKS)
            (looked_at,) = cursor.fetchone()
        transaction.set_rollback(True)
    if claimed.lease:
        took += claim
        blocks.append(looked_at)


@contextmanager
def _timed(took: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took.append(time.perf_counter() - began)


@run
def snapshot_held_for_half_an_hour(whole: Whole) -> None:
    _snapshot_held(whole, 1800, "snapshot 30 min, no vacuum")


@run
def whale(whole: Whole) -> None:
    """One firm imports 50,000 entries; another posts one, during the import and after it."""
    importing = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.stack_runs", "--import", "50000"],
        env=whole.stack.supervisor.environment,
        cwd=CHECKOUT,
    )
    slowest = 0.0
    looked = False
    while importing.poll() is None or not looked:
        looked = importing.poll() is not None
        whole.post(firm=1)
        slowest = max(slowest, whole.seconds_until_all_sent(firm=1, within=60))
        time.sleep(2)
    whole.expect("the import went well", importing.returncode == 0)
    for _ in range(5):
        whole.post(firm=1)
        slowest = max(slowest, whole.seconds_until_all_sent(firm=1, within=60))
        time.sleep(3)
    whole.expect(f"the other's arrives within 30 s: {slowest:.1f}", slowest <= 30)
    status = {each["organization"]: each for each in whole.status()["connections"]}
    whole.expect("status shows the import", status["harbor-law"]["waiting"] > 30_000)
    whole.expect("and the other at rest", status["other-law"]["waiting"] == 0)
    # 50,000 would take 17 minutes at Xero's pace: what has been sent by now is compared.
    sent = whole.connections[0].queue.filter(state="sent").count()
    books = whole.sandbox.books("xero", whole.connections[0].company_id)
    line = {
        "test": "whale",
        "about": "one imports 50,000, another posts: its wait",
        "entries": sent,
        "seconds": slowest,
    }
    found = {"lost": max(sent - books["journals"], 0), "doubled": len(books["duplicates"]), "problems": whole.problems}
    sys.stdout.write(json.dumps(line | found) + "\n")


def _import(entries: int) -> None:
    from athenty.organizations.models import Organization, User
    from ledger.models import Account
    from tests.mirror.conftest import Firm

    organization = Organization.objects.get(slug="harbor-law")
    accounts = {account.number: account for account in Account.objects.filter(organization=organization)}
    firm = Firm(organization, User.objects.get(email="owner@harbor-law.test"), accounts)
    for _ in range(10):
        firm.post(*[("1100", "2100", "1.00")] * (entries // 10))


def main(names: list[str]) -> int:
    if names[0] == "--import":
        django.setup()
        _import(int(names[1]))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        stack = Stack(state, lambda sentence: None, demo_firms=False)
        with stack.supervisor:
            stack.start()
            os.environ.update(stack.supervisor.environment)
            django.setup()
            whole = Whole(stack)
            for name in names:
                RUNS[name](whole)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
