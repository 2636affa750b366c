"""The printed table, and the same for docs/performance.md."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

_HEADS = ("", "what", "figure", "worst", "peer", "ratio", "goal", "")


def text(figures: Sequence[Figure]) -> str:
    rows = [_HEADS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    rule = "-" * max(len(line) for line in lines)
    return "\n".join([lines[0], rule, *lines[1:], rule, summary(figures)])


def markdown(figures: Sequence[Figure]) -> str:
    rows = [_row(figure) for figure in figures]
    head = ["|  | what | figure | worst | peer | ratio | goal | |", "|---|---|---|---|---|---|---|---|"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)])


def put_into(page: Path, figures: Sequence[Figure], about: str) -> None:
    """Write the table between the page's two marks; a page without them becomes the table alone."""
    told = f"{BEGIN}\n{about} {summary(figures)}\n\n{markdown(figures)}\n{END}"
    text = page.read_text() if page.exists() else ""
    before, begins, rest = text.partition(BEGIN)
    _, ends, after = rest.partition(END)
    page.write_text(before + told + after if begins and ends else told + "\n")


def summary(figures: Sequence[Figure]) -> str:
    judged = [figure for figure in figures if figure.goal or figure.spoiled_by]
    met = sum(figure.passes for figure in judged)
    return f"{met} of {len(judged)} goals met."


def _row(figure: Figure) -> tuple[str, ...]:
    peer = "" if figure.peer_value is None else f"{figure.peer} {_shown(figure.peer_value)}".strip()
    verdict = f"SPOILED: {figure.spoiled_by}" if figure.spoiled_by else ""
    if not verdict and figure.goal:
        verdict = "pass" if figure.passes else "MISSED"
    return (
        figure.benchmark,
        figure.about,
        f"{_shown(figure.value)} {figure.unit}".strip(),
        "" if figure.worst is None else _shown(figure.worst),
        peer,
        "" if figure.ratio is None else f"{_shown(figure.ratio)}×",
        str(figure.goal) if figure.goal else "",
        " · ".join(filter(None, [verdict, figure.note])),
    )


def _shown(number: float) -> str:
    """Three figures, and no more decimals than they need."""
    if number == 0 or abs(number) >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"
