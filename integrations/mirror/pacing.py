"""How fast a connection may send: evenly, at 59/60 of the provider's published limits, with its state in Postgres.

Even pacing just below the limit earns 98.3 % of it and no 429, for fixed and sliding windows alike; a burst earns
rejections for at most 1.7 % more. Live sends at once when a company was idle and collects for a moment when it is busy.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache

from integrations.models import Connection
from integrations.providers.base import Limits

_SHARE = Fraction(59, 60)
_DAY = timedelta(days=1)
# While more than half of the day's calls are left, an entry goes as soon as it can.
_PLENTY = Fraction(1, 2)
_SMALLEST_BATCH, _GROWS_BY, _GROWS_AFTER = 5, 5, 20
# Of what a worker comes after its slot, so much does not move the next one (the tolerance of the generic cell rate
# algorithm). One sixtieth of a minute is what the even pace leaves free in any window, and the way to the provider
# needs the rest of it.
_LATE_AT_MOST = timedelta(milliseconds=400)
# A company that fills a tenth of a batch between two sends is busy: it may fill a whole one in the time that follows.
_BUSY_FROM, _BUSY_WAITS = Fraction(1, 10), timedelta(seconds=4)


def spacing(per_minute: int | Fraction) -> timedelta:
    """The time between calls of which so many a minute are allowed."""
    return timedelta(seconds=float(60 / (per_minute * _SHARE)))


@cache
def interval(limits: Limits, entries: int) -> timedelta:
    """How long after a send of so many entries the next may start."""
    by_calls = spacing(limits.calls_per_minute)
    if limits.entries_per_minute is None:
        return by_calls
    return max(by_calls, spacing(Fraction(limits.entries_per_minute, max(entries, 1))))


def opens_at(connection: Connection, now: datetime) -> datetime:
    """The earliest moment at which this connection may call."""
    return max(filter(None, (now, connection.next_send_at, connection.slowed_until)))


def reserve(connection: Connection, now: datetime, entries: int) -> None:
    """Use the slot that is open now; the caller saves. However long it was not used, it earns no burst later."""
    slot = max(connection.next_send_at or now, now - _LATE_AT_MOST)
    connection.next_send_at = slot + interval(connection.provider.limits, entries)
    is_busy = entries >= batch_size(connection) * _BUSY_FROM
    connection.coalesce_until = now + max(_widened(connection, now), _BUSY_WAITS if is_busy else timedelta())


def take_slots(connection: Connection, now: datetime, calls: int) -> datetime:
    """When so many calls, one after the other, may begin. Sends come after them; the caller saves."""
    begins_at = max(filter(None, (now, connection.next_send_at)))
    connection.next_send_at = begins_at + _takes(connection, calls)
    return begins_at


def holds_slots(connection: Connection, since: datetime, calls: int) -> bool:
    """Whether the slots that `take_slots` gave from that moment on are still nobody else's."""
    return connection.next_send_at == since + _takes(connection, calls)


def _takes(connection: Connection, calls: int) -> timedelta:
    return calls * spacing(connection.provider.limits.calls_per_minute)


def note_allowance(connection: Connection, calls_left: int | None, now: datetime) -> None:
    """Take down how many calls the provider says are left today; the caller saves.

    The providers' days begin at moments of their own: a number that went up shows that one has.
    """
    if calls_left is None:
        return
    if connection.calls_left_today is None or calls_left > connection.calls_left_today:
        connection.day_allowance, connection.day_began_at = calls_left, now
    connection.calls_left_today = calls_left


def is_widened(connection: Connection, now: datetime) -> bool:
    """Whether Live waits longer between sends than it would, to make the day's calls last."""
    return _widened(connection, now) > timedelta()


def _widened(connection: Connection, now: datetime) -> timedelta:
    """How long after a send the next one that is not full waits: what is left of the day shared among its calls."""
    left, allowance, began = connection.calls_left_today, connection.day_allowance, connection.day_began_at
    if left is None or not allowance or began is None or left > allowance * _PLENTY:
        return timedelta()
    rest_of_day = max(began + _DAY - now, timedelta(minutes=1))
    return rest_of_day / max(left, 1)


def batch_size(connection: Connection) -> int:
    """How many entries go in one send: the provider's limit, fewer while its answers came too late."""
    return connection.batch_size or connection.provider.limits.batch_size


def shrink_batches(connection: Connection) -> None:
    """An answer did not come in time; the caller saves. A smaller batch is sooner done."""
    connection.batch_size = max(_SMALLEST_BATCH, batch_size(connection) // 2)
    connection.clean_sends = 0


def note_answer(connection: Connection) -> None:
    """An answer came in time; the caller saves. Enough of them make batches larger again."""
    if connection.batch_size is None:
        return
    connection.clean_sends += 1
    if connection.clean_sends < _GROWS_AFTER:
        return
    connection.clean_sends = 0
    grown = connection.batch_size + _GROWS_BY
    connection.batch_size = grown if grown < connection.provider.limits.batch_size else None
