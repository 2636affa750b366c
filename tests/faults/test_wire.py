"""H2 at the wire: what befalls a send between two processes, over real sockets, the sandbox in its own process."""

import gzip
import os
import re
import resource
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.conf import settings
from django.db import connection as database
from django.db.models import Sum
from django.test import override_settings

from integrations.connections import tokens
from integrations.mirror import sweeping, waking
from integrations.models import Connection, QueueRow
from integrations.providers import transport
from integrations.providers.base import JournalDraft, SealedBody
from integrations.providers.quickbooks import payloads as quickbooks_payloads
from integrations.providers.xero import payloads as xero_payloads
from ledger.models import JournalLine
from tests.faults import dying
from tests.faults.conftest import wait_until
from tests.faults.test_processes import WRITE_CALL, Mirror, clock, mirror
from tests.providers.scripted_server import Reply, ScriptedServer, Seen
from tests.providers.test_transport import self_signed_certificate
from tests.sandbox_server import Sandbox

__all__ = ["clock", "mirror"]

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.django_db(transaction=True)]


# F01: the crash points that are no place in the product. C11 and C12 are of a send in two phases, which ours is not;
# the others are in test_processes.py.


@pytest.mark.parametrize("point", ["half the body sent", "no reply yet", "half the reply read"])
def test_f01_a_worker_killed_in_mid_call(mirror, point):
    """C5, C6 and C7: with one entry and with a full batch, restarted at once, after three minutes and after twenty."""
    limits = mirror.connection.provider.limits
    is_xero = mirror.connection.provider_name == "xero"
    given_up = 0
    for entries in (1, limits.batch_size):
        for restarted_after in (0, 180, 1200):
            mirror.post(entries)

            def die() -> None:
                dies_on_the_wire(point)
                dying.drain_for(30)

            written = journals(mirror)
            assert dying.in_a_process(die) == dying.KILLED
            assert mirror.connection.queue.sending().count() == entries
            arrived = entries * (point != "half the body sent")
            wait_until(lambda there=written + arrived: journals(mirror) == there, "the provider has what arrived")
            mirror.pass_time(restarted_after)
            seconds = mirror.drain()
            mirror.check("F01", f"kill -9, {point}, {mirror.connection.provider_name}", seconds)
            assert seconds <= limits.send_timeout.total_seconds() + 30 + 60
            if is_xero and restarted_after == 1200:
                given_up += entries
                assert journals(mirror) == written + arrived, "no repeat, which could double"
            unconfirmed = mirror.connection.queue.filter(state=QueueRow.State.UNCONFIRMED).count()
            assert unconfirmed == given_up, "only what Xero no longer recognises after twenty minutes"


