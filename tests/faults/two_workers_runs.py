"""Faults of what is between two workers and everybody else: answers, clocks, wake-ups, and people who switch modes.

`python -m tests.faults.two_workers_runs NAME …` plays them on one Postgres, Redis and sandbox, the benchmark's, with
two workers and beat, and prints lines of JSON as fleet_runs.py does.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

from tests.bench.stage import _QUIET, Stage, raised
from tests.faults.fleet_runs import PROVIDERS, WRITE_CALL, Fleet
from tests.faults.lossy_way import CLOSED, RESET, SILENCE, LossyWay

if TYPE_CHECKING:
    from tests.bench.firms import Firm

Act = Callable[[Fleet, LossyWay], None]
Programs = tuple[Sequence[str], Sequence[str], Sequence[str]]
"""Two workers' and beat's."""

_CELERY = ("-m", "celery", "-A", "athenty")
_REPEATING = ("-m", "celery", "-A", "tests.faults.repeating")
PLAIN: Programs = (_CELERY, _CELERY, _CELERY)
REPEATING: Programs = (_REPEATING, _REPEATING, _REPEATING)


def _clocks(one: tuple[int, int], other: tuple[int, int]) -> Programs:
    """How many seconds each worker is ahead, at first and half a minute later."""
    wrong = [("-m", "tests.faults.wrong_clock", *map(str, ahead), "-A", "athenty") for ahead in (one, other)]
    return (*wrong, _CELERY)


@dataclass(frozen=True)
class Run:
    """What it does, with so many firms at each provider, under which workers."""

    act: Act
    quickbooks: int
    xero: int
    workers: Programs


RUNS: dict[str, Run] = {}


def run(*, quickbooks: int = 1, xero: int = 1, workers: Programs = PLAIN) -> Callable[[Act], Act]:
    def keep(act: Act) -> Act:
        RUNS[act.__name__] = Run(act, quickbooks, xero, workers)
        return act

    return keep


# Answers --------------------------------------------------------------------------------------------------------------
@run(quickbooks=3, xero=4)
def answers_lost(fleet: Fleet, way: LossyWay) -> None:
    """Some companies lose all of theirs, each in a way of its own; one of each provider loses every tenth."""
    quickbooks, xero = _by_provider(fleet)
    _lose(way, quickbooks, [RESET, CLOSED], every=10)
    _lose(way, xero, [RESET, CLOSED, SILENCE], every=10)
    _post_evenly(fleet.firms, 12, 40)
    _check_lost(fleet, way)
    took = fleet.rest(within=400)
    fleet.expect("nothing is left to a person", not _unconfirmed(fleet.firms))
    fleet.report("F08", "answers lost, 10 and 100 %: reset, closed, silence", took)


@run(quickbooks=5, xero=5)
def answers_lost_then_away(fleet: Fleet, way: LossyWay) -> None:
    """One of each provider loses one in a hundred; and then nobody answers for ten minutes."""
    for firms in _by_provider(fleet):
        *others, last = firms
        _lose(way, others, [RESET, CLOSED, SILENCE], every=10)
        _lose(way, [last], [], every=100)
    with ThreadPoolExecutor() as pool:
        many = pool.submit(_post_evenly, [firms[-1] for firms in _by_provider(fleet)], 150, 150)
        _post_evenly([firm for firms in _by_provider(fleet) for firm in firms[:-1]], 24, 150)
        many.result()
    _check_lost(fleet, way)
    way.close()
    _post_evenly(fleet.firms, 10, 600)
    way.open_again()
    took = fleet.rest(within=900)
    quickbooks, _ = _by_provider(fleet)
    fleet.expect("nothing of QuickBooks's is left to a person", not _unconfirmed(quickbooks))
    fleet.report("F08", "answers lost, 1, 10 and 100 %, then 10 min away", took)


def _lose(way: LossyWay, firms: "Sequence[Firm]", hows: Sequence[str], *, every: int) -> None:
    """Each of the first loses all of its answers, in one of the ways; the last by a reset and a close in turn, and only
    so often."""
    for firm, how in zip(firms, hows, strict=False):
        way.lose(firm.connection.company_id, how)
    way.lose(firms[-1].connection.company_id, RESET, CLOSED, every=every)


def _check_lost(fleet: Fleet, way: LossyWay) -> None:
    fleet.expect(f"answers were lost in every way: {dict(way.lost)}", way.lost.keys() >= {RESET, CLOSED, SILENCE, ""})
    way.heal()


# People ---------------------------------------------------------------------------------------------------------------
@run()
def modes_switched(fleet: Fleet, way: LossyWay) -> None:
    """Ten times a second in mid-drain; at last Off for some seconds."""
    from integrations.models import Attempt, Delivery

    _answer_late(fleet, 0.5)
    for firm in fleet.firms:
        _post(firm, 400)
    with ThreadPoolExecutor() as pool:
        switching = {firm.connection.pk: pool.submit(_switch_modes, firm, 15) for firm in fleet.firms}
    quiet = {connection: stretches.result() for connection, stretches in switching.items()}
    took = fleet.rest(within=240)
    began = dict.fromkeys(quiet, 0)
    for delivery in Delivery.objects.filter(connection__in=quiet).order_by("first_sent_at"):
        at = delivery.first_sent_at.timestamp()
        began[delivery.connection_id] += at < quiet[delivery.connection_id][-1][0]
        off = [stretch for stretch in quiet[delivery.connection_id] if stretch[0] < at < stretch[1]]
        fleet.expect(f"no send begins while Off: {at}, {off}", not off)
    fleet.expect(f"some began while modes were switched: {list(began.values())}", all(began.values()))
    attempts = Attempt.objects.filter(delivery__connection__in=quiet)
    calls = sum(_calls(fleet.stage, firm) for firm in fleet.firms)
    fleet.expect("each call is written down, and its end", attempts.exclude(outcome="").count() == calls)
    fleet.report("F25", "modes switched 10 times a second in mid-drain", took)


def _switch_modes(firm: "Firm", seconds: float) -> list[tuple[float, float]]:
    """From when to when the firm was Off: from a switch's return until the next began."""
    from django.db import connection as database

    from integrations.mirror.schedule import set_mode
    from integrations.models import SyncMode

    off: list[tuple[float, float]] = []
    until = time.time() + seconds
    for mode in cycle([SyncMode.OFF, SyncMode.LIVE, SyncMode.BATCHED, SyncMode.LIVE]):
        set_mode(firm.organization, mode, actor=firm.owner)
        returned, is_last = time.time(), mode == SyncMode.OFF and time.time() > until
        time.sleep(5 if is_last else 0.1)
        if mode == SyncMode.OFF:
            off.append((returned, time.time()))
        if is_last:
            break
    set_mode(firm.organization, SyncMode.LIVE, actor=firm.owner)
    database.close()
    return off


