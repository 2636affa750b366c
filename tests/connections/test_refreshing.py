"""Refreshing: one at a time, committed before it is used, and nothing lost whenever a worker dies."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as live
from django.db import connection as database
from django.db import connections as databases
from django.utils import timezone

from integrations.clock import database_now
from integrations.connections import connect, disconnect, start, tokens
from integrations.models import Connection, SealedGrant
from integrations.providers.errors import GrantLost, Unavailable
from tests.connections.sign_in import sign_in
from tests.faults.conftest import wait_until
from tests.mirror.conftest import (
    _key_file,
    connect_firm,
    firm,
    map_everything,
    pass_over,
    provider_name,
    sandbox,
    states,
    visitor,
)

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]

_CHECKOUT = Path(__file__).resolve().parents[2]
_DAY = timedelta(days=1)


class Killed(BaseException):
    """What no `except Exception` holds up, as a kill is."""


def single_use(sandbox) -> None:
    """As hard as a provider may be: what was replaced is dead at once, and a second use ends everything."""
    sandbox.turn(xero_refresh_grace="off", quickbooks_parallel_refresh_kills="on")
    sandbox.advance_clock(2 * _DAY.total_seconds())  # Intuit keeps a value for a day
    SealedGrant.objects.update(access_expires_at=database_now())


def refreshes(sandbox, provider_name: str) -> int:
    return len(sandbox.requests(provider_name, "token")) - 1  # the first is the code's


def works(connection: Connection) -> bool:
    return bool(connection.provider.company(tokens.access_token(connection), connection.company).name)


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_that_need_a_token_refresh_it_once(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    single_use(sandbox)
    got, together = [], threading.Barrier(16)

    def work():
        try:
            together.wait(timeout=20)
            got.append(tokens.access_token(connection))
        finally:
            databases["default"].close()

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert (len(got), len(set(got))) == (16, 1)
    assert refreshes(sandbox, provider_name) == 1
    assert works(connection)


@pytest.mark.django_db(transaction=True)
def test_sixteen_workers_whose_token_was_refused_get_one_new_one(firm, provider_name, sandbox):
    """401 though unexpired: each comes with the same refused token, and only the first spends the refresh token."""
    connection = connect_firm(firm, provider_name, sandbox)
    refused = tokens.access_token(connection)
    got = []

    def work():
        try:
            got.append(tokens.access_token(connection, refused=refused))
        finally:
            databases["default"].close()

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert (len(got), len(set(got))) == (16, 1)
    assert refreshes(sandbox, provider_name) == 1


def die_at(monkeypatch, point: str) -> None:
    def crash_point(name: str) -> None:
        if name == point:
            raise Killed

    monkeypatch.setattr(tokens, "crash_point", crash_point)


def ready_to_send(firm, provider_name, sandbox) -> Connection:
    connection = connect_firm(firm, provider_name, sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    firm.post(("1100", "2100", "12.50"), ("1000", "4000", "7.25"))
    connection.refresh_from_db()
    return connection


@pytest.mark.parametrize("point", ["refreshing", "refreshed"])
def test_a_worker_that_dies_inside_xeros_grace_costs_nothing(firm, sandbox, monkeypatch, point):
    connection = ready_to_send(firm, "xero", sandbox)
    SealedGrant.objects.update(access_expires_at=database_now())
    die_at(monkeypatch, point)
    with pytest.raises(Killed):
        tokens.access_token(connection)
    monkeypatch.undo()
    sandbox.advance_clock(29 * 60)
    assert works(connection)


def test_an_answer_that_was_lost_is_got_again_inside_xeros_grace(firm, sandbox):
    connection = connect_firm(firm, "xero", sandbox)
    SealedGrant.objects.update(access_expires_at=database_now())
    sandbox.arm(provider="xero", call="token", do="drop_after_commit")
    with pytest.raises(Unavailable):
        tokens.access_token(connection)
    assert works(connection)


def test_without_grace_the_connection_stops_its_queue_is_kept_and_a_reconnect_drains_it_once(
    firm, provider_name, sandbox, monkeypatch
):
    connection = ready_to_send(firm, provider_name, sandbox)
    single_use(sandbox)
    die_at(monkeypatch, "refreshed")
    with pytest.raises(Killed):
        tokens.access_token(connection)
    monkeypatch.undo()

    pass_over(connection)
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("disconnected", "grant_lost")
    assert connection.notices.get().kind == "ended"
    assert sandbox.journals(provider_name, connection.company_id) == []
    assert set(states(connection)) <= {"waiting", "sending"}

    again = sign_in(provider_name, visitor(firm), "Park & Lowe LLP")
    assert again == connection
    while pass_over(connection):
        pass
    assert states(connection) == ["sent", "sent"]
    assert len(sandbox.journals(provider_name, connection.company_id)) == 2


def test_a_refusal_of_the_grant_before_does_not_stop_the_one_that_a_person_has_just_given(
    firm, provider_name, sandbox, monkeypatch
):
    """A worker learns that the grant is gone in the moment in which its owner connects anew."""
    connection = connect_firm(firm, provider_name, sandbox)
    sandbox.disconnect_there(provider_name, connection.company_id)
    tokens.distrust(connection)
    if provider_name == "xero":
        sandbox.arm(provider="xero", call="token", do="status", status=400, body='{"error":"invalid_grant"}')
    with pytest.raises(GrantLost) as learned:
        tokens.access_token(connection)
    assert sign_in(provider_name, visitor(firm), "Park & Lowe LLP", renewing=True) == connection
    disconnect.stop(connection.pk, learned.value)
    connection.refresh_from_db()
    assert connection.is_connected
    assert works(connection)


def test_the_pair_before_the_last_is_tried_once_when_the_last_is_unknown(firm, sandbox):
    """As after a restored backup at the provider's side, or an answer of a token that never came to count."""
    connection = connect_firm(firm, "xero", sandbox)
    tokens.access_token(connection, refused=tokens.access_token(connection))
    grant = SealedGrant.objects.get()
    where = tokens.place(connection.organization_id, "xero", connection.pk)
    held = tokens.open_tokens(grant.tokens, where)
    unknown = tokens.seal_tokens(
        tokens.TokenSet(held.access, "never-issued", timedelta(minutes=30), timedelta(days=60)), where
    )
    grant.tokens, grant.access_expires_at = unknown.record, database_now()
    grant.save()
    assert works(connection)
    assert refreshes(sandbox, "xero") == 3


