"""How long to wait after failures in a row."""

from datetime import timedelta

# Beyond so many doublings any wait of ours has reached its longest, and numbers would grow past what a date holds.
_DOUBLED_AT_MOST = 20


def doubled(first: timedelta, times: int, *, at_most: timedelta) -> timedelta:
    """The first wait doubled so often, however often that is."""
    return min(first * 2 ** min(times, _DOUBLED_AT_MOST), at_most)
