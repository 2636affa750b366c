"""A real Celery worker, as a process that can be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as live
from django.db import connection as database

from tests.faults.scoreboard import Line, board
from tests.mirror.conftest import _key_file, firm, provider_name, sandbox
from tests.simulation.world import World, simulated_world

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]

_MOSTLY_WAIT = {"test_fleet.py", "test_stack.py", "test_two_workers.py"}
_CHECKOUT = Path(__file__).resolve().parents[2]
_PROVIDER_SETTINGS = [
    f"{provider}_{name}_URL" for provider in ("QUICKBOOKS", "XERO") for name in ("AUTHORIZE", "TOKEN", "REVOKE", "API")
] + ["XERO_CONNECTIONS_URL"]


class Worker:
    """`celery worker` with what it needs of this test's settings."""

    def __init__(self, log: Path) -> None:
        of = database.settings_dict
        environment = os.environ | {
            "DATABASE_URL": f"postgresql://{of['USER']}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}",
            "REDIS_URL": live.REDIS_URL,
            "KMS_LOCAL_KEY_FILE": live.KMS_LOCAL_KEY_FILE,
            **{name: getattr(live, name) for name in _PROVIDER_SETTINGS},
        }
        command = [sys.executable, "-m", "celery", "-A", "athenty", "worker", "-P", "threads", "-c", "4", "-l", "INFO"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
                cwd=_CHECKOUT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: b" ready." in log.read_bytes(), "the worker is ready")

    def kill(self) -> None:
        """As the kernel would: nothing is finished, nothing is given back."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with simulated_world(str(tmp_path / "kms.key")) as world:
        yield world


def wait_until(done: Callable[[], bool], what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            pytest.fail(f"Waited {seconds:.0f} s in vain until {what}.")
        time.sleep(0.05)


@pytest.hookimpl(trylast=True)  # pytest-django puts last what uses no database of its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _MOSTLY_WAIT)


def pytest_testnodedown(node: Any) -> None:
    """A process of the run has ended, and hands over what its tests came to."""
    for line in getattr(node, "workeroutput", {}).get("scoreboard", []):
        board.take(Line(**line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if board.lines:
        terminalreporter.write_line("")
        terminalreporter.write_line(board.table())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["scoreboard"] = [asdict(line) for line in board.lines.values()]
    elif not board.is_clean and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def start_worker(tmp_path) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def start() -> Worker:
        workers.append(Worker(tmp_path / f"worker-{len(workers)}.log"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
