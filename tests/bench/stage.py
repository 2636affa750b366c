"""What a part of the bench runs on: its own Postgres (which syncs to disk), Redis, sandbox, workers and beat."""

import os
import re
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django

from athenty.local import addresses
from athenty.local.folders import PrivateFolder
from athenty.local.postgres import Postgres
from athenty.local.stack import CHECKOUT
from athenty.local.supervisor import Child, Supervisor
from athenty.local.valkey import Valkey, free_port
from tests.bench import hurry, prepared

_THREADS = 16
_QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Stage:
    """`sandbox_store` may be filled before `open_sandbox`. What is launched comes up while firms are made; what is
    measured begins after `wait_for_workers`."""

    def __init__(self, state: Path, supervisor: Supervisor) -> None:
        self.state = state
        self.supervisor = supervisor
        self.sandbox_store = state / "sandbox.sqlite3"
        self.workers: list[Child] = []
        self._began = time.monotonic()

    @property
    def speed(self) -> float:
        return hurry.speed()

    def say(self, sentence: str) -> None:
        """What is under way, for who waits."""
        sys.stdout.write(f"   {time.monotonic() - self._began:5.0f} s  {sentence}\n")
        sys.stdout.flush()

    def open_sandbox(self) -> None:
        from tests.sandbox_server import Sandbox

        url = addresses.sandbox_url()
        port = url.rsplit(":", 1)[1]
        module = "integrations.sandbox" if self.speed == 1 else "tests.bench.hurried_sandbox"
        child = self.supervisor.launch("sandbox", ["-m", module, "--port", port, "--store", str(self.sandbox_store)])
        self.supervisor.wait_until(child, lambda child: "sandbox ready" in child.log.read_text())
        self.sandbox = Sandbox(url)

    def run_at(self, times: float) -> None:
        """From now on clocks run so many times as fast; a part that calls this began with a speed other than 1."""
        hurry.change(times)
        hurry.hurry_database()

    def answer_after(self, seconds: dict[tuple[str, str], float]) -> None:
        """Let the provider take its time: how long for each call to post journals, by provider and company."""
        call = {"quickbooks": "batch", "xero": "manualjournals"}
        for (provider, company_id), delay in seconds.items():
            self.sandbox.arm(
                provider=provider, call=call[provider], tenant=company_id, do="delay", share=1.0,
                delay_seconds=delay / self.speed,
            )  # fmt: skip

    def launch_workers(
        self, processes: int, *, threads: int = _THREADS, sweeps_at_speed: float = 0, **environment: str
    ) -> None:
        """The product's: Celery's threads pool, several processes, and one beat, whose sweep comes every ten seconds of
        the clock at the present speed, or at that of `sweeps_at_speed`."""
        command = ["manage.py", "worker"] if self.speed == 1 else ["-m", "tests.bench.hurried_worker"]
        before = dict(self.supervisor.environment)
        self.supervisor.environment.update(environment)
        for number in range(processes):
            name = f"worker{number}"
            options = ["--threads", str(threads), "--name", f"{name}@localhost"]
            self.workers.append(self.supervisor.launch(name, [*command, *options]))
        sweep_every = max(round(10 / (sweeps_at_speed or self.speed)), 1)
        self.supervisor.environment["MIRROR_SWEEP_INTERVAL_SECONDS"] = str(sweep_every)
        schedule = ["-s", str(self.state / "beat"), "--pidfile="]
        self.workers.append(self._celery("beat", "athenty", "beat", *schedule))
        self.supervisor.environment = before

    def start_workers(self, processes: int, **how: Any) -> None:
        self.launch_workers(processes, **how)
        self.wait_for_workers()

    def launch_naive(self, threads: int = _THREADS) -> Child:
        """It has nothing to do until its turn comes."""
        pool = ["-P", "threads", "-c", str(threads), "-n", "naive@localhost"]
        return self._celery("naive", "tests.bench.naive", "worker", *pool, *_QUIET)

    def wait_for_workers(self, *others: Child) -> None:
        for worker in (*self.workers[:-1], *others):
            self.supervisor.wait_until(worker, lambda child: " ready." in child.log.read_text())

    def _celery(self, name: str, application: str, *arguments: str) -> Child:
        return self.supervisor.launch(name, ["-m", "celery", "-A", application, *arguments, "-l", "INFO"])

    def stop(self, *children: Child) -> None:
        """At once: what was measured is over by then, and a call that takes half a minute is not waited for."""
        for child in children:
            child.process.kill()
            child.stop()
            self.supervisor._services.remove(child)
            if child in self.workers:
                self.workers.remove(child)

    def stop_workers(self) -> None:
        self.stop(*list(self.workers))

    def kept(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the sandbox's own store, read beside it."""
        with sqlite3.connect(f"file:{self.sandbox_store}?mode=ro", uri=True, timeout=30) as store:
            return store.execute(sql, values).fetchall()


@contextmanager
def raised(*, speed: float = 1) -> Iterator[Stage]:
    """Start the servers, set Django up on them, migrate. Once per process, since Django's settings are read once."""
    folder = PrivateFolder("bench")
    os.environ.update(hurry.begin(speed, folder.path))
    supervisor = Supervisor(folder.path / "logs", os.environ, CHECKOUT)
    try:
        with supervisor:
            if ready := os.environ.get("ATHENTY_BENCH_PREPARED"):
                prepared.copy_into(folder.path, Path(ready))
            postgres = Postgres(folder.path)
            supervisor.adopt("postgres", postgres.process, lambda: _throw_away(postgres))
            valkey = Valkey(folder.path)
            supervisor.adopt("valkey", valkey.process, valkey.stop)
            _point_everybody_at(folder.path, postgres.url, valkey.url, supervisor)
            _prepare_database(speed)
            stage = Stage(folder.path, supervisor)
            yield stage
            stage.stop(*supervisor._services)
    finally:
        told = complaints(folder.path / "logs")
        sys.stderr.writelines(told)
        folder.remove()
    if told:
        raise SystemExit("What was measured while these failed means nothing.")


def _throw_away(postgres: Postgres) -> None:
    """Without the checkpoint that would keep what nobody will read."""
    postgres.process.send_signal(signal.SIGQUIT)
    postgres.stop()


def _point_everybody_at(state: Path, database_url: str, redis_url: str, supervisor: Supervisor) -> None:
    environment = {
        "ATHENTY_PROFILE": "local",
        "ATHENTY_STATE_FOLDER": str(state),
        "DJANGO_SETTINGS_MODULE": "athenty.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
    }
    os.environ.update(environment)
    supervisor.environment.update(os.environ)
    sandbox_url = f"http://127.0.0.1:{free_port()}"
    addresses.write(state, {"site_url": "http://localhost:8000", "sandbox_url": sandbox_url})


def _prepare_database(speed: float) -> None:
    if "ATHENTY_BENCH_PREPARED" in os.environ:
        django.setup()
    else:
        prepared.migrate()
    if speed != 1:
        hurry.hurry_database()


def complaints(logs: Path) -> list[str]:
    """What services complained of, each but once."""
    told = []
    for log in sorted(logs.glob("*.log")):
        if log.stem in ("postgres", "valkey"):
            continue
        lines = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"ERROR|Error:", line)]
        told += [f"  {log.stem} | {line[:300]}\n" for line in list(dict.fromkeys(lines))[:5]]
    return told


def wait_for(condition: Callable[[], object], within: float, *, every: float = 0.1) -> bool:
    """Whether it came to be, looked at every so many real seconds."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True