# Wake-ups -------------------------------------------------------------------------------------------------------------
@run(workers=REPEATING)
def tasks_repeated(fleet: Fleet, way: LossyWay) -> None:
    """Each message comes three times, the first of them last: as many calls as there are batches, and no more. Some
    come while the call is under way."""
    from tests.faults.repeating import IN_BETWEEN, LATEST, repeated

    _answer_late(fleet, IN_BETWEEN + 0.5)
    batches = 0
    with repeated():
        for entries in (1, 1, 1, 130):
            for firm in fleet.firms:
                _post(firm, entries)
                batches += -(-entries // firm.connection.provider.limits.batch_size)
            took = fleet.rest(within=120)
        time.sleep(LATEST + 5)
    calls = sum(_calls(fleet.stage, firm) for firm in fleet.firms)
    fleet.expect(f"a call for each batch, and no more: {calls} for {batches}", calls == batches)
    fleet.report("F23", "every task 3 times, out of order, real workers", took)


# Clocks ---------------------------------------------------------------------------------------------------------------
def _lose_under_wrong_clocks(fleet: Fleet, about: str) -> None:
    for firm in fleet.firms:
        provider, company = firm.connection.provider_name, firm.connection.company_id
        fleet.stage.sandbox.arm(
            provider=provider, call=WRITE_CALL[provider], tenant=company, do="drop_after_commit", share=0.5
        )
    _post_evenly(fleet.firms, 20, 40)
    fleet.stage.sandbox.heal()
    took = fleet.rest(within=400)
    fleet.expect("nothing is left to a person", not _unconfirmed(fleet.firms))
    fleet.report("F18", about, took)


@run(quickbooks=0, xero=3, workers=_clocks((180, 180), (360, 360)))
def clocks_apart(fleet: Fleet, way: LossyWay) -> None:
    _lose_under_wrong_clocks(fleet, "two workers 3 min apart and ahead of beat, answers lost")


@run(quickbooks=2, xero=3, workers=_clocks((-600, -600), (600, -3000)))
def clocks_far_off(fleet: Fleet, way: LossyWay) -> None:
    _lose_under_wrong_clocks(fleet, "10 min behind; 10 min ahead and back by 1 h")


# What they share ------------------------------------------------------------------------------------------------------
def _by_provider(fleet: Fleet) -> "list[list[Firm]]":
    return [[firm for firm in fleet.firms if firm.connection.provider_name == provider] for provider in PROVIDERS]


def _post(firm: "Firm", entries: int) -> None:
    """At once."""
    from ledger.posting import post_entries

    post_entries(firm.organization, [firm.draft() for _ in range(entries)], actor=firm.owner)


def _post_evenly(firms: "Sequence[Firm]", entries: int, seconds: float) -> None:
    from tests.bench.posting_schedule import even, post_all

    post_all(sorted((each for firm in firms for each in even(firm, entries, seconds)), key=lambda each: each[0]))


def _answer_late(fleet: Fleet, seconds: float) -> None:
    for firm in fleet.firms:
        provider, company = firm.connection.provider_name, firm.connection.company_id
        fleet.stage.sandbox.arm(
            provider=provider, call=WRITE_CALL[provider], tenant=company, do="delay", share=1, delay_seconds=seconds
        )


def _unconfirmed(firms: "Sequence[Firm]") -> int:
    from integrations.models import QueueRow

    rows = QueueRow.objects.filter(connection__in=[firm.connection.pk for firm in firms])
    return rows.filter(state=QueueRow.State.UNCONFIRMED).count()


def _calls(stage: Stage, firm: "Firm") -> int:
    from tests.bench import books

    return books.calls(stage, firm.connection).posting


@contextmanager
def _workers(stage: Stage, programs: Programs, **environment: str) -> Iterator[None]:
    supervisor = stage.supervisor
    supervisor.environment.update(environment)
    began = []
    *workers, beats = programs
    for number, program in enumerate(workers):
        pool = ["-P", "threads", "-c", "16", "-n", f"worker{number}@localhost"]
        began.append(supervisor.launch(f"worker{number}", [*program, "worker", *pool, *_QUIET, "-l", "INFO"]))
    schedule = ["-s", str(stage.state / "beat"), "--pidfile="]
    beat = supervisor.launch("beat", [*beats, "beat", *schedule, "-l", "INFO"])
    for worker in began:
        supervisor.wait_until(worker, lambda child: " ready." in child.log.read_text(), timeout_seconds=180)
    yield
    stage.stop(*began, beat)


def main(names: Sequence[str]) -> int:
    """Those under the same workers beside each other."""
    runs = [RUNS[name] for name in names]
    with raised() as stage:
        fleets = [Fleet(stage) for _ in runs]
        for fleet, each, name in zip(fleets, runs, names, strict=True):
            for provider, count in (("quickbooks", each.quickbooks), ("xero", each.xero)):
                fleet.make(provider, count, name=name.replace("_", " "))
        stage.open_sandbox()
        way = LossyWay(stage.sandbox.url)
        by_the_way = {"QUICKBOOKS_API_URL": f"{way.url}/quickbooks", "XERO_API_URL": f"{way.url}/xero/api.xro/2.0"}
        for programs in dict.fromkeys(each.workers for each in runs):
            under_them = [(each, fleet) for each, fleet in zip(runs, fleets, strict=True) if each.workers == programs]
            with _workers(stage, programs, **by_the_way), ThreadPoolExecutor() as pool:
                for played in [pool.submit(each.act, fleet, way) for each, fleet in under_them]:
                    played.result()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
