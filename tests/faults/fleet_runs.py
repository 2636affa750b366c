"""Faults under many firms at once: two workers, beat and the sandbox, on a Postgres and a Redis of their own.

`python -m tests.faults.fleet_runs NAME` plays one, and prints a line of JSON: what the table shows, and `problems`,
which should be empty. The firms, and what they are made on, are the benchmark's.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.bench.figures import percentile
from tests.bench.stage import Stage, raised, wait_for

if TYPE_CHECKING:
    from integrations.models import Connection
    from tests.bench.firms import Firm

RUNS: dict[str, Callable[["Fleet"], None]] = {}
PROVIDERS = ("quickbooks", "xero")
WRITE_CALL = {"quickbooks": "batch", "xero": "manualjournals"}
USUAL_LATENCY = 0.5
# Just within what we wait for each.
SLOWEST = {"quickbooks": 119.0, "xero": 55.0}


def run(act: Callable[["Fleet"], None]) -> Callable[["Fleet"], None]:
    RUNS[act.__name__] = act
    return act


class Fleet:
    """`firms` are all that were made; `problems` are what the run found wrong."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.firms: list[Firm] = []
        self.problems: list[str] = []
        self.is_at_rest = False

    def make(self, provider: str, count: int, name: str = "Firm") -> "list[Firm]":
        """Before the sandbox is opened."""
        from tests.bench.firms import make

        made = make(self.stage.sandbox_store, provider, count, name=name)
        self.firms += made
        return made

    def expect(self, what: str, holds: object) -> None:
        if not holds:
            self.problems.append(what)

    def kill_all(self) -> None:
        """Both workers and beat, as the kernel would."""
        for child in self.stage.workers:
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
            self.stage.supervisor._services.remove(child)
        self.stage.workers.clear()

    def rest(self, within: float) -> float:
        """How many seconds it takes until nothing is under way any more."""
        from integrations.models import QueueRow

        rows = QueueRow.objects.filter(connection__in=[firm.connection.pk for firm in self.firms]).under_way()
        began = time.monotonic()
        self.is_at_rest = wait_for(lambda: not rows.exists(), within)
        self.expect(f"at rest within {within:.0f} s", self.is_at_rest)
        return time.monotonic() - began

    def report(self, test: str, about: str, seconds: float) -> None:
        """Compare the books with ours, and tell. Where it did not come to rest, what we say is sent must be there."""
        from tests.bench import books

        connections = [firm.connection for firm in self.firms]
        found = books.compare(self.stage, connections, at_rest=self.is_at_rest)
        unconfirmed, absent = self._unconfirmed()
        self.expect("nothing was refused", found.refused == unconfirmed)
        self.expect("to the cent", not found.cents_off or unconfirmed)
        self.expect("no 429", not found.too_many_calls)
        self.tell(
            test,
            about,
            entries=found.entries,
            lost=found.lost - absent * self.is_at_rest,
            doubled=found.doubled,
            unconfirmed=unconfirmed,
            seconds=seconds,
        )

    def _unconfirmed(self) -> tuple[int, int]:
        """How many entries we leave to a person, and how many of those are in no books."""
        from integrations.mirror.deliveries import reference
        from integrations.models import QueueRow
        from tests.bench import books

        connections = [firm.connection.pk for firm in self.firms]
        rows = QueueRow.objects.filter(connection__in=connections, state=QueueRow.State.UNCONFIRMED)
        rows = rows.select_related("connection", "entry")
        there = {
            connection.pk: {name for name, _ in books.arrivals(self.stage, connection)}
            for connection in {row.connection for row in rows}
        }
        absent = [row for row in rows if reference(row.connection, row.entry) not in there[row.connection_id]]
        return len(rows), len(absent)

    def tell(self, test: str, about: str, **figures: float) -> None:
        """A line of the table, and the problems since the last one."""
        line = {"test": test, "about": about} | figures | {"problems": self.problems}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        self.problems = []


