"""A scripted server for recorded and malformed answers, and the sandbox for whole conversations."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.sandbox_world import CALLBACK
from tests.providers.scripted_server import Reply, ScriptedServer
from tests.sandbox_server import Sandbox, point_at


@pytest.fixture(scope="session")
def _scripted_server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(_scripted_server, settings) -> ScriptedServer:
    """The scripted server, with every provider address pointing at it."""
    point_at_script(settings, _scripted_server)
    _scripted_server.answers(Reply(500))
    return _scripted_server


def point_at_script(settings: Any, server: ScriptedServer) -> None:
    settings.QUICKBOOKS_AUTHORIZE_URL = f"{server.url}/quickbooks/connect"
    settings.QUICKBOOKS_TOKEN_URL = f"{server.url}/quickbooks/token"
    settings.QUICKBOOKS_REVOKE_URL = f"{server.url}/quickbooks/revoke"
    settings.QUICKBOOKS_API_URL = f"{server.url}/quickbooks"
    settings.XERO_AUTHORIZE_URL = f"{server.url}/xero/authorize"
    settings.XERO_TOKEN_URL = f"{server.url}/xero/token"
    settings.XERO_REVOKE_URL = f"{server.url}/xero/revoke"
    settings.XERO_CONNECTIONS_URL = f"{server.url}/xero/connections"
    settings.XERO_API_URL = f"{server.url}/xero/api.xro/2.0"


@pytest.fixture
def sandbox(started_sandbox, settings) -> Sandbox:
    """The sandbox as it is on the first day, with the product's settings pointing at it."""
    point_at(settings, started_sandbox.url)
    started_sandbox.reset()
    started_sandbox.register(CALLBACK)
    return started_sandbox
