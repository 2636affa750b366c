"""An answer becomes a state. Each function is one short transaction, fenced by the lease token.

The rule above all others: an unknown outcome is never turned into a refusal, by age or by count.
"""

import logging
import random
from datetime import datetime, timedelta
from typing import TypeGuard

from django.db import transaction
from django.db.models import prefetch_related_objects

from integrations.backoff import doubled
from integrations.clock import database_now
from integrations.connections import disconnect as disconnecting
from integrations.connections import tokens
from integrations.mapping import chart
from integrations.mirror import failures, gates, pacing, probing, queue, schedule, waking
from integrations.mirror.crash_points import crash_point
from integrations.mirror.deliveries import Lease, before_forgotten
from integrations.models import Connection, Delivery, QueueRow
from integrations.providers.base import Accepted, Cause, NotWritten, Outcome, Refused, SendResult
from integrations.providers.errors import (
    CompanyGone,
    GrantLost,
    ProviderError,
    RateLimited,
    SaysUnavailable,
    TokenRejected,
)

logger = logging.getLogger(__name__)

# Both have to be spent: the first attempts follow one another closely, and a short outage is nobody's business.
RETRY_BUDGET, RETRY_FOR = 8, timedelta(hours=1)
_FIRST_BACKOFF, _LONGEST_BACKOFF = timedelta(seconds=5), timedelta(minutes=15)
_JITTER = random.SystemRandom()
_NEVER_LEARNED = "It was sent, and the provider's answer never arrived."


@transaction.atomic
def settle(lease: Lease, result: SendResult) -> None:
    """Every entry by its own answer. What the answer leaves in doubt stays in the delivery, to be sent again.

    Entries that were turned away stay with it, since the same bytes may yet write them; without doubt they wait anew.
    """
    delivery = _held(lease)
    if delivery is None:
        return
    # Of a delivery sent again, what was answered for before is settled, whatever a repeat says: unless the repeat, made
    # for the sake of another entry, has now written what was refused.
    before = {item.item_id: item for item in delivery.items.select_related("row")}
    refused_before = {
        item.item_id: item.row_id for item in before.values() if item.row.state == QueueRow.State.NEEDS_ATTENTION
    }
    late = {refused_before[o.item_id]: o.remote_id for o in result.outcomes if _is_late(o, refused_before)}
    items = {item_id: item for item_id, item in before.items() if item.row.state == QueueRow.State.SENDING}
    answers = [outcome for outcome in result.outcomes if outcome.item_id in items]
    accepted = {items[o.item_id].row_id: o.remote_id for o in answers if isinstance(o, Accepted)}
    refusals = [o for o in answers if isinstance(o, Refused)]
    queue.settle_sent(accepted)
    queue.settle_late(late)
    crash_point("settling")
    for refusal in refusals:
        queue.park([items[refusal.item_id].row_id], refusal)
    if refusals:
        prefetch_related_objects(list(items.values()), "row__entry")
        refused = [(items[refusal.item_id].row.entry.number, refusal.code, refusal.message) for refusal in refusals]
        failures.report(delivery.connection, refused)
    if any(refusal.cause == Cause.ACCOUNT for refusal in refusals):
        # A refusal that blames an account means that our picture of the chart is stale.
        chart.ask_for_reading(delivery.connection)
    _note_answer(delivery.connection, result, sent=len(accepted) + len(late))
    turned_away = {items[o.item_id].row_id: o.error for o in answers if isinstance(o, NotWritten)}
    answered = {o.item_id for o in answers if isinstance(o, Accepted | Refused | NotWritten)}
    if items.keys() - answered:
        _let_go(delivery, _replay_at(delivery))
    else:
        queue.put_back(delivery.connection, turned_away)
        _close(delivery)
    for error in {type(error): error for error in turned_away.values()}.values():
        _heed(delivery.connection, error)


def _is_late(outcome: Outcome, refused_before: dict[str, int]) -> TypeGuard[Accepted]:
    return isinstance(outcome, Accepted) and outcome.item_id in refused_before


