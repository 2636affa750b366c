"""B7: what a firm that imports 90 % of all that waits takes from fifty others, with four sends at a time.

Fifty firms post an entry each every ten seconds (twenty every five in the quick size), spread evenly, so that each
should have as many in the provider's books each minute; then a whale beside them. Workers send four at a time in all,
and the provider takes half a second.
"""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from integrations.mirror import schedule, waking
from integrations.models import QueueRow, SyncMode
from tests.bench import books, bulk
from tests.bench.figures import Figure, at_least, at_most, jain
from tests.bench.firms import Firm, make
from tests.bench.posting_schedule import Posted, post_all
from tests.bench.stage import Stage, wait_for

LATENCY_SECONDS = 0.5
WHALE_PER_MINUTE = 3_000
CONCURRENT_SENDS = 4


@dataclass(frozen=True)
class Size:
    firms: int
    every_seconds: float
    alone_seconds: float
    whale_seconds: float
    whale_entries: int


SIZES = {
    "quick": Size(firms=20, every_seconds=5, alone_seconds=5, whale_seconds=10, whale_entries=10_000),
    "full": Size(firms=50, every_seconds=10, alone_seconds=10, whale_seconds=40, whale_entries=20_000),
}


def run(stage: Stage, size_name: str) -> Iterator[Figure | None]:
    """None once all is measured, and only to be counted."""
    size = SIZES[size_name]
    half = size.firms // 2
    stage.launch_workers(2, threads=CONCURRENT_SENDS // 2)
    firms = make(stage.sandbox_store, "quickbooks", half) + make(stage.sandbox_store, "xero", size.firms - half)
    (whale,) = make(stage.sandbox_store, "xero", 1, name="Whale")
    stage.open_sandbox()
    for provider, call in (("quickbooks", "batch"), ("xero", "manualjournals")):
        stage.sandbox.arm(provider=provider, call=call, do="delay", share=1.0, delay_seconds=LATENCY_SECONDS)
    stage.wait_for_workers()

    stage.say("without a whale")
    without = post_all(_even(firms, size.every_seconds, size.alone_seconds))
    _come_to_rest(firms)
    stage.say("with a whale")
    bulk.fill([whale], size.whale_entries)
    waking.wake(whale.connection.pk)
    beside = post_all(_even(firms, size.every_seconds, size.whale_seconds))
    schedule.set_mode(whale.organization, SyncMode.OFF, actor=whale.owner)
    _come_to_rest(firms)
    wait_for(lambda: not whale.connection.deliveries.open().filter(leased_until__isnull=False).exists(), within=30)
    stage.stop_workers()
    yield None
    yield from _figures(stage, size, firms, whale, without, beside)


def _even(firms: Sequence[Firm], every: float, seconds: float) -> list[tuple[float, Firm]]:
    """Each firm at its own moments, the same number of times."""
    rounds = int(seconds // every)
    return [((number / len(firms) + turn) * every, firm) for turn in range(rounds) for number, firm in enumerate(firms)]


def _come_to_rest(firms: Sequence[Firm]) -> None:
    rows = QueueRow.objects.filter(connection__in=[firm.connection.pk for firm in firms]).under_way()
    wait_for(lambda: not rows.exists(), within=60)


def _figures(
    stage: Stage, size: Size, firms: Sequence[Firm], whale: Firm, without: Posted, beside: Posted
) -> Iterator[Figure]:
    connections = [firm.connection for firm in firms]
    spoiled_by = books.compare(stage, connections).spoils()
    spoiled_by = spoiled_by or books.compare(stage, [whale.connection], at_rest=False).spoils()
    arrived = {name: at for connection in connections for name, at in books.arrivals(stage, connection)}
    first, last = min(beside.due_at.values()), max(beside.due_at.values())

    served = Counter(
        beside.of_firm[name].connection.pk
        for name in beside.due_at
        if arrived.get(name, float("inf")) <= last + size.every_seconds / 2
    )
    yield Figure(
        "B7", "fairness among small firms beside a whale (Jain)", jain([served[c.pk] for c in connections]),
        goal=at_least(0.95), spoiled_by=spoiled_by, note=f"{sum(served.values())} of {len(beside.due_at)} in time",
    )  # fmt: skip
    waits = [_mean_wait(each, arrived) for each in (beside, without)]
    yield Figure(
        "B7", "mean wait of a small firm beside a whale", waits[0], "s", "P3", waits[1], at_most(1.2, of_ratio=True),
        spoiled_by=spoiled_by,
    )  # fmt: skip
    in_time = sum(first < at <= last for _, at in books.arrivals(stage, whale.connection))
    yield Figure(
        "B7", "the whale's own rate", in_time / (last - first) * 60, "entries/min", "its ceiling", WHALE_PER_MINUTE,
        at_least(0.9, of_ratio=True), spoiled_by=spoiled_by,
    )  # fmt: skip


def _mean_wait(posted: Posted, arrived: dict[str, float]) -> float:
    return statistics.mean(
        arrived[name] + LATENCY_SECONDS - at for name, at in posted.due_at.items() if name in arrived
    )
