"""Asking, harmlessly, whether a provider is back: a read of the company's settings, never of its books."""

import random
from datetime import datetime, timedelta

from integrations.backoff import doubled
from integrations.clock import database_now
from integrations.connections import disconnect, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import deliveries, gates, queue, waking
from integrations.mirror.slow_lane import begin_call
from integrations.models import Connection, Delivery
from integrations.providers.base import Cause
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, RateLimited, TokenRejected

_FIRST, _LONGEST = timedelta(seconds=15), timedelta(seconds=60)
_COUNTED = 10
_JITTER = random.SystemRandom()


def probe(connection: Connection) -> None:
    """One call with no transaction open. An answer lets the connection send again; none asks again later."""
    try:
        _ask(connection)
    except (GrantLost, CompanyGone, TokenRejected) as error:
        disconnect.stop(connection.pk, error)
    except RateLimited as error:
        gates.slow_down(connection, error)
        _ask_again(connection, database_now() + error.retry_after)  # it answers, and says when
    except (ProviderError, KeyUnavailable):
        _ask_again(connection, next_probe_at(connection, database_now()))
    else:
        settle_trouble(connection)
        waking.wake_on_commit(connection.pk)


def next_probe_at(connection: Connection, now: datetime) -> datetime:
    """The wait before the next probe grows each time until a send is answered; the caller saves that it grew.

    A probe that is answered while sends are not would else start it over, again and again. It ends before the provider
    forgets what was sent, so that an outage which is over by then leaves nothing to a person.
    """
    longest = doubled(_FIRST, connection.failed_probes, at_most=_LONGEST)
    connection.failed_probes = min(connection.failed_probes + 1, _COUNTED)
    at = now + longest * (0.5 + _JITTER.random() / 2)
    first_sent = Delivery.objects.open().filter(connection=connection).values_list("first_sent_at", flat=True)
    return deliveries.before_forgotten(connection, first_sent, at, now)


def settle_trouble(connection: Connection) -> None:
    """The provider answers this company again."""
    troubled = Connection.objects.filter(pk=connection.pk, troubled_since__isnull=False)
    if connection.troubled_since and troubled.update(troubled_since=None, next_probe_at=None):
        queue.release(connection, Cause.UNAVAILABLE)
    gates.note_success(connection)


def _ask(connection: Connection) -> None:
    token = tokens.access_token(connection)
    begin_call()
    try:
        connection.provider.company(token, connection.company)
    except TokenRejected:
        token = tokens.access_token(connection, refused=token)
        connection.provider.company(token, connection.company)


def _ask_again(connection: Connection, at: datetime) -> None:
    Connection.objects.filter(pk=connection.pk).update(next_probe_at=at, failed_probes=connection.failed_probes)
    waking.wake(connection.pk, at=at)
