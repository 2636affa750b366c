"""How fast a connection may send: evenly, at 59/60 of the provider's published limits, with its state in Postgres.

Even pacing just below the limit earns 98.3 % of it and no 429, for fixed and sliding windows alike; a burst earns
rejections for at most 1.7 % more.
"""

from datetime import datetime, timedelta
from fractions import Fraction

from integrations.models import Connection
from integrations.providers.base import Limits

_SHARE = Fraction(59, 60)


def interval(limits: Limits, entries: int) -> timedelta:
    """How long after a send of so many entries the next may start."""
    seconds = Fraction(60, limits.calls_per_minute)
    if limits.entries_per_minute:
        seconds = max(seconds, Fraction(60 * entries, limits.entries_per_minute))
    return timedelta(seconds=float(seconds / _SHARE))


def opens_at(connection: Connection, now: datetime) -> datetime:
    """The earliest moment at which this connection may send."""
    return max(filter(None, (now, connection.next_send_at, connection.slowed_until)))


def reserve(connection: Connection, now: datetime, entries: int) -> None:
    """Use the slot that is open now; the caller saves. An idle time earns no burst later."""
    connection.next_send_at = now + interval(connection.provider.limits, entries)