def dies_on_the_wire(point: str) -> None:
    """In a process of its own: die in the midst of the first call that posts journals."""
    send, read = transport._OnWire.send, socket.SocketIO.readinto
    asked, heard = False, b""

    def sends(self: Any, data: Any) -> None:
        nonlocal asked
        if data[:1] != b"{":  # the head of a call, or a form
            send(self, data)
            return
        asked = True
        send(self, data[: len(data) // 2] if point == "half the body sent" else data)
        if point != "half the reply read":
            os._exit(dying.KILLED)

    def reads(self: Any, buffer: Any) -> Any:
        nonlocal heard
        if not asked:
            return read(self, buffer)
        count = read(self, memoryview(buffer)[:100])
        heard += bytes(buffer[:count])
        head, _, body = heard.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: ([0-9]+)", head)
        if body and length and 2 * len(body) >= int(length[1]):
            os._exit(dying.KILLED)
        return count

    transport._OnWire.send, socket.SocketIO.readinto = sends, reads  # type: ignore[method-assign]


def journals(mirror: Mirror) -> int:
    return mirror.sandbox.books(mirror.connection.provider_name, mirror.connection.company_id)["journals"]


def test_f01_a_process_killed_after_a_posting_and_before_its_wake_up(mirror, monkeypatch):
    """C1: the entries are committed, and no worker was told. The next sweep finds them."""
    for entries in (1, mirror.connection.provider.limits.batch_size):
        for restarted_after in (0, 180, 1200):

            def post_and_die(entries: int = entries) -> None:
                waking._broker = Broker(lambda: os._exit(dying.KILLED))  # type: ignore[assignment]
                mirror.post(entries)

            assert dying.in_a_process(post_and_die) == dying.KILLED
            lines = JournalLine.objects.filter(entry__organization=mirror.firm.organization)
            mirror.posted += entries
            mirror.total = lines.aggregate(debited=Sum("debit"))["debited"]
            assert mirror.connection.queue.waiting().count() == entries
            mirror.pass_time(restarted_after)
            woken: list[str] = []
            monkeypatch.setattr(waking, "_broker", Broker(lambda woken=woken: woken.append("woken")))
            Connection.objects.update(next_send_at=None)
            sweeping.wake_what_is_due()
            assert woken
            seconds = mirror.drain()
            mirror.check("F01", f"kill -9 before the wake-up, {mirror.connection.provider_name}", seconds)
            assert seconds == 0


@dataclass
class Broker:
    """Does this with whatever it is given."""

    act: Callable[[], object]

    def publish(self, task: str, row_id: Any, delay: Any) -> None:
        self.act()


@contextmanager
def at_the_address(mirror: Mirror, base: str) -> Iterator[None]:
    """The provider's API is here, for as long as this lasts; its tokens come from where they did."""
    name = {"quickbooks": "QUICKBOOKS_API_URL", "xero": "XERO_API_URL"}[mirror.connection.provider_name]
    usual = getattr(settings, name)
    with override_settings(**{name: base + usual.removeprefix(mirror.sandbox.url)}):
        yield


# F10


@contextmanager
def nobody_listens(mirror: Mirror, folder: Path) -> Iterator[None]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with at_the_address(mirror, f"http://127.0.0.1:{unused.getsockname()[1]}"):
            yield


@contextmanager
def nobody_vouches(mirror: Mirror, folder: Path) -> Iterator[None]:
    """A server whose certificate only it has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed_certificate(folder))
    with ScriptedServer() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        with at_the_address(mirror, server.url.replace("http://127.0.0.1", "https://localhost")):
            yield
        server.shutdown()


@contextmanager
def nobody_knows_the_name(mirror: Mirror, folder: Path) -> Iterator[None]:
    with at_the_address(mirror, "http://no-such-host.invalid"):
        yield


@contextmanager
def dropped_before_the_commit(mirror: Mirror, folder: Path) -> Iterator[None]:
    provider_name = mirror.connection.provider_name
    mirror.sandbox.arm(provider=provider_name, call=WRITE_CALL[provider_name], share=1, do="drop_before_commit")
    yield
    mirror.sandbox.heal()


def test_f10_where_no_byte_left_nothing_was_sent_and_all_goes_again_under_the_same_key(mirror, tmp_path):
    provider_name = mirror.connection.provider_name
    for break_, has_left in {
        nobody_listens: False,
        nobody_vouches: False,
        nobody_knows_the_name: False,
        dropped_before_the_commit: True,
    }.items():
        mirror.post(2)
        with break_(mirror, tmp_path):
            assert dying.in_a_process(lambda: dying.drain_for(5)) == 0
        delivery = mirror.connection.deliveries.open().get()
        outcomes = set(delivery.attempt_log.values_list("outcome", flat=True))
        assert outcomes == {"OutcomeUnknown" if has_left else "Unavailable"}
        assert (delivery.first_sent_at is not None) == has_left
        about = f"{break_.__name__.replace('_', ' ')}, {provider_name}"
        mirror.check("F10", about, mirror.drain())
        [*arrived, last] = mirror.sandbox.requests(provider_name, WRITE_CALL[provider_name])
        assert (last["idempotency_key"], last["status"]) == (delivery.idempotency_key, 200)
        assert 200 not in [each["status"] for each in arrived if each["idempotency_key"] == delivery.idempotency_key]


# F14 and F17: what comes by between a worker and its provider


class Tap(ScriptedServer):
    """Hands each call on to the sandbox, and keeps what came by. `retold` may make something else of its answers to
    what posts journals."""

    def __init__(self, sandbox: Sandbox, retold: Callable[[Reply], Reply] = lambda reply: reply) -> None:
        super().__init__()
        self._sandbox, self._retold = sandbox, retold

    def next_reply(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        headers = {name: value for name, value in seen.headers.items() if name not in ("Host", "Accept-Encoding")}
        url = self._sandbox.url + seen.path
        answer = requests.request(seen.method, url, headers=headers, data=seen.body, timeout=30)
        reply = Reply(answer.status_code, answer.content, {"Content-Type": answer.headers["Content-Type"]})
        return self._retold(reply) if posts_journals(seen) else reply

    @property
    def sends(self) -> list[Seen]:
        return [seen for seen in self.seen if posts_journals(seen)]


def posts_journals(seen: Seen) -> bool:
    return urlsplit(seen.path).path.lower().endswith(("/batch", "/manualjournals"))


@contextmanager
def tapped(mirror: Mirror, **options: Any) -> Iterator[Tap]:
    with Tap(mirror.sandbox, **options) as tap, at_the_address(mirror, tap.url):
        threading.Thread(target=tap.serve_forever, args=(0.05,), daemon=True).start()
        yield tap
        tap.shutdown()


# Good answers but for their size: what reads them whole finds every journal in them.
TOO_MUCH: dict[str, Callable[[Reply], Reply]] = {
    "10 MB": lambda reply: replace(reply, body=reply.body + b" " * 10_000_000),
    "gzip bomb, 100 MB": lambda reply: replace(
        reply,
        body=gzip.compress(reply.body + b" " * 100_000_000, 1),
        headers=reply.headers | {"Content-Encoding": "gzip"},
    ),
}
MEGABYTE = 2**20


def test_f14_too_much_of_an_answer_takes_little_memory_and_is_no_answer(mirror, tmp_path):
    for what, too_much in TOO_MUCH.items():
        mirror.post(5)
        grown = tmp_path / "grown"

        def drain(grown: Path = grown) -> None:
            before = peak_memory()
            dying.drain_for(5)
            grown.write_text(str(peak_memory() - before))

        with tapped(mirror, retold=too_much):
            assert dying.in_a_process(drain) == 0
        assert int(grown.read_text()) <= 20 * MEGABYTE
        [attempt] = mirror.connection.deliveries.open().get().attempt_log.all()
        assert attempt.outcome == "OutcomeUnknown"
        mirror.check("F14", f"answer: {what}, {mirror.connection.provider_name}", mirror.drain())
        assert mirror.connection.queue.filter(state=QueueRow.State.SENT).count() == mirror.posted


def peak_memory() -> int:
    """The most that this process ever held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def test_f17_a_deploy_between_two_tries_changes_no_byte_of_what_is_sent(mirror, monkeypatch):
    """The second worker composes otherwise, as its next send shows."""
    about = f"deployed between two tries, {mirror.connection.provider_name}"
    with tapped(mirror) as tap:
        mirror.post(3)

        def die() -> None:
            dying.dies_at("answered", 1)
            dying.drain_for(30)

        assert dying.in_a_process(die) == dying.KILLED
        for payloads in (quickbooks_payloads, xero_payloads):
            monkeypatch.setattr(payloads, "seal", partial(spaced, payloads.seal))
        mirror.check("F17", about, mirror.drain())
        first, again = tap.sends
        assert sha256(first.body).digest() == sha256(again.body).digest()
        assert (first.path, first.headers.get("Idempotency-Key")) == (again.path, again.headers.get("Idempotency-Key"))
        mirror.post(1)
        mirror.check("F17", about, mirror.drain())
        assert b'": ' not in first.body
        assert b'": ' in tap.sends[-1].body


def spaced(seal: Callable[[Sequence[JournalDraft]], SealedBody], drafts: Sequence[JournalDraft]) -> SealedBody:
    """The same in other bytes."""
    sealed = seal(drafts)
    return replace(sealed, body=sealed.body.replace(b'":', b'": '))


# F20


@pytest.mark.parametrize("grace", ["0 s", "30 min"])
def test_f20_sixteen_processes_that_need_a_token_at_once_refresh_it_once(mirror, grace, tmp_path):
    """A day later, so that Intuit's refresh token is replaced, too. Without grace a second refresh of the same one ends
    the access for good, as Intuit is known to do."""
    provider_name = mirror.connection.provider_name
    has_grace = grace != "0 s"
    mirror.sandbox.turn(
        xero_refresh_grace="on" if has_grace else "off",
        quickbooks_parallel_refresh_kills="off" if has_grace else "on",
    )
    before = len(mirror.sandbox.requests(provider_name, "token"))
    mirror.pass_time(25 * 3600)
    ready, starts = os.pipe()

    def need(number: int) -> None:
        os.close(starts)
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
        os.read(ready, 1)  # until the last process that could write has closed its end
        token = tokens.access_token(mirror.connection)
        (tmp_path / f"{number}").write_text(sha256(token.encode()).hexdigest())

    workers = [dying.start(partial(need, number)) for number in range(16)]
    os.close(starts)
    assert [dying.end_of(worker) for worker in workers] == [0] * 16
    os.close(ready)
    assert len({(tmp_path / f"{number}").read_text() for number in range(16)}) == 1
    refreshes = mirror.sandbox.requests(provider_name, "token")[before:]
    assert [each["status"] for each in refreshes] == [200], "one refresh, and no invalid_grant"
    assert Connection.objects.connected().filter(pk=mirror.connection.pk).exists()
    mirror.post(16)
    mirror.check("F20", f"16 processes need a token, grace {grace}", mirror.drain())
    assert len(mirror.sandbox.requests(provider_name, "token")) == before + 1
