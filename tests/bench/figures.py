"""What a benchmark found, and whether that is good enough. Plain arithmetic, tested in test_figures.py."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed (nearest rank): p99 is share 0.99."""
    ordered = sorted(values)
    rank = math.ceil(share * len(ordered) - 1e-9)  # 0.07 * 100 is a little more than 7
    return ordered[max(rank, 1) - 1]


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all have the same, 1/n when one has everything."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


@dataclass(frozen=True)
class Goal:
    """`bound` holds for the figure itself, or for its ratio to the peer's where `of_ratio`."""

    relation: str
    bound: float
    of_ratio: bool = False

    def holds(self, figure: float) -> bool:
        return figure <= self.bound if self.relation == "≤" else figure >= self.bound

    def __str__(self) -> str:
        return f"{'× ' if self.of_ratio else ''}{self.relation} {self.bound:g}"


def at_most(bound: float, *, of_ratio: bool = False) -> Goal:
    return Goal("≤", bound, of_ratio)


def at_least(bound: float, *, of_ratio: bool = False) -> Goal:
    return Goal("≥", bound, of_ratio)


@dataclass(frozen=True)
class Figure:
    """One line of the table. `peer_value` is None where a figure has no peer, `goal` where it is only told.

    `spoiled_by` says what went wrong in the run that made it: a doubled or lost entry, a 429. It then counts nothing.
    `worst` is the worst of the repeats or windows whose median `value` is.
    """

    benchmark: str
    about: str
    value: float
    unit: str = ""
    peer: str = ""
    peer_value: float | None = None
    goal: Goal | None = None
    worst: float | None = None
    spoiled_by: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if self.peer_value is None:
            return None
        return self.value / self.peer_value if self.peer_value else math.inf

    @property
    def judged(self) -> float:
        """What the goal is about."""
        return self.ratio if self.goal and self.goal.of_ratio and self.ratio is not None else self.value

    @property
    def passes(self) -> bool:
        if self.spoiled_by or not math.isfinite(self.judged):
            return False
        return self.goal is None or self.goal.holds(self.judged)

    @property
    def score(self) -> float:
        """How much of the goal is reached, from 0 to 1; 0 for whatever a spoiled run made."""
        if self.spoiled_by or not math.isfinite(self.judged):
            return 0.0
        if self.goal is None or self.goal.holds(self.judged):
            return 1.0
        far, near = sorted([self.judged, self.goal.bound])
        return max(far, 0.0) / near if near > 0 else 0.0

    def as_json(self) -> dict[str, Any]:
        told = asdict(self) | {"goal": str(self.goal) if self.goal else ""}
        return told | {"ratio": self.ratio, "passes": self.passes, "score": self.score}


@dataclass
class Books:
    """What the provider's own books hold, against what was posted here. See `books.compare`."""

    entries: int = 0
    lost: int = 0
    doubled: int = 0
    cents_off: int = 0
    too_many_calls: int = 0
    refused: int = 0
    complaints: list[str] = field(default_factory=list)

    def spoils(self, *, storm: bool = False) -> str:
        """Why nothing that this run measured counts; empty when all is well. In a storm a 429 is part of the game."""
        found = {
            "lost": self.lost,
            "doubled": self.doubled,
            "cents off": self.cents_off,
            "refused": self.refused,
            "answers 429": 0 if storm else self.too_many_calls,
        }
        return ", ".join([*(f"{count} {what}" for what, count in found.items() if count), *self.complaints])
