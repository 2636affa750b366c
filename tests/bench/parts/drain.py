"""B1, B2 and B11: how near to its provider's ceiling one company's backlog of 20,000 drains, and at how many calls.

At each provider one company with 20,000 entries waiting, with fixed windows and with sliding ones. QuickBooks answers a
batch in 1 s and 0.15 s for each item, Xero in 0.8 s. After a minute the sandbox's books are looked at in ten windows.
Then the same for QuickBooks as it would be if the items of a batch were not counted as calls, with the setting for it.
The naive peer has a company of its own at each and its turn between ours.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from athenty.local.supervisor import Child
from integrations.mirror import schedule, waking
from integrations.models import SyncMode
from ledger.models import JournalEntry
from ledger.posting import post_entries
from tests.bench import books, bulk, hurry, memory, naive
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.firms import Firm, make
from tests.bench.stage import Stage, wait_for

BACKLOG, WINDOWS = 20_000, 10
PROVIDERS = ("quickbooks", "xero")
SHORT = {"quickbooks": "QBO", "xero": "Xero"}
BATCH = {"quickbooks": 30, "xero": 50}
LATENCY_SECONDS = {"quickbooks": 1 + 0.15 * 30, "xero": 0.8}
NAIVE_LATENCY_SECONDS = {"quickbooks": 1.15, "xero": 0.8}
CEILING_PER_MINUTE = {"quickbooks": 500, "xero": 3_000}
UNCOUNTED_PER_MINUTE = 1_200
NAIVE_SPEED = 3
MINUTE_ENTRIES = 1_000


@dataclass(frozen=True)
class Size:
    """Seconds are the hurried clock's. A kind's first word says how the sandbox's windows run."""

    kinds: tuple[str, ...]
    uncounted_kinds: tuple[str, ...]
    warm_up_seconds: float
    window_seconds: float
    naive_minutes: int
    naive_backlog: int
    """At each provider: so many that it always has one that it has not tried yet."""
    has_minute: bool


