"""Processes that die where a test wants it: forked from this one, with database connections of their own."""

import itertools
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from integrations.connections import tokens
from integrations.mirror import crash_points, drain, waking
from integrations.models import Connection
from integrations.providers import transport

KILLED, FAILED = 137, 1
TOKEN_IN_HAND, HALF_SENT, HALF_READ = "token in hand", "half sent", "half read"


def in_a_process(body: Callable[[], object]) -> int:
    """Fork, do this there, and wait for its end. Returns its exit code."""
    return end_of(start(body))


def start(body: Callable[[], object]) -> int:
    """Fork and do this there. Returns its pid; it starts with no connection of ours."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = FAILED
    try:
        # Those of the parent belong to it: they are forgotten here, and not closed.
        connection.connection = None
        DatabaseWrapper._connection_pools = {}
        waking._broker = _NoBroker()  # type: ignore[assignment]
        body()
        code = 0
    except BaseException:  # noqa: BLE001 - told by the exit code
        traceback.print_exc()
    finally:
        os._exit(code)


def end_of(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


class _NoBroker:
    """Wake-ups are lost; the loop below looks for itself, as the sweep would."""

    def publish(self, task: str, row_id: Any, delay: Any) -> None:
        """Lost."""


def drain_for(seconds: float) -> None:
    """What a worker does, until nothing is to be done or the time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        Connection.objects.filter(next_send_at__isnull=False).update(next_send_at=None, coalesce_until=None)
        ids = list(Connection.objects.connected().filter(mirror_from__isnull=False).values_list("pk", flat=True))
        did = [drain.run_pass(connection_id) for connection_id in ids]
        if not any(did):
            return


def dies_at(point: str, nth: int) -> None:
    """In a process of its own: arm a crash point, as ATHENTY_CRASH=point:n does at its start."""
    crash_points._name, crash_points._nth, crash_points._passes = point, str(nth), itertools.count(1)


def does_at(point: str, act: Callable[[], object]) -> None:
    """In a process of its own: do this at a crash point, once, instead of dying there. Beside the named ones there are
    TOKEN_IN_HAND, and HALF_SENT and HALF_READ of a full batch."""
    if point == TOKEN_IN_HAND:
        _does_with_the_token(act)
    elif point == HALF_SENT:
        _does_half_way_out(act)
    elif point == HALF_READ:
        _does_half_way_in(act)
    else:
        dies_at(point, 1)
        crash_points.os = SimpleNamespace(_exit=lambda _code: act())  # type: ignore[assignment]


def stop_here() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _does_with_the_token(act: Callable[[], object]) -> None:
    take, turns = tokens.access_token, itertools.count(1)

    def takes(*given: Any, **named: Any) -> str:
        token = take(*given, **named)
        if next(turns) == 1:
            act()
        return token

    tokens.access_token = takes  # type: ignore[assignment]


def _does_half_way_out(act: Callable[[], object]) -> None:
    send, turns = transport._OnWire.send, itertools.count(1)

    def sends(self: Any, data: Any) -> None:
        if isinstance(data, bytes) and len(data) > 1000 and next(turns) == 1:
            send(self, data[: len(data) // 2])
            act()
            data = data[len(data) // 2 :]
        send(self, data)

    transport._OnWire.send = sends  # type: ignore[method-assign]


def _does_half_way_in(act: Callable[[], object]) -> None:
    read, turns = socket.SocketIO.readinto, itertools.count(1)

    def reads(self: Any, buffer: Any) -> Any:
        turn = next(turns)
        if turn == 2:
            act()
        return read(self, memoryview(buffer)[:100] if turn == 1 else buffer)

    socket.SocketIO.readinto = reads  # type: ignore[method-assign]


def loses_its_session_at(point: str) -> None:
    """In a process of its own: Postgres ends the session that it works with."""

    def lose() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (backend,) = cursor.fetchone()
        another = connections.create_connection(connection.alias)
        with another.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        another.close()

    does_at(point, lose)


def stops_at(point: str) -> None:
    """In a process of its own: SIGSTOP itself there; when it goes on, its clock says that ten minutes have passed."""

    class Clock:
        ahead = 0.0

        def monotonic(self) -> float:
            return time.monotonic() + self.ahead

    clock = Clock()
    drain.time = clock  # type: ignore[assignment]

    def stop(name: str) -> None:
        if name == point and not clock.ahead:
            os.kill(os.getpid(), signal.SIGSTOP)
            clock.ahead = 600.0

    drain.crash_point = stop  # type: ignore[assignment]


def wait_until_stopped(pid: int) -> None:
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it ended instead"


def dies_at_step(nth: int) -> None:
    """In a process of its own: die at the n-th SQL statement, commit or socket operation, whatever it is."""
    steps, lock = itertools.count(1), threading.Lock()

    def step() -> None:
        with lock:
            if next(steps) == nth:
                os._exit(KILLED)

    def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        step()
        return execute(sql, params, many, context)

    connection.execute_wrappers.append(statement)
    commit = connection._commit
    send, connect, read = transport._OnWire.send, transport._OnWire.connect, socket.SocketIO.readinto

    def commits() -> Any:
        step()
        done = commit()
        step()
        return done

    def connects(self: Any) -> None:
        step()
        connect(self)

    def sends(self: Any, data: Any) -> None:
        """A body goes in two halves."""
        step()
        if isinstance(data, bytes) and len(data) > 1000:
            send(self, data[: len(data) // 2])
            step()
            data = data[len(data) // 2 :]
        send(self, data)

    def reads(self: Any, buffer: Any) -> Any:
        step()
        return read(self, memoryview(buffer)[: max(len(buffer) // 2, 1)])

    connection._commit = commits
    transport._OnWire.connect, transport._OnWire.send = connects, sends  # type: ignore[method-assign]
    socket.SocketIO.readinto = reads  # type: ignore[method-assign]
