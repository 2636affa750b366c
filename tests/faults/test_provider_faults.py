"""H1 by the book: what is lost, late or broken between us and the providers, one kind at a time, in simulated time.

The naive peer goes through the same faults in the same run, where the table asks for it.
"""

import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import cycle

import pytest
import urllib3

from integrations.models import Attempt, Delivery, QueueRow
from integrations.providers import PROVIDERS
from tests.faults.simulated_runs import HTML, LOST_REPLIES, MINUTE, Run, Strikes, share
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long
LOST_IN_EACH_WAY = [*LOST_REPLIES, Strike(closed=True)]


@pytest.mark.parametrize("part", [pytest.param(0.01, marks=LONG), pytest.param(0.1, marks=LONG), 1.0])
def test_f08_replies_lost_after_the_commit_then_ten_minutes_of_outage(world, part):
    def strikes() -> Strikes:
        lost = share(LOST_IN_EACH_WAY, part)
        return lambda call, seconds: lost(call) if seconds < 4 * MINUTE else Strike(refused=True)

    about = f"reply lost, {part:.0%} of calls, then 10 min outage"
    run = Run(world, "F08", about, lasts=14 * MINUTE, entries=24)
    run.strike = strikes()
    tally = run.play(everything_sent=False)
    assert tally.refused == 0
    assert all(run.mended_at - first_sent_at > SENT_AGAIN_WITHIN for first_sent_at in given_up())
    run.strike = strikes()
    run.play_naively()


# For how long a repeat at Xero may begin, where the table has 300 s: the six minutes that a key is kept, less 25 s
# that a repeat may take to leave us, 120 s that Xero may work on it before it looks for the key, and 5 s to spare. A
# repeat that began within the 300 s was found to double (seed 3855).
SENT_AGAIN_WITHIN = timedelta(seconds=360 - 25 - 120 - 5)
# The last look that can save a send comes so long before its window ends; what ends in between may go either way.
NOTICED_BEFORE = timedelta(seconds=25)


@LONG
@pytest.mark.parametrize(
    ("outage", "gives_up"),
    [(SENT_AGAIN_WITHIN - NOTICED_BEFORE, False), (SENT_AGAIN_WITHIN, True)],
    ids=["noticed in time", "outlasts it"],
)
def test_f08_only_an_outage_that_outlasts_the_replay_window_leaves_anything_unconfirmed(world, outage, gives_up):
    """Each company's first call is done and its answer lost; from then on it can't be reached until the outage ends."""
    for seed in range(1, 13):
        began: dict[str, float] = {}
        lost = share(LOST_IN_EACH_WAY, 1.0, seed=seed)

        def strike(
            call: Call, seconds: float, lost: Callable[[Call], Strike] = lost, began: dict[str, float] = began
        ) -> Strike:
            if call.writes and call.tenant not in began:
                began[call.tenant] = seconds
                return lost(call)
            is_away = call.tenant in began and seconds - began[call.tenant] < outage.total_seconds()
            return Strike(refused=True) if is_away else UNHARMED

        about = f"reply lost, then {outage.total_seconds():.0f} s of outage"
        run = Run(world, "F08", about, strike, entries=4, over=30, seed=seed, sweeps_every=10)
        tally = run.play(everything_sent=not gives_up)
        assert (tally.unconfirmed > 0, tally.refused) == (gives_up, 0), f"seed {seed}"


def given_up() -> list[datetime]:
    """When the first byte of what was left to a person had left."""
    unconfirmed = Delivery.objects.filter(items__row__state=QueueRow.State.UNCONFIRMED).distinct()
    return list(unconfirmed.values_list("first_sent_at", flat=True))


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


# Each as urllib3 says it. Of none of these calls has a byte left.
NO_CONNECTION = [
    lambda: urllib3.exceptions.NewConnectionError(None, "Connection refused"),
    lambda: urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed certificate")),
    lambda: urllib3.exceptions.NameResolutionError("api.xero.test", None, socket.gaierror("Name or service not known")),
]


@pytest.mark.parametrize(
    ("what", "strikes", "outcome"),
    [
        ("refused, no TLS, no name", [Strike(refused=True, refusal=why) for why in NO_CONNECTION], "Unavailable"),
        ("dropped before the commit", [Strike(lost_on_the_way=True)], "OutcomeUnknown"),
    ],
    ids=["refused", "on the way"],
)
def test_f10_what_never_arrived_is_sent_again_under_the_same_key(world, what, strikes, outcome):
    """Where no byte left it is known that nothing was sent, and Xero's window begins with the first that does."""
    turns = cycle(strikes)
    run = Run(
        world, "F10", f"{what}, for 3 min", lambda call, _: next(turns) if call.writes else UNHARMED, lasts=180, over=60
    )
    tally = run.play()
    assert tally.unconfirmed == 0
    failed = Attempt.objects.exclude(outcome="answered")
    assert {attempt.outcome for attempt in failed} == {outcome}
    tried_again = Delivery.objects.filter(attempt_log__in=failed).distinct()
    assert tried_again.count() >= 2
    if outcome == "Unavailable":
        assert all(each.first_sent_at >= run.mended_at for each in tried_again)
    taken = world.provider.sandbox.store.rows("SELECT idempotency_key FROM requests WHERE is_write")
    keys = Delivery.objects.values_list("idempotency_key", flat=True)
    assert sorted(row["idempotency_key"] for row in taken) == sorted(keys), "each was taken once, under its first key"


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
