"""The simulation has to be able to fail: each of these bugs, put in by hand, must break an invariant.

They are the bugs that naive mirrors have. One that is not found within so many seeds means that the simulation has
become too kind.
"""

import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from integrations.mirror import claiming, deliveries, drain, outcomes, probing, queue, schedule, sweeping
from integrations.models import Attempt, Connection, Delivery, QueueRow, SyncMode
from integrations.providers.base import Cause, Refused
from tests.simulation import invariants
from tests.simulation.invariants import Broken, Quiet
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.simulation import SeedFailed, run_seed
from tests.simulation.world import BEGINS, World, simulated_world

_WITHIN_SEEDS = 600


def a_new_key_for_each_try(patch: pytest.MonkeyPatch) -> None:
    sealed_send = deliveries._sealed_send

    def with_another_key(delivery: Delivery, items: Any) -> Any:
        return replace(sealed_send(delivery, items), idempotency_key=uuid.uuid4().hex)

    patch.setattr(deliveries, "_sealed_send", with_another_key)


def a_repeat_after_the_provider_has_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Connection, "replay_window", None)


def an_unknown_outcome_taken_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    @transaction.atomic
    def refuse(lease: deliveries.Lease) -> None:
        delivery = outcomes._held(lease)
        if delivery is not None:
            outcomes._park_whole(delivery, Refused("", Cause.OTHER, "500", "It did not work."))

    patch.setattr(outcomes, "hold_unknown", refuse)


def an_unknown_outcome_composed_anew(patch: pytest.MonkeyPatch) -> None:
    """What became of it is not known, so let us send it again: the naive retry."""

    @transaction.atomic
    def put_back(lease: deliveries.Lease) -> None:
        delivery = outcomes._held(lease)
        if delivery is not None:
            queue.put_back(delivery.connection, [item.row_id for item in delivery.items.in_doubt()])
            outcomes._close(delivery)

    patch.setattr(outcomes, "hold_unknown", put_back)


def the_first_byte_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Each try counts the replay window anew."""
    begin = deliveries.begin_attempt

    def begin_attempt(lease: deliveries.Lease) -> Attempt | None:
        Delivery.objects.filter(pk=lease.delivery.pk).update(first_sent_at=None)
        return begin(lease)

    patch.setattr(deliveries, "begin_attempt", begin_attempt)


def a_bare_503_starts_the_window_anew(patch: pytest.MonkeyPatch) -> None:
    """As if it always meant what it says: that nothing was written."""

    class NeverRaised(Exception):
        pass

    patch.setattr(outcomes, "SaysUnavailable", NeverRaised)


def everything_in_an_answer_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    def park(row_ids: Any, refusal: Refused) -> None:
        queue._move(row_ids, QueueRow.State.SENDING, state=QueueRow.State.SENT, remote_id="1")

    patch.setattr(queue, "park", park)


def a_send_begins_although_the_mirror_was_switched_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliveries, "_BEGIN", deliveries._BEGIN.replace("settings.mode IS DISTINCT FROM 'off'", "true"))


def a_dead_workers_delivery_is_never_taken_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claiming, "_is_free", lambda delivery, _now: delivery.leased_until is None)


def a_lost_wake_up_is_never_made_up_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeping, "wake_what_is_due", lambda: None)


def trouble_never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(probing, "settle_trouble", lambda _connection: None)


def a_failure_that_nobody_is_told_of(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outcomes.failures, "report", lambda _connection, _failed: None)


# Histories that the dice hit on too rarely ----------------------------------------------------------------------------


def switched_off_between_claim_and_send(world: World) -> None:
    world.begin(1)
    firm, [connection, *_] = world.firms[0], world.firms[0].connections
    world.stage.move_to(BEGINS + timedelta(minutes=1))  # the reading of the chart has taken its slots
    firm.post(["1.00"], on=BEGINS.date())
    lease = claiming.claim(connection.pk).lease
    assert lease is not None
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    world.stage.move_to(world.stage.now + timedelta(seconds=1))
    quiet = Quiet(world.stage.now - timedelta(milliseconds=1), [connection])
    drain.send(lease)
    invariants._check_quiet(world.provider, [quiet])


def a_gateway_that_says_503_of_what_was_done_for_eight_minutes(world: World) -> None:
    world.begin(1)
    answer = Strike(status=503, body=b"<h1>Sorry</h1>", does_the_work=True)

    def strike(call: Call) -> Strike:
        return answer if call.writes and world.stage.now < BEGINS + timedelta(minutes=8) else UNHARMED

    world.provider.strike = strike
    world.firms[0].post(["1.00"], on=BEGINS.date())
    assert world.run_until_quiet(timedelta(hours=1)) is not None
    invariants.check(world.provider)


FOUND_BY: dict[Callable[[pytest.MonkeyPatch], None], int | Callable[[World], None]] = {
    a_new_key_for_each_try: 14,
    a_repeat_after_the_provider_has_forgotten: 38,
    an_unknown_outcome_taken_for_a_refusal: 2,
    an_unknown_outcome_composed_anew: 14,
    the_first_byte_is_forgotten: 496,
    everything_in_an_answer_counts_as_sent: 439,
    a_send_begins_although_the_mirror_was_switched_off: switched_off_between_claim_and_send,
    a_dead_workers_delivery_is_never_taken_over: 34,
    a_lost_wake_up_is_never_made_up_for: 7,
    trouble_never_ends: 2,
    a_failure_that_nobody_is_told_of: 38,
    a_bare_503_starts_the_window_anew: a_gateway_that_says_503_of_what_was_done_for_eight_minutes,
}
"""Each bug, and the seed or the history that finds it. A seed that no longer does is made up for by the first that
does."""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_known_bug_is_found(tmp_path):
    with simulated_world(str(tmp_path / "kms.key")) as world:
        for bug, finder in FOUND_BY.items():
            with pytest.MonkeyPatch.context() as patch:
                bug(patch)
                if isinstance(finder, int):
                    _expect_found(world, bug.__name__, finder)
                else:
                    with pytest.raises(Broken):
                        finder(world)
        for finder in FOUND_BY.values():
            if not isinstance(finder, int):
                finder(world)  # without its bug, nothing is wrong with it


def _expect_found(world: World, bug: str, pinned: int) -> None:
    for seed in (pinned, *range(1, _WITHIN_SEEDS + 1)):
        try:
            run_seed(world, seed)
        except SeedFailed:
            if seed != pinned:
                sys.stdout.write(f"{bug}: seed {pinned} no longer finds it, {seed} does.\n")
            return
    pytest.fail(f"{bug} is not found within {_WITHIN_SEEDS} seeds.")