@transaction.atomic
def refuse_whole(lease: Lease, error: ProviderError) -> None:
    """The call itself was understood and refused, and nothing of it was written."""
    delivery = _held(lease)
    if delivery is not None:
        _park_whole(delivery, Refused("", Cause.OTHER, error.code, error.message or str(error)))


@transaction.atomic
def try_later(lease: Lease, error: ProviderError) -> None:
    """Nothing was written this time, as far as can be told. Backoff with full jitter, until the retry budget is spent.

    A bare 503 does not tell for sure. Its delivery keeps the moment of its first byte, and with it its replay window:
    it goes on as one in doubt does, and never under a new key.
    """
    delivery = _held(lease)
    if delivery is None:
        return
    delivery.failures += 1
    if isinstance(error, SaysUnavailable):
        delivery.rests_until = None  # it has answered, and works on it no more
    else:
        _forget_unwritten(delivery, lease)
    now = database_now()
    is_spent = delivery.failures >= RETRY_BUDGET and now - delivery.sealed_at >= RETRY_FOR
    if is_spent and delivery.first_sent_at is None:
        # It lifts itself: the first probe that is answered lets these entries go again.
        _park_whole(delivery, Refused("", Cause.UNAVAILABLE, error.code, error.message or str(error)))
        _begin_trouble(delivery.connection, now)
        gates.note_failure(delivery.connection, now)
    else:
        longest = doubled(_FIRST_BACKOFF, delivery.failures - 1, at_most=_LONGEST_BACKOFF)
        delivery.save(update_fields=["failures"])  # counts among those that fail
        closed_until = gates.note_failure(delivery.connection, now)
        again_at = now + longest * _JITTER.random()
        again_at = before_forgotten(delivery.connection, [delivery.first_sent_at], again_at, now)
        _let_go(delivery, min(again_at, closed_until) if closed_until else again_at)


@transaction.atomic
def wait_for_room(lease: Lease, error: RateLimited) -> None:
    """A 429 wrote nothing and spends no retry budget. What its limit covers waits as long as it was told."""
    delivery = _held(lease)
    if delivery is None:
        return
    _forget_unwritten(delivery, lease)
    _let_go(delivery, gates.slow_down(delivery.connection, error))


@transaction.atomic
def hold_unknown(lease: Lease) -> None:
    """It may have been written: once the provider is back, and surely has finished with the first, the same bytes go
    again. Until it is back nothing new goes, so that an outage leaves a handful of unknown outcomes, not thousands."""
    delivery = _held(lease)
    if delivery is None:
        return
    now = database_now()
    _let_go(delivery, _replay_at(delivery))
    pacing.shrink_batches(delivery.connection)
    _begin_trouble(delivery.connection, now)
    gates.note_failure(delivery.connection, now)


@transaction.atomic
def give_back(lease: Lease) -> None:
    """It was not sent after all: whoever may send it next need not wait for the lease to run out."""
    delivery = _held(lease)
    if delivery is not None:
        _forget_unwritten(delivery, lease)
        _let_go(delivery, database_now())


@transaction.atomic
def stop_connection(lease: Lease, error: GrantLost | CompanyGone | TokenRejected) -> None:
    """The grant or the company is gone: nothing was written, everything waits for a person to reconnect."""
    delivery = _held(lease)
    if delivery is None:
        return
    _forget_unwritten(delivery, lease)
    _let_go(delivery, database_now())
    disconnecting.stop(delivery.connection_id, error)


@transaction.atomic
def give_up_replaying(delivery: Delivery) -> None:
    """The provider no longer recognises a repeat, so a repeat could double: only a person can say what happened."""
    doubtful = list(delivery.items.in_doubt().select_related("row__entry"))
    queue.leave_unconfirmed([item.row_id for item in doubtful])
    failures.report(delivery.connection, [(item.row.entry.number, "unconfirmed", _NEVER_LEARNED) for item in doubtful])
    _close(delivery)


