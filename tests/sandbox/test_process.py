"""The sandbox as its own process: how it starts, stays reachable, keeps its books and ends."""

import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import requests

from .callers import CALLBACK, QuickBooks, entry

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def sandbox_process(store: Path, **environment: str):
    command = [
        sys.executable, "-m", "integrations.sandbox", "--port", "0", "--store", str(store), "--redirect-uri", CALLBACK,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    try:
        ready = process.stdout.readline()
        assert ready.startswith("sandbox ready http://127.0.0.1:")
        yield process, ready.split()[-1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class OverHttp:
    """The few calls of Flask's test client that the callers use, over a real connection."""

    def __init__(self, address: str) -> None:
        self.address, self.session = address, requests.Session()

    def open(self, path, *, method, query_string=None, **options):
        answer = self.session.request(
            method, self.address + path, params=query_string, allow_redirects=False, timeout=10, **options
        )
        return Answer(answer)

    def get(self, path):
        return self.open(path, method="GET")

    def post(self, path, **options):
        return self.open(path, method="POST", **options)


class Answer:
    def __init__(self, answer: requests.Response) -> None:
        self.status_code, self.location = answer.status_code, answer.headers.get("Location")
        self.json = answer.json() if "json" in answer.headers.get("Content-Type", "") else None


def test_books_grants_and_ids_outlive_a_killed_process(tmp_path):
    store = tmp_path / "sandbox.sqlite"
    with sandbox_process(store) as (process, address):
        before = QuickBooks(OverHttp(address)).connected()
        assert before.post(entry(DocNumber="ATH-1"), requestid="r-1").status_code == 200
        books = before.books()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with sandbox_process(store) as (_, address):
        after = QuickBooks(OverHttp(address))
        after.access_token = before.access_token
        assert after.books()["accounts"] == books["accounts"]
        assert after.post(entry(DocNumber="ATH-1"), requestid="r-1").json["JournalEntry"]["Id"] == "228"
        assert after.books()["journals"] == 1


def test_sigterm_ends_it_fast_even_with_a_connection_kept_open(tmp_path):
    with sandbox_process(tmp_path / "sandbox.sqlite") as (process, address):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        connection.request("GET", "/control/clock")
        assert connection.getresponse().read()
        started = time.monotonic()
        process.terminate()
        assert process.wait(timeout=5) == 0
        assert time.monotonic() - started < 2
        connection.close()


def test_one_connection_carries_many_requests(served):
    address = served.removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    connection.connect()
    first_port = connection.sock.getsockname()[1]
    for _ in range(5):
        connection.request(
            "POST", "/control/clock", body=b'{"advance_seconds": 0}', headers={"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        assert answer.version == 11
        assert answer.read()
        assert connection.sock.getsockname()[1] == first_port
    connection.close()


def test_the_registered_apps_can_be_named_by_the_environment(tmp_path):
    names = {"SANDBOX_QUICKBOOKS_CLIENT_ID": "my-app", "SANDBOX_QUICKBOOKS_CLIENT_SECRET": "my-secret"}
    with sandbox_process(tmp_path / "sandbox.sqlite", **names) as (_, address):
        client = OverHttp(address)
        assert QuickBooks(client).authorize().status_code == 400
        assert QuickBooks(client).authorize(client_id="my-app").status_code == 302


def refused_start(*arguments: str) -> str:
    command = [sys.executable, "-m", "integrations.sandbox", *arguments]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    return outcome.stderr


def test_a_port_in_use_is_told_in_a_sentence(served):
    port = served.rpartition(":")[2]
    assert f"Port {port} is in use by another program." in refused_start("--port", port)


def test_a_store_that_cannot_be_opened_is_told_in_a_sentence(tmp_path):
    path = str(tmp_path / "missing" / "sandbox.sqlite")
    assert f"with the store {path}: unable to open database file" in refused_start("--store", path)


def test_the_help_lists_every_call_of_the_control_api(app):
    shown = subprocess.run(
        [sys.executable, "-m", "integrations.sandbox", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    control_calls = {
        rule.rule.removeprefix("/control/<provider>/<tenant_id>/").removeprefix("/control/").partition("/")[0]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("control.", "control_companies."))
    }
    assert {"settings", "clock", "faults", "odd_accounts", "reset_demo"} <= control_calls
    assert not [call for call in control_calls if call not in shown]
