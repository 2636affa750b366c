"""The supervisor on small children of its own; test_demo.py has it run Athenty."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from athenty.local.supervisor import ChildFailed, Supervisor
from tests.local.processes import contents, eventually, running_with

pytestmark = pytest.mark.slow  # each of them starts processes, and waits for what becomes of them

CHECKOUT = Path(__file__).resolve().parent.parent.parent
# Children carry the state folder in their command line, by which they are found.
FOREVER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
WITH_GRANDCHILD = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[2], sys.argv[1]]); {FOREVER}"
)

SUPERVISED = """
import os, sys
from pathlib import Path
from athenty.local.supervisor import StopRequested, Supervisor
state, forever = Path(sys.argv[1]), sys.argv[2]
try:
    with Supervisor(state / "logs", os.environ, Path.cwd()) as supervisor:
        for name in ("first", "second"):
            child = supervisor.launch(name, ["-c", forever, str(state)])
            supervisor.wait_until(child, lambda child: "up" in child.log.read_text())
        (state / "ready").touch()
        supervisor.watch()
except StopRequested as stop:
    sys.exit(100 + stop.signal)
"""


@pytest.fixture
def supervised(state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor in a process of its own, with two children up."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISED, state, FOREVER], cwd=CHECKOUT)
    try:
        assert eventually((state / "ready").exists)
        assert len(running_with(str(state))) == 3
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_the_supervisor_and_every_child(
    supervised: subprocess.Popen[bytes], state: Path, number: signal.Signals
) -> None:
    supervised.send_signal(number)
    assert supervised.wait(10) == 100 + number
    assert running_with(str(state)) == []


def test_kill_9_of_the_supervisor_leaves_nothing_behind(supervised: subprocess.Popen[bytes], state: Path) -> None:
    supervised.kill()
    supervised.wait()
    assert eventually(lambda: running_with(str(state)) == [])


def supervisor(state: Path) -> Supervisor:
    return Supervisor(state / "logs", os.environ, CHECKOUT)


def test_a_child_that_ends_stops_the_others_and_is_named_with_the_end_of_its_log(state: Path) -> None:
    with supervisor(state) as it:
        it.launch("long", ["-c", FOREVER, str(state)])
        it.launch("short", ["-c", "print('no money left'); raise SystemExit(3)"])
        with pytest.raises(ChildFailed) as failure:
            it.watch()
        assert len(running_with(str(state))) == 1
    assert str(failure.value) == "short ended (exit status 3), so everything stops.\n  short | no money left"
    assert running_with(str(state)) == []


def test_a_killed_child_is_named_with_its_signal(state: Path) -> None:
    with supervisor(state) as it:
        it.launch("worker", ["-c", FOREVER, str(state)]).process.kill()
        with pytest.raises(ChildFailed, match=r"worker ended \(killed by SIGKILL\)"):
            it.watch()


def test_a_child_that_is_not_ready_in_time_is_named(state: Path) -> None:
    with supervisor(state) as it:
        web = it.launch("web", ["-c", FOREVER, str(state)])
        with pytest.raises(ChildFailed, match=r"web was not ready within 1 seconds"):
            it.wait_until(web, lambda child: False, timeout_seconds=1)


def test_a_failing_step_says_why(state: Path) -> None:
    with pytest.raises(ChildFailed, match=r"migrate failed\.\n  migrate \| no such table"), supervisor(state) as it:
        it.run("migrate", ["-c", "raise SystemExit('no such table')"])


def test_the_exit_status_of_the_child_in_front_is_handed_on(state: Path) -> None:
    with supervisor(state) as it:
        it.launch("long", ["-c", FOREVER, str(state)])
        assert it.run_in_front("mirror_once", ["-c", "raise SystemExit(7)"]) == 7


def test_the_child_in_front_ends_when_another_does(state: Path) -> None:
    with supervisor(state) as it:
        it.launch("web", ["-c", "import time; time.sleep(0.5)"])
        with pytest.raises(ChildFailed, match="web ended"):
            it.run_in_front("mirror_once", ["-c", FOREVER, str(state)])
        assert running_with(str(state)) == []


def test_a_child_that_ignores_sigterm_is_killed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("athenty.local.supervisor._STOP_TIMEOUT_SECONDS", 0.3)
    with supervisor(state) as it:
        stubborn = it.launch("stubborn", ["-c", STUBBORN, str(state)])
        it.wait_until(stubborn, lambda child: "up" in contents(child.log))
    assert stubborn.process.returncode == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(state: Path) -> None:
    with supervisor(state) as it:
        parent = it.launch("web", ["-c", WITH_GRANDCHILD, str(state), FOREVER])
        it.wait_until(parent, lambda child: contents(child.log).count("up") == 2)
    assert eventually(lambda: running_with(str(state)) == [])
