"""The simulation has to be able to fail: each of these bugs, put in by hand, must break an invariant.

They are the bugs that naive mirrors have. One that is not found within so many seeds means that the simulation has
become too kind.
"""

import sys
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Exists

from integrations.mirror import claiming, deliveries, outcomes, probing, queue, sweeping
from integrations.models import Attempt, Connection, Delivery, QueueRow
from integrations.providers.base import Cause, Refused
from tests.simulation.simulation import SeedFailed, run_seed
from tests.simulation.world import World, simulated_world

_WITHIN_SEEDS = 250


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


def everything_in_an_answer_counts_as_sent(patch: pytest.MonkeyPatch) -> None:
    def park(row_ids: Any, refusal: Refused) -> None:
        queue._move(row_ids, QueueRow.State.SENDING, state=QueueRow.State.SENT, remote_id="1")

    patch.setattr(queue, "park", park)


def a_send_begins_although_the_mirror_was_switched_off(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deliveries, "Exists", lambda _rows: Exists(QueueRow.objects.none()))


def a_dead_workers_delivery_is_never_taken_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(claiming, "_is_free", lambda delivery, _now: delivery.leased_until is None)


def a_lost_wake_up_is_never_made_up_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeping, "wake_what_is_due", lambda: None)


def trouble_never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(probing, "settle_trouble", lambda _connection: None)


def a_failure_that_nobody_is_told_of(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outcomes.failures, "report", lambda _connection, _failed: None)


MUTATIONS = [
    a_new_key_for_each_try,
    a_repeat_after_the_provider_has_forgotten,
    an_unknown_outcome_taken_for_a_refusal,
    an_unknown_outcome_composed_anew,
    the_first_byte_is_forgotten,
    everything_in_an_answer_counts_as_sent,
    a_send_begins_although_the_mirror_was_switched_off,
    a_dead_workers_delivery_is_never_taken_over,
    a_lost_wake_up_is_never_made_up_for,
    trouble_never_ends,
    a_failure_that_nobody_is_told_of,
]


@pytest.mark.faults
@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_known_bug_is_found(mutation, tmp_path, monkeypatch):
    with simulated_world(str(tmp_path / "kms.key")) as world:
        mutation(monkeypatch)
        assert _first_to_fail(world)


def _first_to_fail(world: World) -> int:
    for seed in range(1, _WITHIN_SEEDS + 1):
        try:
            run_seed(world, seed)
        except SeedFailed as found:
            sys.stdout.write(f"{found}\n")
            return seed
    pytest.fail(f"Not found within {_WITHIN_SEEDS} seeds.")
