"""`manage.py demo` as a person starts it."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.local.processes import contents, eventually, running_with

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMMAND = [sys.executable, CHECKOUT / "manage.py", "demo"]

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(state: Path) -> dict[str, str]:
    """Its own state and temporary folder, by which its processes are found; no server of the test run."""
    given = {"DATABASE_URL", "REDIS_URL", "SITE_URL"}
    own = {"ATHENTY_STATE_FOLDER": str(state / "demo"), "TMPDIR": str(state)}
    return {name: value for name, value in os.environ.items() if name not in given} | own


@pytest.fixture
def demo(state: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    said = state / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(COMMAND, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        assert eventually(lambda: "Sign in at" in contents(said) or process.poll() is not None, timeout_seconds=90)
        assert process.poll() is None, contents(said)
        yield process
    finally:
        process.kill()
        process.wait()


def status_of(url: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path)
    return connection.getresponse().status


def redis_answers(url: str) -> bool:
    """Valkey overwrites its environment with its title, so it is not found among the processes."""
    try:
        with Redis.from_url(url) as client:
            return client.ping()
    except RedisConnectionError:
        return False


def test_the_demo_runs_once_per_checkout_and_kill_9_leaves_nothing(
    demo: subprocess.Popen[bytes], state: Path, environment: dict[str, str]
) -> None:
    said = contents(state / "said.txt")
    addresses = json.loads((state / "demo" / "addresses.json").read_text())
    assert f"Sign in at {addresses['site_url']}/ as owner@demo.test, password athenty-demo" in said
    assert addresses["sandbox_url"] in said
    assert status_of(addresses["site_url"], "/sign-in/") == 200
    assert status_of(addresses["sandbox_url"], "/") == 200

    second = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"already runs from this checkout: {addresses['site_url']}/, process {demo.pid}." in second.stderr
    assert demo.poll() is None

    running = "\n".join(running_with(str(state)))
    for service in ("postgres", "integrations.sandbox", "celery -A athenty beat", "worker", "athenty.wsgi"):
        assert service in running
    assert redis_answers(addresses["redis_url"])
    demo.kill()
    demo.wait()
    assert eventually(lambda: running_with(str(state)) == [])
    assert not redis_answers(addresses["redis_url"])


def test_the_unattended_demo_hands_on_what_its_child_ended_with_and_leaves_nothing(
    state: Path, environment: dict[str, str]
) -> None:
    arguments = ["--once", "--ledger", state / "no-such-ledger"]
    once = subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert once.returncode == 1
    assert "no-such-ledger" in once.stderr
    assert running_with(str(state)) == []
    assert list(state.glob("athenty-*")) == [], "the folder it worked in is gone"
    assert (state / "demo" / "demo-once-logs" / "worker.log").exists()
