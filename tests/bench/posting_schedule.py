"""Postings at moments fixed beforehand: a system that is slow can't slow down what measures it."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

from django.db import connection as database

from integrations.mirror.deliveries import reference
from ledger.models import JournalEntry
from ledger.posting import post_entry
from tests.bench.firms import Firm

_THREADS = 6


@dataclass
class Posted:
    """When each entry was due to be posted, in seconds since 1970, by its reference at the provider."""

    due_at: dict[str, float] = field(default_factory=dict)
    of_firm: dict[str, Firm] = field(default_factory=dict)
    late: float = 0.0
    """The most that a posting began after its time: more than a few tenths mean that this machine was too slow."""


def poisson(firms: Sequence[Firm], per_second: float, seconds: float, seed: int) -> list[tuple[float, Firm]]:
    """Moments from 0, each with the firm that posts then."""
    dice, at, schedule = random.Random(seed), 0.0, []
    while (at := at + dice.expovariate(per_second)) < seconds:
        schedule.append((at, dice.choice(firms)))
    return schedule


def even(firm: Firm, entries: int, seconds: float) -> list[tuple[float, Firm]]:
    return [(number * seconds / entries, firm) for number in range(entries)]


def post_all(
    schedule: Sequence[tuple[float, Firm]], then: Callable[[Firm, JournalEntry], object] | None = None
) -> Posted:
    """Post each entry at its time; `then` is called once it has committed."""
    posted, lock, began = Posted(), Lock(), time.time() + 0.2

    def post(due_at: float, firm: Firm) -> None:
        late = time.time() - due_at
        try:
            entry = post_entry(firm.organization, firm.draft(), actor=firm.owner)
        finally:
            database.close()  # back into the pool, as after a request
        if then:
            then(firm, entry)
        name = reference(firm.connection, entry)
        with lock:
            posted.due_at[name], posted.of_firm[name] = due_at, firm
            posted.late = max(posted.late, late)

    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = []
        for at, firm in sorted(schedule, key=lambda each: each[0]):
            time.sleep(max(began + at - time.time(), 0))
            waiting.append(pool.submit(post, began + at, firm))
        for each in waiting:
            each.result()
    return posted
