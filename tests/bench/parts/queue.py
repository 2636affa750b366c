"""B5 and B10: what a claim and the pages cost while ever more rows wait: 1,000, 10,000, 100,000, a million.

The database is copied as it was with few rows, and all take turns: a minute later, a machine may not be as fast as it
was. A claim is the product's own, with everything it does: it takes thirty rows, composes and seals their delivery, and
commits. It is then undone, so that the next finds the same. P2 repeats the very statements of that claim by psycopg,
prepared as they are, without composing anything, and takes turns with it.
"""

import importlib
import math
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import connection as database
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from athenty.garbage import set_aside_what_is_here
from athenty.organizations.models import Membership, User
from integrations.clock import database_now
from integrations.mirror import claiming
from integrations.models import Connection, Delivery, QueueRow
from tests.bench import bulk
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.firms import Firm, make
from tests.bench.stage import Stage
from tests.mirror.plans import carried_out

Databases = dict[int, BaseDatabaseWrapper]
"""By how many rows wait in each."""
Statement = tuple[str, Any]
"""And its values."""
_CLAIMED = 20
"""Of so many firms claims are measured, in turn."""


@dataclass(frozen=True)
class Size:
    """`firms` share each level's rows; the smallest level stands with the first `_CLAIMED` of them alone."""

    firms: int
    levels: tuple[int, ...]
    claims: int
    hits: int
    pages_at: tuple[int, int]


SIZES = {
    "quick": Size(firms=40, levels=(1_000, 30_000), claims=30, hits=8, pages_at=(1_000, 30_000)),
    "full": Size(
        firms=200, levels=(1_000, 10_000, 100_000, 1_000_000), claims=200, hits=100, pages_at=(10_000, 1_000_000)
    ),
    "scale": Size(firms=1_000, levels=(1_000, 50_000, 1_000_000), claims=300, hits=500, pages_at=(50_000, 1_000_000)),
}


@dataclass
class Claims:
    """Milliseconds of each claim, and of its statements repeated."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


@dataclass
class Hits:
    milliseconds: list[float]
    queries: int


def run(stage: Stage, size_name: str) -> Iterator[Figure]:
    size = SIZES[size_name]
    firms = make(stage.sandbox_store, "quickbooks", size.firms)
    databases: Databases = {}
    rows = 0
    for level in size.levels:
        stage.say(f"{level:,} rows")
        filled = firms[:_CLAIMED] if rows == 0 else firms
        bulk.fill(filled, (level - rows) // len(filled))
        rows = level
        databases[level] = connections[DEFAULT_DB_ALIAS] if level == size.levels[-1] else _copied(f"with_{level}_rows")
    stage.say("claims")
    yield from _claim_figures(_claims(databases, firms[:_CLAIMED], size.claims))
    stage.say("pages")
    yield from _page_figures(_pages({level: databases[level] for level in size.pages_at}, firms[0], size.hits))


# Claims ---------------------------------------------------------------------------------------------------------------
def _claims(databases: Databases, firms: Sequence[Firm], count: int) -> dict[int, Claims]:
    """As a worker claims, once it has begun its work."""
    set_aside_what_is_here()
    found = {level: Claims() for level in databases}
    statements = {firm.connection.pk: _statements_of_a_claim(firm.connection) for firm in firms}
    rounds = math.ceil(count / (len(firms) - 1))
    for turn, level in enumerate(_in_turns(databases, 1 + rounds)):
        for place, firm in enumerate(firms):
            connection = firm.connection
            ours = _timed(lambda connection=connection: _claim(connection))
            _undo(connection)
            bare = _timed(lambda connection=connection: _repeat(statements[connection.pk]))
            _undo(connection)
            # The first few find nothing warm, and nor does the first of each turn: it has a cursor to make.
            if turn >= len(databases) and place > 0:
                found[level].ours.append(ours)
                found[level].bare.append(bare)
    return found


def _claim(connection: Connection) -> None:
    claimed = claiming.claim(connection.pk)
    assert claimed.lease is not None
    assert len(claimed.lease.sealed.item_ids) == 30


def _statements_of_a_claim(connection: Connection) -> list[Statement]:
    statements = [("BEGIN", None), *carried_out(lambda: _claim(connection)), ("COMMIT", None)]
    _undo(connection)
    return statements


def _repeat(statements: Sequence[Statement]) -> None:
    """The same but for the delivery's key."""
    delivery_id = uuid.uuid4()
    with psycopg.Cursor(database.connection) as cursor:
        for statement, values in statements:
            if "INSERT INTO integrations_delivery" in statement:
                values = values | {"id": delivery_id, "key": delivery_id.hex}
            cursor.execute(statement, values)
            if cursor.description:
                cursor.fetchall()


def _undo(connection: Connection) -> None:
    """As it was before the claim, but for the dead rows that every queue has, and one more delivery that is over."""
    Delivery.objects.open().filter(connection=connection).update(state=Delivery.State.SETTLED)
    QueueRow.objects.filter(connection=connection, state=QueueRow.State.SENDING).update(state=QueueRow.State.WAITING)
    Connection.objects.filter(pk=connection.pk).update(
        next_send_at=None, coalesce_until=None, queue_from=0, woken_for=None
    )


