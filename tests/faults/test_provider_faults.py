"""H1 by the book: what providers and their networks do to a mirror, one kind at a time, in simulated time.

The naive peer goes through the same faults in the same run, where the table asks for it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from integrations.mirror import schedule
from integrations.models import Connection, QueueRow, SyncMode
from integrations.providers import PROVIDERS
from integrations.sandbox import companies
from tests.faults.naive import NaiveMirror
from tests.faults.scoreboard import NAIVE, board
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS, Firm, World, simulated_world

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

_HTML = (("Content-Type", "text/html"),)
_JSON = (("Content-Type", "application/json"),)
_AT_REST_WITHIN = timedelta(minutes=50)
MINUTE = 60
LONG = pytest.mark.long

Strikes = Callable[[Call, float], Strike]


@pytest.fixture
def world(tmp_path):
    with simulated_world(str(tmp_path / "kms.key")) as world:
        yield world


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
            self.world.stage.after(self.over * number / self.entries, partial(self._post, number))
        for seconds, act in self.also:
            self.world.stage.after(seconds, act)
        seconds = self.sweeps_every
        while seconds < self.lasts:
            self.world.stage.after(seconds, partial(self.world.run, self.world.sweep))
            seconds += self.sweeps_every
        self.world.stage.run_until(BEGINS + timedelta(seconds=self.lasts))
        took = self.world.run_until_quiet(_AT_REST_WITHIN)
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
            self.world.stage.after(self.over * number / self.entries, partial(self._post_naively, peers, number))
        self.world.stage.run_until(BEGINS + timedelta(seconds=self.lasts))
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
    def seconds(self) -> float:
        return (self.world.stage.now - BEGINS).total_seconds()

    def _strike(self, call: Call) -> Strike:
        return self.strike(call, self.seconds) if self.seconds < self.lasts else UNHARMED

    def _post(self, number: int) -> None:
        self.firm.post([f"{number + 1}.{number % 100:02}"], on=BEGINS.date())

    def _post_naively(self, peers: list[NaiveMirror], number: int) -> None:
        [entry] = self.firm.post([f"{number + 1}.{number % 100:02}"], on=BEGINS.date())
        for peer in peers:
            peer.mirror(entry)

    def calls_a_minute(self, tenant: str) -> Counter[int]:
        called = [at for at, call in self.world.provider.log if call.tenant == tenant]
        return Counter(int((at - BEGINS).total_seconds() // MINUTE) for at in called)


def share(strikes: list[Strike], part: float, *, seed: int = 1) -> Callable[[Call], Strike]:
    import random

    dice = random.Random(seed)
    return lambda call: dice.choice(strikes) if call.writes and dice.random() < part else UNHARMED


LOST_REPLIES = [Strike(reset=True), Strike(silent=True)]


@pytest.mark.parametrize("part", [pytest.param(0.01, marks=LONG), pytest.param(0.1, marks=LONG), 1.0])
def test_f08_replies_lost_after_the_commit_then_ten_minutes_of_outage(world, part):
    def strikes() -> Strikes:
        lost = share(LOST_REPLIES, part)
        return lambda call, seconds: lost(call) if seconds < 4 * MINUTE else Strike(refused=True)

    about = f"reply lost, {part:.0%} of calls, then 10 min outage"
    run = Run(world, "F08", about, lasts=14 * MINUTE, entries=24)
    run.strike = strikes()
    tally = run.play(everything_sent=False)
    assert tally.refused == 0
    run.strike = strikes()
    run.play_naively()


@pytest.mark.parametrize("late", [20.0, 90.0, 118.0])
def test_f09_the_provider_commits_after_the_client_gave_up_and_the_repeat_arrives_before(world, late):
    struck: set[str] = set()

    def strike(call: Call, seconds: float) -> Strike:
        if call.writes and call.tenant not in struck:
            struck.add(call.tenant)
            return Strike(commits_after=late)
        return UNHARMED

    Run(world, "F09", f"committed {late:.0f} s after the connection broke", strike, entries=6).play()


def test_f09_would_notice_a_repeat_that_comes_too_soon(world, monkeypatch):
    """Intuit works on a call for up to 120 seconds; the repeat has to wait for longer than that."""
    quickbooks = PROVIDERS["quickbooks"]
    monkeypatch.setattr(type(quickbooks), "limits", replace(quickbooks.limits, first_retry_after=timedelta(seconds=5)))
    struck = []

    def strike(call: Call, seconds: float) -> Strike:
        if call.writes and call.provider == "quickbooks" and not struck:
            struck.append(call)
            return Strike(commits_after=90.0)
        return UNHARMED

    with pytest.raises(invariants.Broken, match="I1"):
        Run(world, "F09", "", strike, entries=1).play()


@pytest.mark.parametrize(
    ("what", "strike"),
    [("connection refused", Strike(refused=True)), ("broken on the way", Strike(lost_on_the_way=True))],
    ids=["refused", "on the way"],
)
def test_f10_what_never_arrived_is_sent_again_under_the_same_key(world, what, strike):
    run = Run(world, "F10", f"{what}, for 3 min", lambda call, seconds: strike if call.writes else UNHARMED, lasts=180)
    run.over = 60
    tally = run.play()
    assert tally.unconfirmed == 0
    keys = [
        row["idempotency_key"] for row in world.provider.sandbox.store.rows("SELECT * FROM requests WHERE is_write")
    ]
    assert max(Counter(keys).values()) == 1, "each delivery was taken once"


@pytest.mark.parametrize("minutes", [pytest.param(1, marks=LONG), 10, pytest.param(60, marks=LONG)])
def test_f11_a_storm_of_server_errors_half_of_them_committed(world, minutes):
    """503 says that nothing was done, and isn't to be trusted; the others say nothing."""

    def strikes() -> Strikes:
        turn = iter(range(1_000_000))
        statuses = [(500, True), (502, False), (503, True), (504, True), (500, False), (502, True), (503, False)]

        def strike(call: Call, seconds: float) -> Strike:
            status, works = statuses[next(turn) % len(statuses)]
            return Strike(status=status, headers=_HTML, body=b"<h1>Sorry</h1>", does_the_work=works and call.writes)

        return strike

    run = Run(world, "F11", f"5xx storm of {minutes} min, half committed", lasts=minutes * MINUTE, sweeps_every=30)
    run.strike = strikes()
    run.over = min(run.over, run.lasts)
    run.play(everything_sent=False)
    for connection in run.firm.connections:
        during = [calls for minute, calls in run.calls_a_minute(connection.company_id).items() if minute < minutes]
        assert max(during) <= 5, "an outage is left alone"
        assert sum(during) / minutes <= 4
    run.strike = strikes()
    run.play_naively()


