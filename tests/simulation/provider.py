"""Intuit and Xero in this process: the sandbox, reached where the product's transport reaches the wire."""

import http.client
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import urllib3

from integrations.providers import transport
from integrations.sandbox import books
from integrations.sandbox.app import create_app
from integrations.sandbox.companies import change_profile, find_company
from integrations.sandbox.state import Options, add_redirect_uri
from tests.simulation.poison import Poison
from tests.simulation.stage import Stage, pass_step, without_a_break

ADDRESS = "http://sandbox.test"


# Half of a chart is expenses and such, which no firm here maps to: only reading them would take time.
_KEEP_WHAT_IS_MAPPED = """
    DELETE FROM accounts WHERE coalesce(json_extract(body, '$.AccountType'), json_extract(body, '$.Type')) NOT IN (
        'Bank', 'Other Current Asset', 'Other Current Liability', 'Income', 'BANK', 'CURRENT', 'CURRLIAB', 'REVENUE'
    )
"""


@dataclass(frozen=True)
class Call:
    """One call on its way: who is asked for what, and whether it posts journals."""

    provider: str
    name: str
    tenant: str
    writes: bool


@dataclass(frozen=True)
class Strike:
    """What befalls one call. `status`, `headers` and `body` stand in for the answer, after the work or instead of it;
    `mangle` alters the answer that the work gave."""

    refused: bool = False
    """No connection could be made, for the reason that `refusal` makes."""
    refusal: Callable[[], Exception] = lambda: urllib3.exceptions.NewConnectionError(None, "refused")
    lost_on_the_way: bool = False
    """It broke before the provider had read it."""
    silent: bool = False
    """The work is done, and the answer never comes."""
    reset: bool = False
    """The work is done, and the connection breaks."""
    closed: bool = False
    """The work is done, and the connection ends in good order, without an answer."""
    commits_after: float | None = None
    """The connection breaks, or is silent, and so many seconds after it came the provider does the work."""
    status: int | None = None
    does_the_work: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    mangle: Callable[[bytes], bytes] | None = None
    takes: float = 0.0
    """Seconds beyond the usual."""


UNHARMED = Strike()


