"""A firm that posts for some minutes while something befalls its calls, in simulated time; see tests/simulation."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from integrations.models import Connection
from tests.faults.naive import NaiveMirror
from tests.faults.scoreboard import NAIVE, board
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS, Firm, World

MINUTE = 60
HTML = (("Content-Type", "text/html"),)
JSON = (("Content-Type", "application/json"),)
AT_REST_WITHIN = timedelta(minutes=50)

Strikes = Callable[[Call, float], Strike]


@dataclass
class Run:
    """One firm, mirrored to both providers, posts `entries` one by one over `over` seconds while `strike` decides what
    befalls the calls; after `lasts` seconds all is well."""

    world: World
    test: str
    about: str
    strike: Strikes = lambda call, seconds: UNHARMED
    lasts: float = 5 * MINUTE
    over: float = 4 * MINUTE
    entries: int = 12
    seed: int = 1
    sweeps_every: float = 20
    delivered: Callable[[], list[float]] | None = None
    also: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    latency: float = 0.5

    def play(self, *, everything_sent: bool = True) -> invariants.Tally:
        self.begin()
        for number in range(self.entries):
            self.world.stage.after(self.over * number / self.entries, partial(self.post, number))
        for seconds, act in self.also:
            self.world.stage.after(seconds, act)
        seconds = self.sweeps_every
        while seconds < self.lasts:
            self.world.stage.after(seconds, partial(self.world.run, self.world.sweep))
            seconds += self.sweeps_every
        self.world.stage.run_until(self.mended_at)
        took = self.world.run_until_quiet(AT_REST_WITHIN)
        assert took is not None, "I7: it does not come to rest"
        self.world.stage.run_until(self.world.stage.now + timedelta(minutes=2))
        tally = invariants.check(self.world.provider, everything_sent=everything_sent)
        board.add(
            self.test,
            self.about,
            entries=tally.entries,
            unconfirmed=tally.unconfirmed,
            seconds=took.total_seconds(),
        )
        return tally

    def play_naively(self) -> None:
        """The same with P1, for the table."""
        self.begin()
        peers = [NaiveMirror(self.world, each, self.delivered or (lambda: [0.0])) for each in self.firm.connections]
        # Nothing of it is ours.
        Connection.objects.update(mirror_from=None)
        for number in range(self.entries):
            self.world.stage.after(self.over * number / self.entries, partial(self.post_naively, peers, number))
        self.world.stage.run_until(self.mended_at)
        self.world.stage.run_until(self.world.stage.now + timedelta(hours=6))
        for peer in peers:
            lost, doubled = peer.came_to()
            board.add(self.test, self.about, NAIVE, entries=len(peer.entries), lost=lost, doubled=doubled)

    def begin(self) -> None:
        world = self.world
        world.begin(self.seed)
        world.provider.latency = lambda: self.latency
        world.provider.strike = self._strike
        if self.delivered:
            world.delivered = self.delivered

    @property
    def firm(self) -> Firm:
        return self.world.firms[0]

    @property
    def mended_at(self) -> datetime:
        return BEGINS + timedelta(seconds=self.lasts)

    @property
    def seconds(self) -> float:
        return (self.world.stage.now - BEGINS).total_seconds()

    def _strike(self, call: Call) -> Strike:
        return self.strike(call, self.seconds) if self.seconds < self.lasts else UNHARMED

    def post(self, number: int) -> None:
        self.firm.post([f"{number + 1}.{number % 100:02}"], on=BEGINS.date())

    def post_naively(self, peers: list[NaiveMirror], number: int) -> None:
        [entry] = self.firm.post([f"{number + 1}.{number % 100:02}"], on=BEGINS.date())
        for peer in peers:
            peer.mirror(entry)

    def calls_a_minute(self, tenant: str) -> Counter[int]:
        called = [at for at, call in self.world.provider.log if call.tenant == tenant]
        return Counter(int((at - BEGINS).total_seconds() // MINUTE) for at in called)


def share(strikes: list[Strike], part: float, *, seed: int = 1) -> Callable[[Call], Strike]:
    dice = random.Random(seed)
    return lambda call: dice.choice(strikes) if call.writes and dice.random() < part else UNHARMED


LOST_REPLIES = [Strike(reset=True), Strike(silent=True)]
