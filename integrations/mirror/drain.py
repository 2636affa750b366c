"""One pass over one connection: claim in a short transaction, send with none open, settle in another."""

import time
from datetime import timedelta
from uuid import UUID

from integrations.connections import tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import deliveries, outcomes, probing, waking
from integrations.mirror.claiming import claim
from integrations.mirror.crash_points import crash_point
from integrations.mirror.deliveries import Lease
from integrations.mirror.slow_lane import begin_call
from integrations.models import Attempt
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

# How soon after it was written down that bytes may leave, they leave.
_LEAVES_WITHIN = timedelta(seconds=5)


def run_pass(connection_id: UUID) -> bool:
    """Send at most one delivery of this connection, or probe once. True when something was sent or tried.

    May be called at any time, any number of times, by any number of workers.
    """
    claimed = claim(connection_id)
    crash_point("claimed")
    if claimed.look_again_at:
        # Before the send: where a provider answers slowly, the next delivery goes while this one is under way.
        waking.wake(connection_id, at=claimed.look_again_at)
    if claimed.lease:
        send(claimed.lease)
    elif claimed.probe:
        probing.probe(claimed.probe)
    return bool(claimed.lease or claimed.probe)


def send(lease: Lease) -> None:
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
    except (Unavailable, Misconfigured) as error:
        outcomes.try_later(lease, error)
    except KeyUnavailable as error:
        outcomes.try_later(lease, Unavailable(str(error)))
    except OutcomeUnknown:
        outcomes.hold_unknown(lease)
    except (TokenRejected, GrantLost, CompanyGone) as error:
        outcomes.stop_connection(lease, error)
    except Rejected as error:
        outcomes.refuse_whole(lease, error)
    else:
        if result is not None:
            outcomes.settle(lease, result)
    crash_point("settled")


def _attempt(lease: Lease, token: str) -> SendResult | None:
    """One try, written down before and after. None when it may not go any more, and no byte has left."""
    began = time.monotonic()
    attempt = deliveries.begin_attempt(lease)
    if attempt is None:
        outcomes.give_back(lease)
        return None
    crash_point("sending")
    try:
        if time.monotonic() - began > _LEAVES_WITHIN.total_seconds():
            # Another worker may have sent it since, and the provider forgotten it: a repeat would double.
            raise Unavailable("This worker was stopped before it could send.")
        begin_call()
        result = lease.delivery.connection.provider.send(token, lease.sealed)
    except ProviderError as error:
        _note_error(attempt, error)
        raise
    crash_point("answered")
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