class Provider:
    """`strike` decides what befalls a call, `latency` how many seconds one takes, `poison` which entries are refused;
    `watch` is called after each commit in the books."""

    def __init__(self, stage: Stage, redirect_uris: tuple[str, ...]) -> None:
        self._stage = stage
        self.app = create_app(Options())
        self.sandbox = self.app.extensions["sandbox"]
        self.sandbox.clock = self
        for uri in redirect_uris:
            add_redirect_uri(self.sandbox.store, uri)
        self.sandbox.store.execute(_KEEP_WHAT_IS_MAPPED)
        self._kept = sqlite3.connect(":memory:", check_same_thread=False)
        self._client = self.app.test_client()
        self.keep()
        self.reset()

    def keep(self) -> None:
        """Books, charts and grants as they are now are what a reset brings back."""
        self.sandbox.store._db.backup(self._kept)

    def reset(self) -> None:
        """Books as kept, and no faults."""
        self._kept.backup(self.sandbox.store._db)
        self.sandbox.limits.reset()
        self.sandbox.faults.clear()
        self.strike: Callable[[Call], Strike] = lambda call: UNHARMED
        self.latency: Callable[[], float] = lambda: 0.0
        self.poison = Poison()
        self.watch: Callable[[], None] = lambda: None
        self.calls: Counter[tuple[str, str]] = Counter()
        self.log: list[tuple[datetime, Call]] = []

    # The sandbox asks its clock.
    def now(self) -> float:
        return self._stage.now.timestamp()

    def moment(self) -> datetime:
        return self._stage.now

    def visit(self, url: str, form: Mapping[str, str] | None = None) -> Any:
        """As a browser would."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}"
        return self._client.post(path, data=form) if form else self._client.get(path)

    def consent(self, authorize_url: str, company_id: str) -> dict[str, str]:
        """Allow access to this company; the parameters that the browser is sent back with."""
        back = self.visit(authorize_url, {"decision": "allow", "company": company_id})
        return dict(parse_qsl(urlsplit(back.headers["Location"]).query))

    def journals(self, provider: str, tenant: str) -> list[dict[str, Any]]:
        company = find_company(self.sandbox.store, provider, tenant)
        return books.journals(self.sandbox.store, company, offset=0, limit=100_000, newest_first=False)

    def exchange(self, wire: Any, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        """What the transport gets to see of one call, and what the provider makes of it."""
        call = _call(request)
        strike = self.strike(call)
        with without_a_break():  # the worker has just looked at its watch, some microseconds ago
            pass_step()
        if strike.refused:
            raise strike.refusal()
        wire.about_to_send()
        self.calls[call.provider, call.name] += 1
        self.log.append((self._stage.now, call))
        with without_a_break():  # the next thing it does is to send, and what was sent arrives without it
            pass_step()
        if strike.lost_on_the_way:
            raise ConnectionResetError
        self._stage.wait(self.latency() / 2)
        seen = self.poison.seen(call.provider, request)
        if strike.commits_after is not None:
            commit = self._checked_now(call, seen)
            self._stage.after(strike.commits_after, commit)
            if strike.silent:
                self._run_out(wire)
            raise ConnectionResetError
        if strike.status is not None and not strike.does_the_work:
            answer = strike.status, dict(strike.headers), strike.body
        else:
            answer = self._answer(call, seen)
        pass_step()
        if strike.silent or strike.takes >= wire.seconds:
            self._run_out(wire)
        if strike.reset:
            raise ConnectionResetError
        if strike.closed:
            raise http.client.RemoteDisconnected
        self._stage.wait(self.latency() / 2 + strike.takes)
        pass_step()
        if strike.status is not None:
            return strike.status, dict(strike.headers), strike.body
        body = self.poison.told(request, answer[2])
        return answer[0], answer[1], strike.mangle(body) if strike.mangle else body

    def _checked_now(self, call: Call, request: requests.PreparedRequest) -> Callable[[], object]:
        """The work of a call that a slow server has checked when it came, and will do without another look.

        So the numbers that QuickBooks refuses twice do not protect from a twin that comes meanwhile.
        """
        taken = (
            {journal["reference"] for journal in self.journals(call.provider, call.tenant)} if call.writes else set()
        )
        numbers = set(re.findall(rb'"DocNumber":\s*"([^"]*)"', request.body or b"")) if call.writes else set()
        if call.provider == "xero" or not numbers or any(number.decode() in taken for number in numbers):
            return lambda: self._answer(call, request)
        company = find_company(self.sandbox.store, call.provider, call.tenant)
        unseen = request.copy()
        unseen.url = (request.url or "").replace("requestid=", "requestid=late")

        def commit() -> None:
            change_profile(self.sandbox.store, company, {"warn_duplicate_journal_number": False})
            self._answer(call, unseen)
            change_profile(self.sandbox.store, company, {"warn_duplicate_journal_number": True})

        return commit

    def _run_out(self, wire: Any) -> None:
        """Nothing is heard until the caller gives up."""
        self._stage.wait(wire.seconds)
        wire.is_cut = True
        raise TimeoutError

    def _answer(self, call: Call, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        answer = self._client.open(
            request.path_url, method=request.method, headers=list(request.headers.items()), data=request.body
        )
        if call.writes:
            self.watch()
        return answer.status_code, dict(answer.headers), answer.data


def _call(request: requests.PreparedRequest) -> Call:
    path = urlsplit(request.url or "").path.lower()
    provider = path.split("/")[1]
    if provider == "quickbooks" and "/company/" in path:
        tenant, _, name = path.split("/company/")[1].partition("/")
        name = name.split("/")[0]
        return Call(provider, name, tenant, name in {"batch", "journalentry"})
    name = path.rstrip("/").split("/")[-1]
    name = {"bearer": "token", "revocation": "revoke"}.get(name, name)
    return Call(provider, name, request.headers.get("xero-tenant-id", ""), name == "manualjournals")


@contextmanager
def wired_to(provider: Provider) -> Iterator[None]:
    """Every call of the product goes to this provider."""

    class Wire(transport._Wire):
        def exchange(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
            return provider.exchange(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "_Wire", Wire)
        yield
