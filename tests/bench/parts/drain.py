"""B1, and B2 in a full drain: how near to its provider's ceiling one company's backlog of 20,000 drains.

At each provider one company with 20,000 entries waiting, with fixed windows and with sliding ones. QuickBooks answers a
batch in 1 s and 0.15 s for each item, Xero in 0.8 s. After a minute the sandbox's books are looked at in ten windows.
The naive peer has a company of its own at each and a turn between ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from integrations.mirror import schedule, waking
from integrations.models import SyncMode
from tests.bench import books, bulk, hurry
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.firms import Firm, make
from tests.bench.stage import Stage, wait_for

BACKLOG, WINDOWS = 20_000, 10
BATCH = {"quickbooks": 30, "xero": 50}
LATENCY_SECONDS = {"quickbooks": 1 + 0.15 * 30, "xero": 0.8}
NAIVE_LATENCY_SECONDS = {"quickbooks": 1.15, "xero": 0.8}
CEILING_PER_MINUTE = {"quickbooks": 500, "xero": 3_000}
SHORT = {"quickbooks": "QBO", "xero": "Xero"}


@dataclass(frozen=True)
class Size:
    kinds: tuple[str, ...]
    warm_up_seconds: float
    window_seconds: float
    naive_seconds: float


SIZES = {
    "quick": Size(kinds=("sliding",), warm_up_seconds=30, window_seconds=12, naive_seconds=30),
    "full": Size(kinds=("fixed", "sliding"), warm_up_seconds=60, window_seconds=30, naive_seconds=150),
}


@dataclass(frozen=True)
class Drained:
    """Entries a minute in the sandbox's books over all windows, and in the worst of them; calls for each entry."""

    per_minute: float
    worst: float
    calls_per_entry: float
    spoiled_by: str


def run(stage: Stage, size_name: str) -> Iterator[Figure]:
    size = SIZES[size_name]
    firms = {
        (kind, provider): make(stage.sandbox_store, provider, 1, name=f"Drain {kind}")[0]
        for kind in size.kinds
        for provider in BATCH
    }
    peers = [make(stage.sandbox_store, provider, 1, name="Naive", mirrored=False)[0] for provider in BATCH]
    stage.open_sandbox()
    stage.answer_after({_company(firm): LATENCY_SECONDS[firm.connection.provider_name] for firm in firms.values()})
    stage.answer_after({_company(firm): NAIVE_LATENCY_SECONDS[firm.connection.provider_name] for firm in peers})
    stage.start_workers(2)
    drained = {}
    for kind in size.kinds:
        drained |= _round(stage, size, kind, [firms[kind, provider] for provider in BATCH])
    stage.stop_workers()
    yield from _figures(drained, {})


def _company(firm: Firm) -> tuple[str, str]:
    return firm.connection.provider_name, firm.connection.company_id


def _round(stage: Stage, size: Size, kind: str, firms: list[Firm]) -> dict[tuple[str, str], Drained]:
    """Drain these side by side."""
    stage.sandbox.turn(quickbooks_windows=kind, xero_windows=kind)
    stage.say(f"backlogs of {BACKLOG:,}, {kind} windows")
    bulk.fill(firms, BACKLOG)
    began = hurry.now()
    for firm in firms:
        waking.wake(firm.connection.pk)
    ends = began + size.warm_up_seconds + WINDOWS * size.window_seconds
    stage.say("draining")
    wait_for(lambda: hurry.now() > ends, within=600)
    for firm in firms:
        schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    wait_for(lambda: not any(firm.connection.queue.sending().exists() for firm in firms), within=60)
    return {
        (kind, firm.connection.provider_name): _drained(stage, size, firm, began + size.warm_up_seconds)
        for firm in firms
    }


def _drained(stage: Stage, size: Size, firm: Firm, first: float) -> Drained:
    ends = first + WINDOWS * size.window_seconds
    counts = [0] * WINDOWS
    arrivals = books.arrivals(stage, firm.connection)
    for _, at in arrivals:
        if first <= at < ends:
            counts[int((at - first) // size.window_seconds)] += 1
    found = books.calls(stage, firm.connection)
    return Drained(
        per_minute=sum(counts) / (ends - first) * 60,
        worst=min(counts) / size.window_seconds * 60,
        calls_per_entry=(found.posting + found.other) / len(arrivals) if arrivals else float("inf"),
        spoiled_by=books.compare(stage, [firm.connection], at_rest=False).spoils(),
    )


def _figures(drained: dict[tuple[str, str], Drained], naive_rates: dict[str, float]) -> Iterator[Figure]:
    for (kind, provider), found in drained.items():
        ceiling = CEILING_PER_MINUTE[provider]
        yield Figure(
            "B1", f"{SHORT[provider]} drain, {kind} windows", found.per_minute, "entries/min", "P0", ceiling,
            at_least(0.95, of_ratio=True), worst=found.worst, spoiled_by=found.spoiled_by,
        )  # fmt: skip
        yield Figure(
            "B2", f"{SHORT[provider]} calls per entry, full drain, {kind}", found.calls_per_entry, "calls", "ideal",
            1 / BATCH[provider], at_most(1.10, of_ratio=True), spoiled_by=found.spoiled_by,
        )  # fmt: skip
