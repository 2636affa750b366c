"""What to do for a connection now: one short transaction that ends with a lease, a probe, or nothing.

Claiming by connection is what makes the mirror fair and flat in cost: a claim takes one connection's oldest rows,
however many wait behind them or elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from integrations import by_hand
from integrations.mapping import requirements
from integrations.mirror import deliveries, gates, outcomes, pacing, queue, schedule, waking
from integrations.mirror.crash_points import crash_point
from integrations.mirror.deliveries import Lease
from integrations.models import Connection, Delivery, ProviderGate

_PROBE_TAKES_AT_MOST = timedelta(seconds=30)


@dataclass(frozen=True)
class Claim:
    """At most one of `lease` and `probe`; and when it is worth looking at the connection again."""

    lease: Lease | None = None
    probe: Connection | None = None
    look_again_at: datetime | None = None


# A claim's statements are by hand: the ORM would take three times as long to write them as Postgres to answer.
_LOCKED = f"""
    SELECT {by_hand.columns(Connection, "connection")}, clock_timestamp() AS locked_at,
        gate.next_call_at AS gate_next_call_at, gate.closed_until AS gate_closed_until, {by_hand.PLANNED_BY_INDEX}
    FROM integrations_connection connection
    LEFT JOIN integrations_syncsettings settings ON settings.organization_id = connection.organization_id
    LEFT JOIN integrations_providergate gate ON gate.provider_name = connection.provider_name
    WHERE connection.id = %s AND connection.is_current AND connection.status = 'connected'
        AND connection.mirror_from IS NOT NULL
        AND settings.mode IS DISTINCT FROM 'off' AND settings.paused_at IS NULL
    FOR NO KEY UPDATE OF connection SKIP LOCKED
"""  # noqa: S608  # columns of ours
# One row for each open delivery, or one without any, and in each what is due.
_AT_HAND = """
    SELECT ARRAY({due} LIMIT {limit}) AS due_ids, open.id, open.connection_id, open.state, open.idempotency_key,
        open.sealed_at, open.settled_at, open.lease_token, open.leased_until, open.first_sent_at, open.rests_until,
        open.attempts, open.failures, open.next_attempt_at
    FROM (SELECT) AS always
    LEFT JOIN integrations_delivery open ON open.connection_id = %(connection)s AND open.state = 'open'
