"""The parts of the bench, in the order they run. Each runs in a process and on servers of its own; see its module."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """`sizes` says what it does at each size; it is left out at those that are not there."""

    sizes: dict[str, str]
    speed: float = 1
    """How many times as fast clocks run (see `hurry`)."""


PARTS = {
    "live": Part(
        {
            "quick": "60 firms for half a minute (B3), and beside a whale (B4)",
            "full": "200 firms (B3), and beside a whale (B4)",
        }
    ),
    "drain": Part(
        {
            "quick": "a minute of a backlog of 20,000 at each provider (B1, B2)",
            "full": "a backlog of 20,000 at each provider, fixed and sliding windows (B1, B2)",
        },
        speed=5,
    ),
    "posting": Part(
        {"quick": "1 and 16 writers (B8)", "full": "1, 4 and 16 writers (B8)"},
    ),
    "queue": Part(
        {
            "quick": "claims and pages, 1,000 to 30,000 waiting rows (B5, B10)",
            "full": "claims and pages, 1,000 to 1,000,000 waiting rows of 200 firms (B5, B10)",
            "scale": "claims and pages, 1,000 to 1,000,000 waiting rows of 1,000 firms (B5, B10)",
        }
    ),
}
