"""H1 by the book: what is lost, late or broken between us and the providers, one kind at a time, in simulated time.

The naive peer goes through the same faults in the same run, where the table asks for it.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.providers import PROVIDERS
from tests.faults.simulated_runs import HTML, LOST_REPLIES, MINUTE, Run, Strikes, share
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long


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


def test_f09_a_repeat_may_be_at_work_for_as_long_as_the_first(world):
    """Found by seed 7540: it rested after the first send alone."""
    sends = Counter()

    def strike(call: Call, seconds: float) -> Strike:
        if not call.writes:
            return UNHARMED
        sends[call.tenant] += 1
        return {1: Strike(lost_on_the_way=True), 2: Strike(commits_after=118.0)}.get(sends[call.tenant], UNHARMED)

    Run(world, "F09", "committed 118 s after the repeat broke", strike, entries=1).play()


def test_f09_a_repeat_may_be_at_work_until_its_key_is_forgotten(world):
    """Found by seed 3855: a repeat that left within the five minutes was written after the six."""
    sends = Counter()

    def strike(call: Call, seconds: float) -> Strike:
        if not call.writes:
            return Strike(refused=True) if 0 < seconds < 280 else UNHARMED
        sends[call.tenant] += 1
        return {1: Strike(reset=True), 2: Strike(commits_after=118.0)}.get(sends[call.tenant], UNHARMED)

    Run(world, "F09", "a late repeat, committed 118 s after", strike, entries=1, lasts=480).play(everything_sent=False)


def test_f09_would_notice_a_repeat_that_comes_too_soon(world, monkeypatch):
    """Intuit works on a call for up to 120 seconds; the repeat has to wait for longer than that."""
    quickbooks = PROVIDERS["quickbooks"]
    monkeypatch.setattr(type(quickbooks), "limits", replace(quickbooks.limits, rest_after_unknown=timedelta(seconds=5)))
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
            return Strike(status=status, headers=HTML, body=b"<h1>Sorry</h1>", does_the_work=works and call.writes)

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
