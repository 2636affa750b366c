"""Moments, intervals and counts in words."""

from datetime import timedelta

from athenty.organizations.moments import clock, day, local, moment, short_date, short_time, today

__all__ = ["clock", "counted", "day", "interval", "local", "moment", "short_date", "short_time", "today"]


def interval(length: timedelta) -> str:
    """A setting's interval as people say it: "4 hours", "30 minutes", "15 seconds"."""
    seconds = int(length.total_seconds())
    for size, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            return counted(seconds // size, word)
    raise AssertionError("one second divides every whole number of seconds")


def counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
