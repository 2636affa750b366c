"""What a run of the fault tests came to: a line for each test, ours beside the naive peer's."""

from dataclasses import dataclass, field

OURS, NAIVE = "ours", "naive"


@dataclass
class Line:
    """`lost` and `doubled` count entries, `seconds` are those from the last fault's end to rest, at their longest."""

    test: str
    about: str
    who: str
    runs: int = 0
    entries: int = 0
    lost: int = 0
    doubled: int = 0
    unconfirmed: int = 0
    seconds: float = 0.0


@dataclass
class Scoreboard:
    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def add(
        self,
        test: str,
        about: str,
        who: str = OURS,
        *,
        entries: int,
        lost: int = 0,
        doubled: int = 0,
        unconfirmed: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """One more run of this test."""
        line = self.lines.setdefault((test, about, who), Line(test, about, who))
        line.runs += 1
        line.entries += entries
        line.lost += lost
        line.doubled += doubled
        line.unconfirmed += unconfirmed
        line.seconds = max(line.seconds, seconds)

    @property
    def is_clean(self) -> bool:
        return not any(line.lost or line.doubled for line in self.lines.values() if line.who == OURS)

    def table(self) -> str:
        head = (
            f"{'test':<6}{'what':<52}{'who':<7}{'runs':>5}{'entries':>9}{'lost':>6}{'doubled':>9}{'unconf.':>9}{'s':>8}"
        )
        rows = [
            f"{line.test:<6}{line.about:<52}{line.who:<7}{line.runs:>5}{line.entries:>9}{line.lost:>6}"
            f"{line.doubled:>9}{line.unconfirmed:>9}{line.seconds:>8.0f}"
            for line in sorted(self.lines.values(), key=lambda line: (line.test, line.about, line.who != OURS))
        ]
        return "\n".join([head, "-" * len(head), *rows])


board = Scoreboard()
