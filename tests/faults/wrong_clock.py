"""Celery with a clock that is wrong: `python -m tests.faults.wrong_clock SECONDS SECONDS ARGUMENTS…`.

The process believes itself so many seconds ahead, and half a minute later so many. Its own patience, by the monotonic
clock, is right.
"""

import datetime
import sys
import time

_Real, _real_time = datetime.datetime, time.time
_at_first, _later = map(float, sys.argv[1:3])
_JUMPS_AT = time.monotonic() + 30


def _ahead() -> float:
    return _at_first if time.monotonic() < _JUMPS_AT else _later


class _AnyMoment(type):
    """What C code makes is of the real class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Real)


class _WrongDatetime(_Real, metaclass=_AnyMoment):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return _Real.now(tz) + datetime.timedelta(seconds=_ahead())

    @classmethod
    def utcnow(cls) -> datetime.datetime:
        return cls.now(datetime.UTC).replace(tzinfo=None)


def main() -> None:
    # Before anything imports the names.
    datetime.datetime = _WrongDatetime  # type: ignore[misc]
    time.time = lambda: _real_time() + _ahead()
    sys.argv[1:3] = []
    from celery.__main__ import main as celery

    celery()


if __name__ == "__main__":
    main()
