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
        self.take(Line(test, about, who, 1, entries, lost, doubled, unconfirmed, seconds))

    def take(self, more: Line) -> None:
        """What other runs of a test came to, on top of those that are here."""
        line = self.lines.setdefault((more.test, more.about, more.who), Line(more.test, more.about, more.who))
        line.runs += more.runs
        line.entries += more.entries
        line.lost += more.lost
        line.doubled += more.doubled
        line.unconfirmed += more.unconfirmed
        line.seconds = max(line.seconds, more.seconds)

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