"""


@transaction.atomic(durable=True)
def claim(connection_id: UUID) -> Claim:
    """Whoever else is claiming for this connection has it locked, and will see what we would."""
    connection = next(iter(by_hand.instances(Connection, _LOCKED, [connection_id])), None)
    if connection is None:
        return Claim()
    now, gate = connection.locked_at, _gate_beside(connection)  # type: ignore[attr-defined]  # beside the row
    due_ids, deliveries_open = _at_hand(connection)
    deliveries_open = _give_up_replaying(deliveries_open, now)
    # Trouble is work too: a probe shows when it is over.
    if not (connection.troubled_since or deliveries_open or due_ids):
        return Claim()
    opens_at = max(pacing.opens_at(connection, now), connection.next_probe_at or now)
    if opens_at <= now:
        opens_at = gates.opens_at(gate, now)
    if opens_at > now:
        return _look_again(connection, opens_at, now)
    if connection.troubled_since:
        return _claim_probe(connection, gate, now)
    return _claim_delivery(connection, gate, due_ids, deliveries_open, now)


def _gate_beside(locked: Connection) -> ProviderGate:
    """What holds for its provider, read with it."""
    return ProviderGate(locked.provider_name, locked.gate_next_call_at, locked.gate_closed_until)  # type: ignore[attr-defined]


def _look_again(connection: Connection, at: datetime, now: datetime) -> Claim:
    """Ask for a wake-up then, once: each send ends with a look, and looks that ask again would only become more.

    One that comes a moment early asks once more, since it may be the very one that was asked for. What is further off
    is not asked for: the sweep looks before then.
    """
    if at - now >= settings.MIRROR_SWEEP_INTERVAL:
        return Claim()
    if connection.woken_for == at and at - now > waking.EARLY_AT_MOST:
        return Claim()
    connection.woken_for = at
    connection.save(update_fields=["woken_for"])
    return Claim(look_again_at=at)


def _claim_probe(connection: Connection, gate: ProviderGate, now: datetime) -> Claim:
    """One probe at a time: until this one has surely ended, nobody starts another."""
    if not gates.pass_through(gate, now):
        return Claim()
    connection.next_probe_at = now + _PROBE_TAKES_AT_MOST
    connection.save(update_fields=["next_probe_at"])
    return Claim(probe=connection)


def _claim_delivery(
    connection: Connection,
    gate: ProviderGate,
    due_ids: Sequence[int],
    deliveries_open: Sequence[Delivery],
    now: datetime,
) -> Claim:
    """What is due again goes before what is new."""
    due_again = [each for each in deliveries_open if _is_free(each, now) and _may_repeat(each, now)]
    if due_again:
        return _claim_again(min(due_again, key=lambda each: each.sealed_at), gate, due_ids, now)
    holds_until = _coalescing_until(connection, due_ids, now)
    if holds_until:
        return _look_again(connection, holds_until, now)
    if not _may_seal(connection, due_ids, deliveries_open, now):
        return Claim()
    return _claim_new(connection, gate, due_ids, now)


def _claim_again(delivery: Delivery, gate: ProviderGate, due_ids: Sequence[int], now: datetime) -> Claim:
    """As it was sealed."""
    connection = delivery.connection
    if not gates.pass_through(gate, now):
        return Claim()
    lease = deliveries.lease(delivery, now)
    _reserve(connection, len(lease.sealed.item_ids), due_ids, now)
    connection.save(update_fields=["next_send_at", "coalesce_until", "woken_for"])
    return _claimed(connection, lease, now)


def _claim_new(connection: Connection, gate: ProviderGate, due_ids: Sequence[int], now: datetime) -> Claim:
    targets = requirements.targets(connection)
    if targets is None or not gates.pass_through(gate, now):
        return Claim()
    size = pacing.batch_size(connection)
    composed = deliveries.compose(connection, queue.take(connection, due_ids[:size]), targets)
    if composed is None:
        # A whole batch was set aside, for an account whose target broke. What comes after it should not wait for that.
        return Claim(look_again_at=now if len(due_ids) > size else None)
    _reserve(connection, len(composed.drafted), due_ids, now)
    return _claimed(connection, deliveries.seal(connection, composed, now), now)


def _reserve(connection: Connection, entries: int, due_ids: Sequence[int], now: datetime) -> None:
    """Use the slot that is open now, and wake up for the next one while more is due; the caller saves."""
    pacing.reserve(connection, now, entries)
    connection.woken_for = connection.next_send_at if any(each >= connection.queue_from for each in due_ids) else None


def _claimed(connection: Connection, lease: Lease, now: datetime) -> Claim:
    gates.reserve(connection, now)
    crash_point("sealed")
    return Claim(lease, look_again_at=connection.woken_for)


def _at_hand(connection: Connection) -> tuple[Sequence[int], Sequence[Delivery]]:
    """The ids of what is due, one more than a batch holds to show whether another will follow; and the open deliveries,
    at most as many as may be in flight."""
    statement = _AT_HAND.format(due=schedule.DUE, limit=pacing.batch_size(connection) + 1)
    found = by_hand.instances(Delivery, statement, schedule.due_values(connection))
    for delivery in found:
        delivery.connection = connection
    return found[0].due_ids, [each for each in found if each.pk]  # type: ignore[attr-defined]  # beside the row


def _give_up_replaying(deliveries_open: Sequence[Delivery], now: datetime) -> Sequence[Delivery]:
    """The same without those that the provider would no longer recognise: these are left to a person, never sent again
    by themselves."""
    kept = []
    for delivery in deliveries_open:
        window, first = delivery.connection.replay_window, delivery.first_sent_at
        if window is not None and first and first < now - window and _is_free(delivery, now):
            outcomes.give_up_replaying(delivery)
        else:
            kept.append(delivery)
    return kept


def _is_free(delivery: Delivery, now: datetime) -> bool:
    """Nobody holds it, or the worker that held it is gone."""
    return delivery.leased_until is None or delivery.leased_until <= now


def _may_repeat(delivery: Delivery, now: datetime) -> bool:
    """A lease may end before the provider has surely finished with what its worker sent."""
    return delivery.next_attempt_at <= now and (delivery.rests_until is None or delivery.rests_until <= now)


def _coalescing_until(connection: Connection, due_ids: Sequence[int], now: datetime) -> datetime | None:
    """While the provider's day is running out, what is no full batch waits for company."""
    until = connection.coalesce_until
    return until if until and until > now and not _fills_a_batch(connection, due_ids) else None


def _fills_a_batch(connection: Connection, due_ids: Sequence[int]) -> bool:
    return len(due_ids) >= pacing.batch_size(connection)


def _may_seal(
    connection: Connection, due_ids: Sequence[int], deliveries_open: Sequence[Delivery], now: datetime
) -> bool:
    """Whether anything is due and nothing stands in the way of a new delivery."""
    if any(each.failures and _is_free(each, now) for each in deliveries_open):
        return False  # the provider is away; what it has already turned down is tried first
    if len(deliveries_open) >= connection.provider.limits.in_flight:
        return False  # those of unknown outcome count: however long an outage lasts, it leaves no more than these
    if any(not _is_free(each, now) for each in deliveries_open) and not _fills_a_batch(connection, due_ids):
        return False  # what comes meanwhile goes together once the answer is here
    return bool(due_ids)
