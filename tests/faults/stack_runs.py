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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
import psycopg
from django.db import DatabaseError
from django.db import connection as database
from redis import Redis

from athenty.local.stack import CHECKOUT, Stack
from athenty.local.supervisor import Child
from athenty.local.valkey import _program

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

    def forget(self, name: str) -> None:
        self.stack.supervisor._services[:] = [each for each in self.stack.supervisor._services if each.name != name]

    def kill(self, name: str) -> None:
        process = self.child(name).process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.forget(name)

    def stop_redis(self) -> None:
        self.child("valkey").stop()

    def start_redis(self) -> None:
        port = self.stack.supervisor.environment["REDIS_URL"].rsplit(":", 1)[1].split("/")[0]
        command = [_program(), "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]
        redis = subprocess.Popen([*command, "--dir", tempfile.gettempdir()], stdout=subprocess.DEVNULL)
        self.stack.supervisor.adopt("valkey", redis, redis.kill)

    def redis(self) -> Redis:
        return Redis.from_url(self.stack.supervisor.environment["REDIS_URL"])

    def crash_postgres(self) -> None:
        """As `pg_ctl -m immediate` and a start do: every backend gone at once, and the log replayed. A backend that is
        killed makes the server do just that."""
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        os.kill(pid, signal.SIGKILL)
        database.close()
        database.close_pool()
        until = time.monotonic() + 30
        while True:
            try:
                with database.cursor() as cursor:
                    cursor.execute("SELECT 1")
                return
            except DatabaseError:
                database.close()
                self.expect("Postgres is back within 30 s", time.monotonic() < until)
                time.sleep(0.1)

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

    def too_many_calls(self) -> int:
        return sum(call["status"] == 429 for call in self.sandbox.requests("xero", "manualjournals"))

    def report(self, test: str, about: str, seconds: float) -> None:
        """Compare the books with ours, and tell."""
        entries = lost = doubled = 0
        for connection in self.connections:
            books = self.sandbox.books("xero", connection.company_id)
            posted = connection.queue.count()
            entries += posted
            lost += max(posted - books["journals"], 0)
            doubled += len(books["duplicates"])
            self.expect("the sums agree", books["totals"]["debits"] == books["totals"]["credits"])
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
    whole.report("F05", "Redis stopped for 2 min while posting", seconds)


@run
def redis_stopped_for_ten_minutes(whole: Whole) -> None:
    seconds = _redis_away(whole, 600, whole.stop_redis, whole.start_redis)
    whole.report("F05", "Redis stopped for 10 min while posting", seconds)


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
    """Live goes on by wake-ups; and two beats call no more than one."""
    whole.kill("beat")
    whole.post()
    seconds = whole.seconds_until_all_sent(within=30)
    whole.stack._launch_beat()
    second = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "athenty", "beat", "-s", tempfile.mktemp(), "--pidfile="],  # noqa: S306
        env=whole.stack.supervisor.environment,
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = len(whole.sandbox.requests("xero", "manualjournals"))
    time.sleep(25)
    whole.expect("two beats call nobody", len(whole.sandbox.requests("xero", "manualjournals")) == before)
    second.kill()
    second.wait()
    whole.report("F24", "beat stopped: Live by wake-ups; two beats", seconds)


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


@run
def postgres_crashes(whole: Whole) -> None:
    """Ten times in the middle of a drain."""
    whole.firms[0].post(*[("1100", "2100", "1.00")] * 600)
    for _ in range(10):
        time.sleep(1)
        whole.crash_postgres()
    # A worker that was sending has lost its lease with the answer; the lease has to run out.
    seconds = whole.seconds_until_all_sent(within=240)
    whole.report("F06", "Postgres crashes 10 times in mid-drain", seconds)


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
