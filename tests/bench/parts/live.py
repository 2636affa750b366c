"""B3 and B4: how soon after its posting an entry stands in the provider's books, in Live mode.

200 firms, half at each provider, post 20 entries a second between them, at random moments that are fixed beforehand.
The provider takes half a second for each call. What is measured goes from the moment an entry was due to be posted to
the end of the call that wrote it. Stretches of ours alternate with the naive peer's, and with one firm alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench import books, bulk, naive
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.firms import Firm, make
from tests.bench.posting_schedule import Posted, poisson, post_all
from tests.bench.stage import Stage, wait_for

LATENCY_SECONDS, SLOW_SECONDS = 0.5, 30.0
PER_SECOND, ALONE_PER_SECOND = 20.0, 0.5


@dataclass(frozen=True)
class Size:
    firms: int
    stretches: int
    seconds: float
    alone_seconds: float
    naive_seconds: float
    whale_seconds: float
    whale_entries: int


SIZES = {
    "quick": Size(
        firms=40, stretches=1, seconds=7, alone_seconds=6, naive_seconds=2, whale_seconds=5, whale_entries=10_000
    ),
    "full": Size(
        firms=200, stretches=2, seconds=30, alone_seconds=20, naive_seconds=10, whale_seconds=30, whale_entries=100_000
    ),
    # The quarter of an hour of the definition.
    "scale": Size(
        firms=200,
        stretches=3,
        seconds=300,
        alone_seconds=60,
        naive_seconds=30,
        whale_seconds=300,
        whale_entries=100_000,
    ),
}


@dataclass
class Waits:
    """Seconds from due to written, of each entry; those that never arrived are `missing`."""

    seconds: list[float] = field(default_factory=list)
    late: float = 0.0
    missing: int = 0

    def add(self, stage: Stage, posted: Posted) -> None:
        self.late = max(self.late, posted.late)
        firms = {firm.connection.pk: firm.connection for firm in posted.of_firm.values()}
        arrived: dict[str, float] = {}
        for connection in firms.values():
            for name, at in books.arrivals(stage, connection):
                arrived.setdefault(name, at)
        for name, due_at in posted.due_at.items():
            if name in arrived:
                # The sandbox writes first and takes its time then: counted is when it has answered.
                self.seconds.append(arrived[name] + LATENCY_SECONDS - due_at)
            else:
                self.missing += 1

    def at(self, share: float) -> float:
        return percentile(self.seconds, share) if self.seconds else float("nan")


def run(stage: Stage, size_name: str) -> Iterator[Figure | None]:
    """None once all is measured, and only to be counted."""
    size = SIZES[size_name]
    stage.launch_workers(2)
    p1 = stage.launch_naive()
    providers = ("quickbooks", "xero")
    firms = [firm for each in providers for firm in make(stage.sandbox_store, each, size.firms // 2)]
    lone = [make(stage.sandbox_store, each, 1, name="Alone")[0] for each in providers]
    peers = [
        firm
        for each in providers
        for firm in make(stage.sandbox_store, each, size.firms // 2, name="Naive", mirrored=False)
    ]
    (whale,) = make(stage.sandbox_store, "xero", 1, name="Whale")
    (slow,) = make(stage.sandbox_store, "xero", 1, name="Slow")
    stage.open_sandbox()
    stage.answer_after({("xero", slow.connection.company_id): SLOW_SECONDS})
    for provider, call in (("quickbooks", "batch"), ("xero", "manualjournals")):
        stage.sandbox.arm(provider=provider, call=call, do="delay", share=1.0, delay_seconds=LATENCY_SECONDS)
    stage.wait_for_workers(p1)
    post_all(poisson(firms, PER_SECOND, 3, seed=0))
    _come_to_rest(firms)

    ours, alone, peer = _interleaved(stage, size, firms, lone, peers)
    stage.stop(p1)
    naive.clear()
    spoiled_by = books.compare(stage, [firm.connection for firm in firms]).spoils()
    yield from _live(ours, alone, peer, spoiled_by)

    beside = _beside_a_whale(stage, size, firms, whale, slow)
    stage.stop_workers()
    yield None
    spoiled_by = books.compare(stage, [firm.connection for firm in firms]).spoils()
    spoiled_by = spoiled_by or books.compare(stage, [whale.connection], at_rest=False).spoils()
    yield from _whale(beside, ours, spoiled_by)


def _interleaved(
    stage: Stage, size: Size, firms: Sequence[Firm], lone: Sequence[Firm], peers: Sequence[Firm]
) -> tuple[Waits, Waits, Waits]:
    ours, alone, peer = Waits(), Waits(), Waits()
    for number in range(size.stretches):
        stage.say("ours")
        posted = [post_all(poisson(firms, PER_SECOND, size.seconds, seed=number + 1))]
        _come_to_rest(firms)
        ours.add(stage, posted[0])
        stage.say("one firm alone")
        posted = [post_all(_alone(lone, size.alone_seconds, seed=number + 1))]
        _come_to_rest(lone)
        alone.add(stage, posted[0])
        stage.say("the naive peer")
        posted_naively = post_all(
            poisson(peers, PER_SECOND, size.naive_seconds, seed=number + 1),
            then=lambda firm, entry: naive.post.delay(str(firm.connection.pk), entry.pk),
        )
        wait_for(lambda: not naive.backlog(), within=60)
        wait_for(lambda: False, within=2)
        peer.add(stage, posted_naively)
    return ours, alone, peer


def _alone(lone: Sequence[Firm], seconds: float, seed: int) -> list[tuple[float, Firm]]:
    """One after the other: the first half of the time is one firm's, the second half the other's."""
    half = seconds / len(lone)
    return [
        (number * half + at, firm)
        for number, each in enumerate(lone)
        for at, firm in poisson([each], ALONE_PER_SECOND, half, seed=seed + number)
    ]


def _beside_a_whale(stage: Stage, size: Size, firms: Sequence[Firm], whale: Firm, slow: Firm) -> Waits:
    stage.say("the whale's backlog")
    bulk.fill([whale], size.whale_entries)
    bulk.fill([slow], 1_000)
    stage.say("ours beside the whale")
    waits = Waits()
    posted = post_all(poisson(firms, PER_SECOND, size.whale_seconds, seed=99))
    _come_to_rest(firms)
    waits.add(stage, posted)
    return waits


def _come_to_rest(firms: Sequence[Firm]) -> None:
    from integrations.models import QueueRow

    rows = QueueRow.objects.filter(connection__in=[firm.connection.pk for firm in firms]).under_way()
    wait_for(lambda: not rows.exists(), within=60)


def _counted(waits: Waits) -> str:
    return f"{len(waits.seconds)} entries; postings at most {waits.late:.2f} s late"


def _live(ours: Waits, alone: Waits, peer: Waits, spoiled_by: str) -> Iterator[Figure]:
    if ours.missing:
        spoiled_by = f"{spoiled_by}, {ours.missing} never arrived".removeprefix(", ")
    p1 = {"peer": "P1", "spoiled_by": spoiled_by}
    yield Figure(
        "B3", "Live p50", ours.at(0.5), "s", goal=at_most(1.5), peer_value=peer.at(0.5), note=_counted(ours), **p1
    )
    yield Figure("B3", "Live p99", ours.at(0.99), "s", goal=at_most(10), peer_value=peer.at(0.99), **p1)
    yield Figure("B3", "Live max", ours.at(1), "s", goal=at_most(30), peer_value=peer.at(1), **p1)
    yield Figure(
        "B3", "Live p99 ÷ one firm alone", ours.at(0.99), "s", "P3", alone.at(0.99), at_most(2, of_ratio=True),
        spoiled_by=spoiled_by, note=f"{len(alone.seconds)} entries alone",
    )  # fmt: skip


def _whale(beside: Waits, ours: Waits, spoiled_by: str) -> Iterator[Figure]:
    if beside.missing:
        spoiled_by = f"{spoiled_by}, {beside.missing} never arrived".removeprefix(", ")
    yield Figure(
        "B4", "Live p99 beside a whale and a slow company", beside.at(0.99), "s", "B3", ours.at(0.99),
        at_most(1.2, of_ratio=True), spoiled_by=spoiled_by, note=_counted(beside),
    )  # fmt: skip
    yield Figure("B4", "Live max beside them", beside.at(1), "s", "B3", ours.at(1), at_most(30), spoiled_by=spoiled_by)
