"""A scripted server for recorded and malformed answers, and the sandbox for whole conversations."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.providers.scripted_server import Reply, ScriptedServer


@pytest.fixture(scope="session")
def _scripted_server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server(_scripted_server, settings) -> ScriptedServer:
    """The scripted server, with every provider address pointing at it."""
    url = _scripted_server.url
    settings.QUICKBOOKS_AUTHORIZE_URL = f"{url}/quickbooks/connect"
    settings.QUICKBOOKS_TOKEN_URL = f"{url}/quickbooks/token"
    settings.QUICKBOOKS_REVOKE_URL = f"{url}/quickbooks/revoke"
    settings.QUICKBOOKS_API_URL = f"{url}/quickbooks"
    settings.XERO_AUTHORIZE_URL = f"{url}/xero/authorize"
    settings.XERO_TOKEN_URL = f"{url}/xero/token"
    settings.XERO_REVOKE_URL = f"{url}/xero/revoke"
    settings.XERO_CONNECTIONS_URL = f"{url}/xero/connections"
    settings.XERO_API_URL = f"{url}/xero/api.xro/2.0"
    _scripted_server.answers(Reply(500))
    return _scripted_server


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> Iterator[str]:
    """The sandbox's address. Its own process, as in production it would be somebody else's."""
    store = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3"
    process = subprocess.Popen(
        [sys.executable, "-m", "integrations.sandbox", "--port", "0", "--store", str(store)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("sandbox ready "):
                yield line.split()[2]
                break
        else:
            pytest.fail("The sandbox ended without being ready.")
    finally:
        process.terminate()
        process.wait(timeout=10)