def _timed(act: object) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _claim_figures(claims: dict[int, Claims]) -> Iterator[Figure]:
    least, most = min(claims), max(claims)
    for level, found in claims.items():
        p50, bare = percentile(found.ours, 0.5), percentile(found.bare, 0.5)
        is_last = level == most
        yield Figure(
            "B5", f"claim of 30, p50, {level:,} waiting", p50, "ms", "P2", bare,
            at_most(2, of_ratio=True) if is_last else None,
        )  # fmt: skip
    yield Figure(
        "B5", f"claim of 30, p99, {most:,} waiting", percentile(claims[most].ours, 0.99), "ms", "P2",
        percentile(claims[most].bare, 0.99), at_most(10),
    )  # fmt: skip
    yield Figure(
        "B5", f"claim of 30, p50, {most:,} ÷ {least:,} waiting", percentile(claims[most].ours, 0.5), "ms", f"{least:,}",
        percentile(claims[least].ours, 0.5), at_most(1.5, of_ratio=True),
    )  # fmt: skip


# Pages ----------------------------------------------------------------------------------------------------------------
def _pages(databases: Databases, firm: Firm, hits: int) -> dict[int, dict[str, Hits]]:
    """Through every middleware, in this process: what a web worker takes for a request, without the way to it.

    It begins as a web worker does.
    """
    importlib.import_module("athenty.wsgi")
    for _ in _in_turns(databases, 1):
        _settle_some(firm)
        bulk.vacuum()
    row = firm.connection.queue.order_by("pk").first()
    activity = reverse("integrations:activity")
    addresses = {
        "status page": reverse("integrations:index"),
        "queue, page 1": activity,
        "queue, page 100": f"{activity}?page=100",
        "queue, failed only": f"{activity}?status=needs_attention",
        "entry detail": reverse("integrations:activity_entry", args=[row.pk]),
        "sync mode tab": f"{reverse('integrations:index')}?tab=sync-mode",
    }
    found: dict[int, dict[str, Hits]] = {level: {} for level in databases}
    browsers = {}
    for level in _in_turns(databases, 1):
        browsers[level] = _signed_in(firm)
    for name, address in addresses.items():
        for level in _in_turns(databases, 1):
            found[level][name] = Hits([], _statements(browsers[level], address))
        for level in _in_turns(databases, hits):
            found[level][name].milliseconds.append(_timed(lambda: browsers[level].get(address)))  # noqa: B023  # at once
    return found


def _in_turns(databases: Databases, times: int) -> Iterator[int]:
    """Each level so many times, with its database as everybody's."""
    everybodys = connections[DEFAULT_DB_ALIAS]
    try:
        for _ in range(times):
            for level, chosen in databases.items():
                connections[DEFAULT_DB_ALIAS] = chosen
                yield level
    finally:
        connections[DEFAULT_DB_ALIAS] = everybodys


def _copied(name: str) -> BaseDatabaseWrapper:
    """The database as it is now, under another name."""
    original = connections[DEFAULT_DB_ALIAS]
    bulk.copy(name)
    return type(original)(original.settings_dict | {"NAME": name}, alias=name)


def _settle_some(firm: Firm) -> None:
    """Of a firm's rows most are sent in the end, and a few refused."""
    rows = firm.connection.queue
    waiting = list(rows.waiting().order_by("pk").values_list("pk", flat=True))
    sent, refused = waiting[: len(waiting) * 6 // 10], waiting[len(waiting) * 6 // 10 :][: len(waiting) // 50 + 1]
    now = database_now()
    rows.filter(pk__in=sent).update(state=QueueRow.State.SENT, remote_id="145", sent_at=now - timedelta(hours=1))
    rows.filter(pk__in=refused).update(
        state=QueueRow.State.NEEDS_ATTENTION, cause="account", provider_code="610", provider_message="Object Not Found"
    )


def _signed_in(firm: Firm) -> Client:
    person, _ = User.objects.get_or_create(email="pages@bench.test", defaults={"name": "Ada Park"})
    Membership.objects.get_or_create(organization=firm.organization, user=person, role=Membership.Role.OWNER)
    browser = Client()
    browser.force_login(person)
    return browser


def _statements(browser: Client, address: str) -> int:
    for _ in range(3):  # B10 is of warm pages: the first one may count a ledger whose figures are then kept
        browser.get(address)
    with CaptureQueriesContext(connections[DEFAULT_DB_ALIAS]) as captured:
        answer = browser.get(address)
        queries = len(captured)
    assert answer.status_code == 200, (address, answer.status_code)
    return queries


def _page_figures(pages: dict[int, dict[str, Hits]]) -> Iterator[Figure]:
    least, most = min(pages), max(pages)
    for name, hits in pages[most].items():
        before = pages[least][name]
        yield Figure("B10", f"{name}, p50", percentile(hits.milliseconds, 0.5), "ms", goal=at_most(60))
        yield Figure("B10", f"{name}, p99", percentile(hits.milliseconds, 0.99), "ms", goal=at_most(150))
        yield Figure(
            "B10", f"{name}, p99 at {most:,} ÷ {least:,} rows", percentile(hits.milliseconds, 0.99), "ms", f"{least:,}",
            percentile(before.milliseconds, 0.99), at_most(1.5, of_ratio=True),
        )  # fmt: skip
        yield Figure(
            "B10", f"{name}, SQL statements", hits.queries, "", f"{least:,}", before.queries, at_most(12),
        )  # fmt: skip