def _killed(fleet: Fleet, seconds: float, usual_seconds: float) -> None:
    """Twenty-five firms work off a backlog at QuickBooks, slowly enough for it to last; as many at Xero post on.

    To start takes four seconds on a quiet machine and half a minute on a busy one. So half of the usual rate is
    asserted of the time in which they ran; both are told.
    """
    from tests.bench import bulk

    dice, stage = random.Random(3), fleet.stage
    drained, posting = (fleet.make(provider, 25) for provider in PROVIDERS)
    stage.open_sandbox()
    for provider in PROVIDERS:
        # So that a kill finds calls under way.
        stage.sandbox.arm(provider=provider, call=WRITE_CALL[provider], do="delay", share=1.0, delay_seconds=1.0)
    bulk.fill(drained, int(2 * (seconds + usual_seconds)))

    def post_until(until: float) -> None:
        while time.time() < until:
            bulk.fill(posting, 4, vacuumed=False)
            time.sleep(max(min(5.0, until - time.time()), 0))

    def rate(since: float, until: float) -> float:
        """Entries a second that came into the books."""
        ((count,),) = stage.kept("SELECT count(*) FROM journals WHERE created_at > ? AND created_at <= ?", since, until)
        return count / (until - since)

    _start_slow_workers(stage)
    post_until(time.time() + 20)
    began = time.time()
    post_until(began + usual_seconds)
    usual = rate(began, began + usual_seconds)

    began, kills, up = time.time(), 0, 0.0
    while time.time() < began + seconds:
        ready = time.time()
        post_until(min(ready + dice.uniform(5, 40), began + seconds))
        fleet.kill_all()
        up += time.time() - ready
        kills += 1
        _start_slow_workers(stage)
    ended = time.time()
    share = rate(began, ended) / usual
    while_up = share * (ended - began) / up
    fleet.expect(f"half of the usual rate, {usual:.1f} a second: {while_up:.2f}", while_up >= 0.5)
    # What is left goes faster.
    fleet.kill_all()
    stage.start_workers(2)
    # A delivery of QuickBooks's that was under way waits for its lease to run out.
    took = fleet.rest(within=600)
    of_the_rate = f"{share:.2f} of the rate, {while_up:.2f} up"
    fleet.report("F03", f"all killed {kills}x in {seconds / 60:.1f} min: {of_the_rate}", took)


def _start_slow_workers(stage: Stage) -> None:
    stage.start_workers(2, QUICKBOOKS_ENTRIES_PER_MINUTE="120")


@run
def killed_at_random(fleet: Fleet) -> None:
    _killed(fleet, seconds=90, usual_seconds=45)


@run
def killed_for_half_an_hour(fleet: Fleet) -> None:
    _killed(fleet, seconds=1800, usual_seconds=120)