SIZES = {
    "quick": Size(
        ("sliding",), (), warm_up_seconds=8, window_seconds=5.5, naive_minutes=1, naive_backlog=1_000,
        has_minute=False,
    ),
    "full": Size(
        ("fixed", "sliding"), ("sliding",), warm_up_seconds=60, window_seconds=18, naive_minutes=2,
        naive_backlog=3_000, has_minute=True,
    ),
    # So many that a hundred thousand entries pass through the same workers.
    "scale": Size(
        ("fixed", "sliding", "fixed again", "sliding again", "fixed once more"), ("fixed", "sliding"),
        warm_up_seconds=60, window_seconds=35, naive_minutes=3, naive_backlog=5_000, has_minute=False,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Drained:
    """Entries a minute in the sandbox's books over all windows, and in the worst of them; calls for each entry."""

    per_minute: float
    worst: float
    calls_per_entry: float
    spoiled_by: str


@dataclass(frozen=True)
class Naive:
    per_minute: float
    calls_per_entry: float


def run(stage: Stage, size_name: str) -> Iterator[Figure | None]:
    """None once all is measured, and only to be counted."""
    size = SIZES[size_name]
    stage.launch_workers(2)
    naive_worker = stage.launch_naive(threads=32)
    firms = {
        kind: [make(stage.sandbox_store, each, 1, name=f"Drain {kind}")[0] for each in PROVIDERS] for kind in size.kinds
    }
    uncounted = {
        kind: make(stage.sandbox_store, "quickbooks", 1, name=f"Uncounted {kind}") for kind in size.uncounted_kinds
    }
    minute = [make(stage.sandbox_store, each, 1, name="Minute")[0] for each in PROVIDERS]
    peers = [make(stage.sandbox_store, each, 1, name="Naive", mirrored=False)[0] for each in PROVIDERS]
    stage.open_sandbox()
    ours = [firm for each in (*firms.values(), *uncounted.values()) for firm in each]
    stage.answer_after({_company(firm): LATENCY_SECONDS[_provider(firm)] for firm in [*ours, *minute]})
    stage.answer_after({_company(firm): NAIVE_LATENCY_SECONDS[_provider(firm)] for firm in peers})
    stage.wait_for_workers(naive_worker)
    growth = memory.Growth(stage)

    drained: dict[tuple[str, str], Drained] = {}
    peer: dict[str, Naive] = {}
    for kind in size.kinds:
        drained |= _round(stage, size, kind, firms[kind], growth)
        if not peer:
            peer = _naively(stage, size, peers, naive_worker)
    if not (size.has_minute or uncounted):
        yield None
    yield from _drain_figures(drained, peer)
    yield from growth.figures()
    if size.has_minute:
        yield from _minute(stage, minute)
    if uncounted:
        stage.stop_workers()
        stage.sandbox.count_items_as_calls(counted=False)
        stage.start_workers(2, QUICKBOOKS_ENTRIES_PER_MINUTE=str(UNCOUNTED_PER_MINUTE))
        for kind, [firm] in uncounted.items():
            found = _round(stage, size, kind, [firm])[kind, "quickbooks"]
            yield _rate(f"QBO drain, {kind} windows, items not counted", found, UNCOUNTED_PER_MINUTE)
            yield _beside_naive("QBO drain ÷ P1, items not counted", found, peer["quickbooks"], 2.2)
    stage.stop_workers()


def _provider(firm: Firm) -> str:
    return str(firm.connection.provider_name)


def _company(firm: Firm) -> tuple[str, str]:
    return _provider(firm), firm.connection.company_id


# Ours -----------------------------------------------------------------------------------------------------------------
def _round(
    stage: Stage, size: Size, kind: str, firms: Sequence[Firm], growth: memory.Growth | None = None
) -> dict[tuple[str, str], Drained]:
    """Drain these side by side."""
    windows = kind.split()[0]
    stage.sandbox.turn(quickbooks_windows=windows, xero_windows=windows)
    stage.say(f"{kind} windows: {', '.join(_provider(firm) for firm in firms)}")
    bulk.fill(firms, BACKLOG)
    began = hurry.now()
    for firm in firms:
        waking.wake(firm.connection.pk)
    first = began + size.warm_up_seconds
    ends = first + WINDOWS * size.window_seconds
    while hurry.now() < ends:
        time.sleep(0.5)
        if growth:
            growth.look()
    for firm in firms:
        schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    wait_for(lambda: not any(_under_way(firm) for firm in firms), within=30)
    return {(kind, _provider(firm)): _drained(stage, size, firm, first) for firm in firms}


def _under_way(firm: Firm) -> bool:
    """A send whose answer has not been settled. What was sealed and not yet sent when the mode changed stays so."""
    return firm.connection.deliveries.open().filter(leased_until__isnull=False).exists()


def _drained(stage: Stage, size: Size, firm: Firm, first: float) -> Drained:
    ends = first + WINDOWS * size.window_seconds
    counts = [0] * WINDOWS
    arrivals = books.arrivals(stage, firm.connection)
    for _, at in arrivals:
        if first <= at < ends:
            counts[int((at - first) // size.window_seconds)] += 1
    calls = books.calls(stage, firm.connection)
    return Drained(
        per_minute=sum(counts) / (ends - first) * 60,
        worst=min(counts) / size.window_seconds * 60,
        calls_per_entry=(calls.posting + calls.other) / len(arrivals) if arrivals else float("inf"),
        spoiled_by=books.compare(stage, [firm.connection], at_rest=False).spoils(),
    )


def _drain_figures(drained: dict[tuple[str, str], Drained], peer: dict[str, Naive]) -> Iterator[Figure]:
    for (kind, provider), found in drained.items():
        yield _rate(f"{SHORT[provider]} drain, {kind} windows", found, CEILING_PER_MINUTE[provider])
        yield Figure(
            "B2", f"{SHORT[provider]} calls per entry, drain, {kind}", found.calls_per_entry, "calls", "ideal",
            1 / BATCH[provider], at_most(1.10, of_ratio=True), spoiled_by=found.spoiled_by,
        )  # fmt: skip
    for provider, goal in (("quickbooks", 0.95), ("xero", 47)):
        best = next(found for (_, name), found in drained.items() if name == provider)
        yield _beside_naive(f"{SHORT[provider]} drain ÷ P1", best, peer[provider], goal)
        yield Figure(
            "B2", f"{SHORT[provider]} calls per entry ÷ P1", best.calls_per_entry, "calls", "P1",
            peer[provider].calls_per_entry, at_most(1 / 25, of_ratio=True), spoiled_by=best.spoiled_by,
        )  # fmt: skip


def _rate(about: str, found: Drained, ceiling: float) -> Figure:
    return Figure(
        "B1", about, found.per_minute, "entries/min", "P0", ceiling, at_least(0.95, of_ratio=True), worst=found.worst,
        spoiled_by=found.spoiled_by,
    )  # fmt: skip


def _beside_naive(about: str, found: Drained, peer: Naive, goal: float) -> Figure:
    return Figure(
        "B1", about, found.per_minute, "entries/min", "P1", peer.per_minute,
        at_least(goal, of_ratio=True), spoiled_by=found.spoiled_by,
    )  # fmt: skip


# The naive peer -------------------------------------------------------------------------------------------------------
def _naively(stage: Stage, size: Size, peers: Sequence[Firm], worker: Child) -> dict[str, Naive]:
    """Backlogs for it, too. What counts is the last minute: in less, it may use a whole minute's calls at once, and
    seem faster than its provider lets anybody be."""
    stage.say("the naive peer")
    speed = stage.speed
    stage.run_at(NAIVE_SPEED)  # it needs a task, a request and a share of the machine for each entry
    tasks = []
    for firm in peers:
        bulk.fill([firm], size.naive_backlog, queued=False)
        entries = JournalEntry.objects.filter(organization=firm.organization).order_by("number")
        tasks += [
            (number, str(firm.connection.pk), entry_id)
            for number, entry_id in enumerate(entries.values_list("pk", flat=True))
        ]
    for _, connection_id, entry_id in sorted(tasks):
        naive.post.delay(connection_id, entry_id)
    ends = hurry.now() + size.naive_minutes * 60
    wait_for(lambda: hurry.now() > ends, within=600)
    stage.stop(worker)
    naive.clear()
    stage.run_at(speed)
    found = {}
    for firm in peers:
        arrived = [at for _, at in books.arrivals(stage, firm.connection) if at <= ends]
        calls = books.calls(stage, firm.connection)
        found[_provider(firm)] = Naive(
            per_minute=sum(at > ends - 60 for at in arrived),
            calls_per_entry=calls.posting / max(len(arrived), 1),
        )
    return found


# A busy minute --------------------------------------------------------------------------------------------------------
def _minute(stage: Stage, firms: Sequence[Firm]) -> Iterator[Figure]:
    """1,000 entries over sixty seconds for each firm, in Live mode, ten at a time."""
    stage.say("a busy minute")
    began, together = hurry.now(), 10
    for number in range(MINUTE_ENTRIES // together):
        due_at = began + number * 60 * together / MINUTE_ENTRIES
        time.sleep(max((due_at - hurry.now()) / hurry.speed(), 0))
        for firm in firms:
            post_entries(firm.organization, [firm.draft() for _ in range(together)], actor=firm.owner)
    took = hurry.now() - began
    wait_for(lambda: not any(firm.connection.queue.under_way().exists() for firm in firms), within=120)
    most = {"quickbooks": 0.037, "xero": 0.044}
    for firm in firms:
        provider = _provider(firm)
        calls = books.calls(stage, firm.connection)
        spoiled_by = books.compare(stage, [firm.connection]).spoils()
        per_entry = (calls.posting + calls.other) / MINUTE_ENTRIES
        about = f"{SHORT[provider]} calls per entry, 1,000 in a minute"
        yield Figure(
            "B2", about, per_entry, "calls", "ideal", -(-MINUTE_ENTRIES // BATCH[provider]) / MINUTE_ENTRIES,
            at_most(1.10, of_ratio=True), spoiled_by=spoiled_by, note=f"posted in {took:.0f} s",
        )  # fmt: skip
        yield Figure("B2", f"{about}, at most", per_entry, "calls", goal=at_most(most[provider]), spoiled_by=spoiled_by)