def _held(lease: Lease) -> Delivery | None:
    """The delivery, if this lease still holds it; else another worker has it, and its answer is the one.

    Locks the connection first, as a claim does, so that the two never wait for each other.
    """
    connection = Connection.objects.select_for_update(no_key=True).get(pk=lease.delivery.connection_id)
    held = Delivery.objects.open().filter(pk=lease.delivery.pk, lease_token=lease.token).defer("body")
    delivery = held.select_for_update(no_key=True).first()
    if delivery is None:
        logger.warning("Delivery %s is no longer held by this worker; its answer is dropped.", lease.delivery.pk)
        return None
    delivery.connection = connection
    return delivery


def _forget_unwritten(delivery: Delivery, lease: Lease) -> None:
    """This attempt wrote nothing. If it was the first to send, the replay window has not begun."""
    delivery.rests_until = None
    if lease.delivery.first_sent_at is None:
        delivery.first_sent_at = None


def _replay_at(delivery: Delivery) -> datetime:
    """Each send begins a rest of its own: a repeat may be at work for as long as the first."""
    now = database_now()
    return max(now + _FIRST_BACKOFF, delivery.rests_until or now)


def _let_go(delivery: Delivery, next_attempt_at: datetime) -> None:
    delivery.lease_token = delivery.leased_until = None
    delivery.next_attempt_at = next_attempt_at
    delivery.save(
        update_fields=["lease_token", "leased_until", "next_attempt_at", "first_sent_at", "rests_until", "failures"]
    )
    waking.wake_at_on_commit(delivery.connection_id, next_attempt_at)


def _close(delivery: Delivery) -> None:
    delivery.state, delivery.settled_at = Delivery.State.SETTLED, database_now()
    delivery.lease_token = delivery.leased_until = None
    delivery.save(update_fields=["state", "settled_at", "lease_token", "leased_until"])
    _look_for_more(delivery.connection, delivery.settled_at)


def _look_for_more(connection: Connection, now: datetime) -> None:
    """At the next slot, where more is due. A look that was asked for then may have come while this transaction held
    the connection, and have gone: it passes over what is locked."""
    is_to_come = connection.woken_for is not None and connection.woken_for - now > waking.EARLY_AT_MOST
    if not is_to_come and schedule.is_any_due(connection):
        waking.wake_at_on_commit(connection.pk, pacing.opens_at(connection, now))


def _park_whole(delivery: Delivery, refusal: Refused) -> None:
    items = list(delivery.items.in_doubt().select_related("row__entry"))
    queue.park([item.row_id for item in items], refusal)
    failures.report(delivery.connection, [(item.row.entry.number, refusal.code, refusal.message) for item in items])
    _close(delivery)


def _heed(connection: Connection, error: ProviderError) -> None:
    """What an answer about single entries says of their connection."""
    now = database_now()
    if isinstance(error, RateLimited):
        waking.wake_at_on_commit(connection.pk, gates.slow_down(connection, error))
    elif isinstance(error, GrantLost | CompanyGone):
        disconnecting.stop(connection.pk, error)
    else:
        if isinstance(error, TokenRejected):
            tokens.distrust(connection)
        _begin_trouble(connection, now)
        gates.note_failure(connection, now)


def _begin_trouble(connection: Connection, now: datetime) -> None:
    if connection.troubled_since is None:
        connection.troubled_since = now
        connection.next_probe_at = probing.next_probe_at(connection, now)
    connection.save(update_fields=["troubled_since", "failed_probes", "next_probe_at", "batch_size", "clean_sends"])
    waking.wake_at_on_commit(connection.pk, connection.next_probe_at or now)


def _note_answer(connection: Connection, result: SendResult, *, sent: int) -> None:
    now = database_now()
    pacing.note_answer(connection)
    pacing.note_allowance(connection, result.calls_left_today, now)
    connection.failed_probes = 0
    if sent:
        connection.last_sync_at = now
    connection.save(
        update_fields=[
            "batch_size",
            "clean_sends",
            "calls_left_today",
            "day_allowance",
            "day_began_at",
            "failed_probes",
            "last_sync_at",
        ]
    )
    probing.settle_trouble(connection)
