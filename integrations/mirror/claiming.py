"""What to do for a connection now: one short transaction that ends with a lease, a probe, or nothing.

Claiming by connection is what makes the mirror fair and flat in cost: a claim takes one connection's oldest rows,
however many wait behind them or elsewhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from integrations.clock import database_now
from integrations.mapping import requirements
from integrations.mirror import deliveries, gates, outcomes, pacing, queue, schedule
from integrations.mirror.crash_points import crash_point
from integrations.mirror.deliveries import Lease
from integrations.models import Connection, Delivery
from integrations.models.delivery import DeliveryQuerySet

_PROBE_TAKES_AT_MOST = timedelta(seconds=30)


@dataclass(frozen=True)
class Claim:
    """At most one of `lease` and `probe`; and when it is worth looking at the connection again."""

    lease: Lease | None = None
    probe: Connection | None = None
    look_again_at: datetime | None = None


@transaction.atomic
def claim(connection_id: UUID) -> Claim:
    """Whoever else is claiming for this connection has it locked, and will see what we would."""
    connection = (
        Connection.objects.current()
        .connected()
        .select_for_update(skip_locked=True, of=("self",), no_key=True)
        .select_related("organization")
        .filter(pk=connection_id, mirror_from__isnull=False)
        .first()
    )
    if connection is None or not schedule.sends(connection.organization):
        return Claim()
    now = database_now()
    _give_up_replaying(connection, now)
    if not _has_work(connection):
        return Claim()
    opens_at = max(pacing.opens_at(connection, now), connection.next_probe_at or now)
    if opens_at <= now:
        opens_at = gates.opens_at(connection, now)
    if opens_at > now:
        return Claim(look_again_at=opens_at)
    if connection.troubled_since:
        return _claim_probe(connection, now)
    return _claim_delivery(connection, now)


def _has_work(connection: Connection) -> bool:
    """Trouble is work too: a probe shows when it is over."""
    if connection.troubled_since or connection.deliveries.open().exists():
        return True
    return schedule.due_rows(connection).exists()


def _claim_probe(connection: Connection, now: datetime) -> Claim:
    """One probe at a time: until this one has surely ended, nobody starts another."""
    connection.next_probe_at = now + _PROBE_TAKES_AT_MOST
    connection.save(update_fields=["next_probe_at"])
    return Claim(probe=connection)


def _claim_delivery(connection: Connection, now: datetime) -> Claim:
    delivery = _unfinished(connection, now)
    if delivery is None:
        holds_until = _coalescing_until(connection, now)
        if holds_until:
            return Claim(look_again_at=holds_until)
        delivery = _fresh(connection, now)
    if delivery is None:
        return Claim()
    pacing.reserve(connection, now, delivery.items.count())
    connection.save(update_fields=["next_send_at", "coalesce_until", "queue_from"])
    lease = deliveries.lease(delivery, now)
    more = connection.next_send_at if schedule.due_rows(connection).exists() else None
    gates.reserve(connection, now)
    crash_point("sealed")
    return Claim(lease, look_again_at=more)


def _give_up_replaying(connection: Connection, now: datetime) -> None:
    """Deliveries that the provider would no longer recognise are left to a person, never sent again by themselves."""
    window = outcomes.replay_window(connection)
    if window is None:
        return
    for delivery in _free(connection, now).filter(first_sent_at__lt=now - window):
        outcomes.give_up_replaying(delivery)


def _unfinished(connection: Connection, now: datetime) -> Delivery | None:
    """The oldest delivery that is due again: its time has come, or the worker that held it is gone."""
    return _free(connection, now).filter(next_attempt_at__lte=now).order_by("sealed_at").first()


def _free(connection: Connection, now: datetime) -> DeliveryQuerySet:
    return connection.deliveries.open().filter(Q(leased_until=None) | Q(leased_until__lte=now))


def _coalescing_until(connection: Connection, now: datetime) -> datetime | None:
    """While the provider's day is running out, what is no full batch waits for company."""
    until = connection.coalesce_until
    return until if until and until > now and not _fills_a_batch(connection) else None


def _fills_a_batch(connection: Connection) -> bool:
    size = pacing.batch_size(connection)
    return schedule.due_rows(connection).order_by("id")[size - 1 : size].exists()


def _fresh(connection: Connection, now: datetime) -> Delivery | None:
    """Seal what is due, if anything is and nothing stands in the way."""
    if _free(connection, now).filter(failures__gt=0).exists():
        return None  # the provider is away; what it has already turned down is tried first
    in_flight = connection.deliveries.open().filter(leased_until__gt=now).count()
    if in_flight >= connection.provider.limits.in_flight:
        return None
    if in_flight and not _fills_a_batch(connection):
        return None  # what comes meanwhile goes together once the answer is here
    if not requirements.is_complete(connection):
        return None
    rows = queue.take(connection, schedule.due_rows(connection), pacing.batch_size(connection))
    return deliveries.seal(connection, rows) if rows else None