def _slow(fleet: Fleet, *, others_each: int, per_second: float, seconds: float) -> None:
    """A hundred firms turn slow one after another, as they post: their provider takes minutes for its answers or never
    ends them. Others post as much, and what these wait must not grow by more than a fifth over the worse of two such
    times without slow ones, before and after. Then some of the slow ones have more to be sent than may be under way.

    That nobody waits for more than 30 seconds must hold on a busy machine, too.
    """
    from tests.bench import bulk

    stage = fleet.stage
    slow = [firm for provider in PROVIDERS for firm in fleet.make(provider, 50, name="Slow")]
    others = [firm for provider in PROVIDERS for firm in fleet.make(provider, others_each)]
    stage.open_sandbox()

    def waits(for_seconds: float) -> list[float]:
        for provider in PROVIDERS:
            stage.sandbox.arm(
                provider=provider, call=WRITE_CALL[provider], do="delay", share=1.0, delay_seconds=USUAL_LATENCY
            )
        return _waits(fleet, slow, others, per_second, for_seconds)

    stage.start_workers(2)
    waits(5)
    before = waits(seconds)

    stage.sandbox.heal()
    for number, firm in enumerate(slow):
        provider = firm.connection.provider_name
        how = {"do": "delay", "delay_seconds": SLOWEST[provider]} if number % 2 else {"do": "trickle"}
        # Before what is usual for all: the first fault that fits is done.
        stage.sandbox.arm(
            provider=provider, call=WRITE_CALL[provider], tenant=firm.connection.company_id, share=1.0, **how
        )
    beside = waits(2 * seconds)

    bulk.fill(slow[::9], 400)
    wait_for(lambda: False, within=25)
    most = dict.fromkeys(PROVIDERS, 0)
    for firm in slow:
        provider = firm.connection.provider_name
        most[provider] = max(most[provider], _most_in_flight(stage, firm.connection))
    for provider, cap in (("quickbooks", 10), ("xero", 5)):
        fleet.expect(f"in flight at {provider}: {most[provider]}, at most {cap}", 1 < most[provider] <= cap)
    stage.sandbox.heal()
    took = fleet.rest(within=400)

    after = waits(seconds)
    limit = 1.2 * max(percentile(before, 0.99), percentile(after, 0.99))
    fleet.expect(f"their p99 at most {limit:.2f} s beside slow ones", percentile(beside, 0.99) <= limit)
    for measured, when in ((before, "before"), (beside, "beside 100 slow ones"), (after, "after")):
        fleet.expect(f"within 30 s {when}: {max(measured):.1f} at most", max(measured) <= 30)
        fleet.tell("F29", f"others' p99, {when}", entries=len(measured), seconds=percentile(measured, 0.99))
    fleet.report("F29", "100 slow companies, and the others, once healed", took)


@run
def slow_companies(fleet: Fleet) -> None:
    _slow(fleet, others_each=10, per_second=3, seconds=40)


@run
def slow_companies_among_two_hundred(fleet: Fleet) -> None:
    """As B3 has it: 20 entries a second."""
    _slow(fleet, others_each=50, per_second=10, seconds=60)


def _waits(
    fleet: Fleet, slow: "Sequence[Firm]", others: "Sequence[Firm]", per_second: float, seconds: float
) -> list[float]:
    """All post, at random moments; slow ones and others so many a second. How many seconds each entry of the others
    took to be in the sandbox's books."""
    from tests.bench import books
    from tests.bench.posting_schedule import poisson, post_all

    schedule = [each for firms in (slow, others) for each in poisson(firms, per_second, seconds, seed=len(firms))]
    posted, asked = post_all(schedule), set(others)
    due_at = {name: at for name, at in posted.due_at.items() if posted.of_firm[name] in asked}

    def arrived() -> dict[str, float]:
        return {name: at for firm in others for name, at in books.arrivals(fleet.stage, firm.connection)}

    fleet.expect("they arrive", wait_for(lambda: due_at.keys() <= arrived().keys(), within=150, every=1))
    at = arrived()
    return [at[name] - due for name, due in due_at.items() if name in at]


def _most_in_flight(stage: Stage, connection: "Connection") -> int:
    """How many of its calls the sandbox had under way at once, at most. It logs a call when it begins to answer; one
    whose answer trickles is under way until we hang up."""
    limit = connection.provider.limits.send_timeout.total_seconds()
    steps = []
    for at, ms, fault in stage.kept(
        "SELECT at, ms, fault FROM requests WHERE tenant_id = ? OR path LIKE ?",
        connection.company_id,
        f"%/company/{connection.company_id}/%",
    ):
        began = at - ms / 1000
        steps += [(began, 1), (began + limit if fault == "trickle" else at, -1)]
    under_way = most = 0
    for _, step in sorted(steps):
        under_way += step
        most = max(most, under_way)
    return most


def main(name: str) -> int:
    with raised() as stage:
        RUNS[name](Fleet(stage))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