@pytest.mark.parametrize("works", [True, False], ids=["committed", "not committed"])
def test_f12_the_same_stored_error_for_six_minutes(world, works):
    """Xero keeps an internal error under the key: it is no answer, and after the window nobody repeats it."""
    store = world.provider.sandbox

    def arm() -> None:
        store.faults.arm(
            {"provider": "xero", "call": "manualjournals", "do": "keep_500_after_commit" if works else "keep_500"}
        )

    run = Run(world, "F12", f"stored 500, {'committed' if works else 'not committed'}", lasts=10 * MINUTE, entries=4)
    run.also.append((0.0, arm))
    tally = run.play(everything_sent=False)
    assert (tally.refused, tally.unconfirmed > 0) == (0, True), "a person is asked, and nothing is taken for refused"


@pytest.mark.parametrize(
    ("what", "headers", "seconds", "only"),
    [
        ("Retry-After 1", (("Retry-After", "1"),), 1, ""),
        ("Retry-After 60", (("Retry-After", "60"), ("X-Rate-Limit-Problem", "minute")), 60, ""),
        ("Retry-After 66975, the day", (("Retry-After", "66975"), ("X-Rate-Limit-Problem", "day")), 66975, ""),
        ("no Retry-After", (), 60, ""),
        ("appminute", (("X-Rate-Limit-Problem", "appminute"),), 60, "xero"),
        ("concurrent", (("X-Rate-Limit-Problem", "concurrent"),), 5, "xero"),
    ],
    ids=["1 s", "60 s", "a day", "none", "app", "concurrent"],
)
def test_f13_a_429_stops_what_it_covers_for_as_long_as_it_says(world, what, headers, seconds, only):
    struck: dict[str, float] = {}
    run = Run(world, "F13", f"429, {what}", lasts=5 * MINUTE, entries=10)

    def strike(call: Call, at: float) -> Strike:
        if call.writes and call.tenant not in struck and (not only or call.provider == only):
            struck[call.tenant] = at
            return Strike(status=429, headers=(*_JSON, *headers))
        return UNHARMED

    run.strike = strike
    if seconds > 3600:
        run.begin()
        run._post(0)
        world.stage.run_until(BEGINS + timedelta(hours=18))
        for connection in run.firm.connections:
            calls = [at for at, call in world.provider.log if call.tenant == connection.company_id and call.writes]
            assert len(calls) == 1, "not before the time"
        world.stage.run_until(BEGINS + timedelta(seconds=seconds))
        assert world.run_until_quiet(_AT_REST_WITHIN) is not None
        board.add("F13", run.about, entries=invariants.check(world.provider, everything_sent=True).entries)
        return
    run.play()
    for tenant, at in struck.items():
        calls = [(when - BEGINS).total_seconds() for when, call in world.provider.log if call.tenant == tenant]
        early = [each for each in calls if at + run.latency < each < at + seconds]
        assert not early, "not before the time"
    spent = Connection.objects.filter(deliveries__failures__gt=0)
    assert not spent.exists(), "a 429 spends no retry budget"


