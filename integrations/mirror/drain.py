"""One pass over one connection: claim in a short transaction, send with none open, settle in another.

Claiming by connection is what makes it fair and flat in cost: a pass takes one connection's oldest rows, however many
wait behind them or elsewhere.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from integrations.clock import database_now
from integrations.connections import tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mapping import requirements
from integrations.mirror import deliveries, outcomes, pacing, queue, schedule, waking
from integrations.mirror.deliveries import Lease
from integrations.models import Attempt, Connection, Delivery
from integrations.providers.base import SendResult
from integrations.providers.errors import (
    CompanyGone,
    GrantLost,
    Misconfigured,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    TokenRejected,
    Unavailable,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """What a look at a connection found: a delivery to send, and when it is worth looking again."""

    lease: Lease | None = None
    look_again_at: datetime | None = None


def run_pass(connection_id: UUID) -> bool:
    """Send at most one delivery of this connection. True when one was sent or tried.

    May be called at any time, any number of times, by any number of workers.
    """
    claim = _claim(connection_id)
    if claim.look_again_at:
        # Before the send: where a provider answers slowly, the next delivery goes while this one is under way.
        waking.wake(connection_id, at=claim.look_again_at)
    if claim.lease is None:
        return False
    _send(claim.lease)
    return True


@transaction.atomic
def _claim(connection_id: UUID) -> Claim:
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
    opens_at = pacing.opens_at(connection, now)
    if opens_at > now:
        return Claim(look_again_at=opens_at if _has_work(connection) else None)
    delivery = _unfinished(connection, now) or _fresh(connection, now)
    if delivery is None:
        return Claim()
    pacing.reserve(connection, now, delivery.items.count())
    connection.save(update_fields=["next_send_at"])
    more = connection.next_send_at if _has_work(connection) else None
    return Claim(deliveries.lease(delivery, now), look_again_at=more)


def _has_work(connection: Connection) -> bool:
    return schedule.due_rows(connection).exists()


def _unfinished(connection: Connection, now: datetime) -> Delivery | None:
    """The oldest delivery that is due again: its time has come, or the worker that held it is gone."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    due = connection.deliveries.open().filter(free, next_attempt_at__lte=now).order_by("sealed_at")
    window = outcomes.replay_window(connection)
    for delivery in due:
        if window and delivery.first_sent_at and now > delivery.first_sent_at + window:
            outcomes.give_up_replaying(delivery)
        else:
            return delivery
    return None


def _fresh(connection: Connection, now: datetime) -> Delivery | None:
    """Seal what is due, if anything is and nothing stands in the way."""
    limits = connection.provider.limits
    in_flight = connection.deliveries.open().filter(leased_until__gt=now).count()
    if connection.deliveries.open().exclude(leased_until__gt=now).exists() or in_flight >= limits.in_flight:
        return None  # one open question at a time: an outage leaves a handful of unknown outcomes, not thousands
    due = schedule.due_rows(connection)
    if in_flight and due[: limits.batch_size].count() < limits.batch_size:
        return None  # what comes meanwhile goes together once the answer is here
    if not requirements.is_complete(connection):
        return None
    rows = queue.take(connection, due, limits.batch_size)
    return deliveries.seal(connection, rows) if rows else None


def _send(lease: Lease) -> None:
    """Send one sealed delivery. Known faults land on its rows; anything else is a bug, surfaces, and lets the lease
    run out."""
    connection = lease.delivery.connection
    try:
        token = tokens.access_token(connection)
        try:
            result = _attempt(lease, token)
        except TokenRejected:
            result = _attempt(lease, tokens.access_token(connection, refused=token))
    except RateLimited as error:
        outcomes.wait_for_room(lease, error)
    except (Unavailable, Misconfigured, KeyUnavailable) as error:
        outcomes.try_later(lease, _as_provider_error(error))
    except OutcomeUnknown:
        outcomes.hold_unknown(lease)
    except (TokenRejected, GrantLost, CompanyGone) as error:
        outcomes.stop_connection(lease, error)
    except Rejected as error:
        outcomes.refuse_whole(lease, error)
    else:
        if result is not None:
            outcomes.settle(lease, result)


def _attempt(lease: Lease, token: str) -> SendResult | None:
    """One try, written down before and after. None when the lease ran out before a byte left."""
    attempt = deliveries.begin_attempt(lease)
    if attempt is None:
        logger.warning("Delivery %s was not sent: its lease no longer covers a whole send.", lease.delivery.pk)
        return None
    try:
        result = lease.delivery.connection.provider.send(token, lease.delivery.as_sealed_send())
    except ProviderError as error:
        _note_error(attempt, error)
        raise
    deliveries.finish_attempt(attempt, "answered", http_status=result.http_status, request_id=result.request_id)
    return result


def _note_error(attempt: Attempt, error: ProviderError) -> None:
    deliveries.finish_attempt(
        attempt,
        type(error).__name__,
        http_status=error.http_status,
        request_id=error.request_id,
        provider_code=error.code,
        provider_message=error.message,
    )


def _as_provider_error(error: ProviderError | KeyUnavailable) -> ProviderError:
    return error if isinstance(error, ProviderError) else Unavailable(str(error))
