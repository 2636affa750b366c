"""The sandbox under test: an application in memory with a clock that stands still until a test moves it."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from integrations.sandbox.app import create_app, open_sandbox
from integrations.sandbox.clock import Clock
from integrations.sandbox.grants import everything_issued
from integrations.sandbox.server import make_server
from integrations.sandbox.state import Options
from tests.log_watch import remember

from .callers import CALLBACK, QuickBooks, Xero

NOON = 1_772_452_800.0  # 2026-03-02 12:00:00 UTC


class StillClock(Clock):
    """Starts at NOON and moves only when told."""

    def now(self) -> float:
        return NOON + self._offset


@pytest.fixture(scope="session")
def built_app() -> Flask:
    """Built once: its addresses are the same in every test, and compiling them takes most of the time."""
    app = create_app(Options())
    app.extensions.pop("sandbox").store.close()
    return app


@pytest.fixture
def app(built_app):
    sandbox = open_sandbox(Options(redirect_uris=(CALLBACK,)))
    sandbox.clock = StillClock(sandbox.store)
    sandbox.limits.enabled = False  # tests of the limits switch them on
    built_app.extensions["sandbox"] = sandbox
    yield built_app
    remember(issued["value"] for issued in everything_issued(sandbox.store))
    sandbox.store.close()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def quickbooks(client) -> QuickBooks:
    """An app connected to Park & Lowe LLP at QuickBooks."""
    return QuickBooks(client).connected()


@pytest.fixture
def xero(client) -> Xero:
    """An app connected to Park & Lowe LLP at Xero."""
    return Xero(client).connected()


@pytest.fixture
def limits(app):
    """The rate limits, switched on."""
    app.extensions["sandbox"].limits.enabled = True
    return app.extensions["sandbox"].limits


@pytest.fixture
def served(app) -> Iterator[str]:
    """The same application behind a real socket; its address."""
    server = make_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def advance(client):
    def move(seconds: float) -> None:
        assert client.post("/control/clock", json={"advance_seconds": seconds}).status_code == 200

    return move


@pytest.fixture
def arm(client):
    """Arm a fault and be told how it was understood."""

    def arm(**fault):
        answer = client.post("/control/faults", json=fault)
        assert answer.status_code == 200, answer.text
        return answer.json

    return arm


@pytest.fixture
def turn(client):
    """Turn switches of the sandbox."""

    def turn(**positions: str) -> None:
        answer = client.post("/control/switches", json=positions)
        assert answer.status_code == 200, answer.text

    return turn