MALFORMED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda body: b""),
    ("cut", lambda body: body[: len(body) // 2]),
    ("HTML", lambda body: b"<html>proxy</html>"),
    ("NaN", lambda body: b'{"time": NaN}'),
    ("wrong charset", lambda body: body.decode().encode("utf-16")),
    ("a list", lambda body: b"[]"),
    ("null", lambda body: b"null"),
    ("deep", lambda body: b"[" * 100_000),
    ("5 MB of spaces", lambda body: b" " * 5_000_000),
    ("foreign ids", lambda body: body.replace(b'"bId":"', b'"bId":"x').replace(b"ATH-", b"OTH-")),
]


@pytest.mark.parametrize(
    ("what", "mangle"),
    [
        pytest.param(what, mangle, id=what, marks=() if what in ("cut", "foreign ids") else LONG)
        for what, mangle in MALFORMED
    ],
)
def test_f14_an_answer_that_cannot_be_read_is_no_answer(world, what, mangle):
    def strike(call: Call, seconds: float) -> Strike:
        return Strike(mangle=mangle) if call.writes and seconds < 30 else UNHARMED

    tally = Run(world, "F14", f"answer: {what}", strike, entries=5, over=20).play()
    assert (tally.refused, tally.unconfirmed) == (0, 0)


@pytest.mark.parametrize("place", [pytest.param(0, marks=LONG), 2, pytest.param(4, marks=LONG)])
def test_f16_a_poisonous_entry_delays_no_other(world, place):
    """Its account is closed: it needs attention, with the provider's words; the others are there at once."""
    run = Run(world, "F15", f"one of five refused, the {place + 1}. of the batch", entries=0, lasts=30)
    run.begin()
    for connection in run.firm.connections:
        target = connection.mappings.select_related("target").get(account__number="4000").target
        company = companies.find_company(world.provider.sandbox.store, connection.provider_name, connection.company_id)
        companies.set_refusal(world.provider.sandbox.store, company, target.remote_id, companies.CLOSED)
    firm = run.firm
    from decimal import Decimal

    from ledger.posting import EntryDraft, EntryLine, post_entries

    drafts = []
    for number in range(5):
        credited = "4000" if number == place else "2100"
        lines = [
            EntryLine(firm.accounts["1100"], Decimal(number + 1), None),
            EntryLine(firm.accounts[credited], None, Decimal(number + 1)),
        ]
        drafts.append(EntryDraft(on=BEGINS.date(), memo="Batch", lines=lines, key=f"batch-{number}"))
    post_entries(firm.organization, drafts, actor=firm.owner)
    world.stage.run_until(BEGINS + timedelta(seconds=15))
    for connection in firm.connections:
        states = list(connection.queue.order_by("pk").values_list("state", flat=True))
        expected = ["sent"] * 5
        expected[place] = "needs_attention"
        assert states == expected
        assert connection.queue.needing_attention().get().provider_message
    tally = invariants.check(world.provider)
    board.add("F15", run.about, entries=tally.entries)
    board.add("F16", "poison in a batch: the others arrive within 15 s", entries=tally.entries)


@pytest.mark.parametrize("minutes_off", [-10, pytest.param(10, marks=LONG)])
def test_f18_a_workers_own_clock_decides_nothing(world, minutes_off, monkeypatch):
    """The replay window and the leases are the database's. What the process believes is wrong by minutes, and jumps."""
    import time as real_time

    from django.utils import timezone

    jump = iter([0, -3600, 3600] * 100_000)
    honest = real_time.time
    monkeypatch.setattr(real_time, "time", lambda: honest() + minutes_off * 60 + next(jump))
    monkeypatch.setattr(timezone, "now", lambda: BEGINS + timedelta(minutes=minutes_off))
    lost = share(LOST_REPLIES, 0.5)
    run = Run(world, "F18", f"worker's clock {minutes_off:+} min, jumping", lambda call, seconds: lost(call), entries=8)
    assert run.play().unconfirmed == 0


def test_f19_an_expired_token_is_refreshed_once_and_the_same_bytes_go_again(world):
    run = Run(world, "F19", "access token expires in mid-series, and 401s", entries=10)

    def expire() -> None:
        world.provider.sandbox.store.execute(
            "UPDATE tokens SET expires_at = ? WHERE kind = 'access'", world.provider.now()
        )

    run.also += [(30.0, expire), (120.0, expire)]
    run.play()
    refreshes = world.provider.calls["quickbooks", "token"], world.provider.calls["xero", "token"]
    assert max(refreshes) <= 2, "one for each expiry"
    keys = Counter(
        row["idempotency_key"]
        for row in world.provider.sandbox.store.rows("SELECT * FROM requests WHERE is_write AND status = 200")
    )
    assert max(keys.values()) == 1


def test_f20_the_naive_peer_refreshes_once_for_each_worker(world):
    """Ours is in test_processes.py, with sixteen threads and the real lock."""
    run = Run(world, "F20", "16 workers need a token at once", entries=16, over=0.0, lasts=60)
    run.begin()
    world.provider.sandbox.switches.turn({"quickbooks_parallel_refresh_kills": "on"})
    peers = [NaiveMirror(world, each) for each in run.firm.connections]
    for peer in peers:
        peer.tokens_expire_at = world.provider.now()
    Connection.objects.update(mirror_from=None)
    for number in range(run.entries):
        run._post_naively(peers, number)
    world.stage.run_until(BEGINS + timedelta(hours=6))
    for peer in peers:
        lost, doubled = peer.came_to()
        board.add("F20", run.about, NAIVE, entries=len(peer.entries), lost=lost, doubled=doubled)


def test_f23_every_task_comes_three_times_out_of_order_and_an_hour_late(world):
    def delivered() -> list[float]:
        return [20.0, 0.0, 3600.0]

    once = Run(world, "F23", "every task once", entries=10, over=100, lasts=200)
    once.play()
    calls = sum(call.writes for _, call in world.provider.log)
    run = Run(world, "F23", "every task 3 times, out of order, 1 h late", entries=10, over=100, lasts=4000)
    run.delivered = delivered
    run.play()
    assert sum(call.writes for _, call in world.provider.log) <= calls, "a repeated wake-up sends nothing"
    run.play_naively()


@LONG
def test_f25_switching_ten_times_a_second_in_mid_drain(world):
    run = Run(world, "F25", "modes switched 10 times a second", entries=30, over=60, lasts=120, latency=2.0)
    modes = [SyncMode.OFF, SyncMode.LIVE, SyncMode.BATCHED]
    quiet: list[invariants.Quiet] = []

    def switch(mode: SyncMode) -> None:
        schedule.set_mode(run.firm.organization, mode, actor=run.firm.owner)
        for stretch in quiet:
            stretch.ended = stretch.ended or world.stage.now
        if mode == SyncMode.OFF:
            quiet.append(invariants.Quiet(world.stage.now, list(run.firm.connections)))

    run.also += [(5 + step / 10, partial(switch, modes[step % 3])) for step in range(200)]
    run.also.append((30.0, partial(switch, SyncMode.LIVE)))
    run.play()
    invariants.check(world.provider, quiet=quiet, everything_sent=True)


def test_f27_only_what_was_committed_arrives(world):
    run = Run(world, "F27", "rolled back, savepoint rolled back, posted twice", entries=6, over=30, lasts=60)

    def roll_back() -> None:
        with transaction.atomic():
            run.firm.post(["666.00"], on=BEGINS.date())
            transaction.set_rollback(True)

    def roll_back_to_savepoint() -> None:
        with transaction.atomic():
            run.firm.post(["7.00"], on=BEGINS.date())
            point = transaction.savepoint()
            run.firm.post(["666.00"], on=BEGINS.date())
            transaction.savepoint_rollback(point)

    def enqueue_twice() -> None:
        from integrations.mirror import queue

        queue.enqueue(run.firm.organization, [QueueRow.objects.order_by("pk").first().entry])

    run.also += [(3.0, roll_back), (9.0, roll_back_to_savepoint), (15.0, enqueue_twice)]
    run.play()
    for connection in run.firm.connections:
        journals = world.provider.journals(connection.provider_name, connection.company_id)
        assert len(journals) == 7
        assert not [journal for journal in journals if any("666.00" in line.values() for line in journal["lines"])]
