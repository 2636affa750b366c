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
            "quick": "40 firms for a moment (B3), and beside a whale (B4)",
            "full": "200 firms (B3), and beside a whale (B4)",
            "scale": "200 firms for a quarter of an hour (B3), and five minutes beside a whale (B4)",
        }
    ),
    "drain": Part(
        {
            "quick": "the beginning of a backlog of 20,000 at each provider (B1, B2, B11)",
            "full": "backlogs of 20,000 at each provider, fixed and sliding windows, and a busy minute (B1, B2, B11)",
            "scale": "a hundred thousand entries through the same workers (B1, B2, B11)",
        },
        speed=4,
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
    "fairness": Part(
        {"quick": "20 firms and a whale (B7)", "full": "50 firms and a whale, four sends at a time (B7)"},
    ),
    "outage": Part(
        {
            "quick": "5 firms' provider away for ten minutes (B14)",
            "full": "10 firms' provider away for an hour (B14)",
            "scale": "50 firms' provider away for an hour (B14)",
        },
        speed=2,
    ),
}