def test_a_disconnect_meanwhile_ends_the_refresh_in_a_lost_grant(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    SealedGrant.objects.all().delete()
    with pytest.raises(GrantLost, match="no stored access"):
        tokens.access_token(connection)


def test_a_connection_made_anew_before_its_access_ends_keeps_its_mapping_and_sends_on(firm, provider_name, sandbox):
    connection = ready_to_send(firm, provider_name, sandbox)
    with pytest.raises(connect.ConnectFailed, match="is connected already"):
        connect.begin(provider_name, visitor(firm))
    before = tokens.access_token(connection)
    again = sign_in(provider_name, visitor(firm), "Park & Lowe LLP", renewing=True)
    assert again == connection
    assert tokens.access_token(connection) != before
    while pass_over(connection):
        pass
    assert states(connection) == ["sent", "sent"]


def test_another_company_while_connected_is_refused_and_changes_nothing(firm, provider_name, sandbox):
    connection = ready_to_send(firm, provider_name, sandbox)
    before = tokens.access_token(connection)
    with pytest.raises(connect.ConnectFailed, match="This connection is Park & Lowe LLP, and goes on as it was"):
        sign_in(provider_name, visitor(firm), "Other & Sons LLP", renewing=True)
    assert tokens.access_token(connection) == before
    assert Connection.objects.get() == connection


# Real processes ------------------------------------------------------------------------------------------------------


def process(connection: Connection, **environment: str) -> subprocess.Popen[str]:
    """A worker's process that gets an access token, once its standard input says so."""
    of = database.settings_dict
    names = [f"{provider}_{name}_URL" for provider in ("QUICKBOOKS", "XERO") for name in ("TOKEN", "API")]
    code = (
        "import sys, django; django.setup()\n"
        "from integrations.connections import tokens\n"
        "from integrations.models import Connection\n"
        f"connection = Connection.objects.get(pk='{connection.pk}')\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "import hashlib; print(hashlib.sha256(tokens.access_token(connection).encode()).hexdigest())\n"
    )
    given = os.environ | {
        "DJANGO_SETTINGS_MODULE": "athenty.settings",
        "DATABASE_URL": f"postgresql://{of['USER']}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}",
        "DATABASE_POOL_SIZE": "2",
        "KMS_LOCAL_KEY_FILE": live.KMS_LOCAL_KEY_FILE,
        **{name: getattr(live, name) for name in names},
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=_CHECKOUT,
        env=given,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_sixteen_processes_that_need_a_token_refresh_it_once(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    single_use(sandbox)
    workers = [process(connection) for _ in range(16)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    got = [worker.communicate(timeout=60)[0] for worker in workers]
    assert all(len(line) == 65 for line in got)
    assert len(set(got)) == 1
    assert refreshes(sandbox, provider_name) == 1
    assert works(connection)


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killed", ["before the reply", "between reply and store"])
@pytest.mark.parametrize("grace", ["on", "off"])
def test_kill_9_between_the_providers_rotation_and_our_store(firm, sandbox, grace, killed):
    connection = ready_to_send(firm, "xero", sandbox)
    sandbox.turn(xero_refresh_grace=grace)
    SealedGrant.objects.update(access_expires_at=database_now())
    if killed == "before the reply":
        sandbox.arm(provider="xero", call="token", do="delay", delay_seconds=5)
        worker = process(connection)
        worker.stdout.readline()
        worker.stdin.write("\n")
        worker.stdin.flush()
        wait_until(sandbox.has_struck, "the provider has been asked")
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(timeout=10) == -signal.SIGKILL
        wait_until(lambda: refreshes(sandbox, "xero") == 1, "the provider has finished what nobody reads")
    else:
        worker = process(connection, ATHENTY_CRASH="refreshed:1")
        worker.stdout.readline()
        worker.stdin.write("\n")
        worker.stdin.flush()
        assert worker.wait(timeout=20) == 137
    assert refreshes(sandbox, "xero") == 1

    pass_over(connection)
    connection.refresh_from_db()
    if grace == "on":
        assert states(connection) == ["sent", "sent"]
    else:
        assert (connection.status, connection.status_reason) == ("disconnected", "grant_lost")
        assert sign_in("xero", visitor(firm), "Park & Lowe LLP") == connection
        while pass_over(connection):
            pass
        assert states(connection) == ["sent", "sent"]
    assert len(sandbox.journals("xero", connection.company_id)) == 2
