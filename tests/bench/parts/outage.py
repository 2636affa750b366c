"""B14: how soon a backlog is worked off once a provider that was away for an hour is back.

The firms' companies at QuickBooks answer 503 to every call for an hour, which passes quickly, while entries go on being
posted (written in bulk, since posting is not what is measured). Then it is healed, time slows down, and what counts is
when the last entry that waited stands in the books, against the backlog at each company's ceiling.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from integrations.mirror import waking
from integrations.models import QueueRow
from tests.bench import books, bulk, hurry
from tests.bench.figures import Figure, at_most
from tests.bench.firms import Firm, make
from tests.bench.stage import Stage, wait_for

CEILING_PER_MINUTE = 500


@dataclass(frozen=True)
class Size:
    """`hurry` is how fast time goes during the outage, `catch_up` afterwards."""

    firms: int
    minutes: int
    per_minute: int
    """Of each firm: 24 are 20 a second over fifty firms."""
    hurry: float
    catch_up: float


SIZES = {
    # More in less time: up to 15 s go by until somebody asks again, which is no share of what a short outage leaves.
    "quick": Size(firms=5, minutes=10, per_minute=72, hurry=100, catch_up=5),
    "full": Size(firms=10, minutes=60, per_minute=24, hurry=100, catch_up=2),
    "scale": Size(firms=50, minutes=60, per_minute=24, hurry=20, catch_up=1),
}


def run(stage: Stage, size_name: str) -> Iterator[Figure | None]:
    """None once all is measured, and only to be counted."""
    size = SIZES[size_name]
    stage.launch_workers(2, sweeps_at_speed=size.catch_up)
    firms = make(stage.sandbox_store, "quickbooks", size.firms)
    stage.open_sandbox()
    bulk.fill(firms, 1)
    stage.wait_for_workers()
    for firm in firms:
        waking.wake(firm.connection.pk)
    wait_for(lambda: not _waiting(firms), within=60)

    stage.say(f"an hour's outage, {size.firms} firms" if size.minutes == 60 else f"{size.minutes} minutes' outage")
    for call in ("batch", "companyinfo", "preferences", "query"):
        stage.sandbox.arm(provider="quickbooks", call=call, do="status", status=503, share=1.0)
    stage.run_at(size.hurry)
    broken_at = hurry.now()
    for minute in range(size.minutes):
        bulk.fill(firms, size.per_minute, vacuumed=False)
        for firm in firms:
            waking.wake(firm.connection.pk)
        wait_for(lambda minute=minute: hurry.now() >= broken_at + 60 * (minute + 1), within=60, every=0.02)
    bulk.vacuum()
    stage.run_at(size.catch_up)
    backlog = _waiting(firms)
    healed_at = hurry.now()
    stage.sandbox.heal()
    stage.say(f"healed; {backlog:,} wait")
    wait_for(lambda: not _waiting(firms), within=300)
    time.sleep(1)
    stage.stop_workers()
    yield None
    yield from _figures(stage, size, firms, broken_at, healed_at, backlog)


def _waiting(firms: Sequence[Firm]) -> int:
    return QueueRow.objects.filter(connection__in=[firm.connection.pk for firm in firms]).under_way().count()


def _figures(
    stage: Stage, size: Size, firms: Sequence[Firm], broken_at: float, healed_at: float, backlog: int
) -> Iterator[Figure]:
    connections = [firm.connection for firm in firms]
    spoiled_by = books.compare(stage, connections).spoils(storm=True)
    minutes_at_ceiling = backlog / len(firms) / CEILING_PER_MINUTE
    last = max(at for connection in connections for _, at in books.arrivals(stage, connection))
    yield Figure(
        "B14", f"worked off after {size.minutes} min away", (last - healed_at) / 60, "min", "P0", minutes_at_ceiling,
        at_most(1.15, of_ratio=True), spoiled_by=spoiled_by, note=f"{backlog:,} entries of {len(firms)} firms",
    )  # fmt: skip
    during = [books.calls(stage, each, after=broken_at, until=healed_at) for each in connections]
    most = max((each.posting + each.other) / size.minutes for each in during)
    yield Figure(
        "B14", "calls a minute and firm while away, at most", most, "calls", goal=at_most(4), spoiled_by=spoiled_by
    )
    after = [books.calls(stage, each, after=healed_at, until=healed_at + 60) for each in connections]
    yield Figure(
        "B14", "calls of a firm in the first minute back, at most", max(each.posting + each.other for each in after),
        "calls", goal=at_most(40), spoiled_by=spoiled_by,
    )  # fmt: skip
    yield Figure(
        "B14", "answers 429 in the first minute back", sum(each.too_many for each in after), "", goal=at_most(0),
        spoiled_by=spoiled_by,
    )  # fmt: skip
