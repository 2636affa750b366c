"""Tables for a terminal: as wide as they may be, long texts broken between words."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

_WIDEST = 220
_GAP = "  "


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print the table. Columns that need less than an equal share leave the rest to those that need more."""
    widths = _widths([head, *rows], min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST))
    rule = _GAP.join("-" * width for width in widths)
    lines = ["", title, "=" * len(title), *_lines(head, widths), rule]
    for row in rows:
        lines += _lines(row, widths)
    sys.stdout.write("\n".join(lines) + "\n")


def _widths(rows: Sequence[Sequence[str]], available: int) -> list[int]:
    needed = [max(len(line) or 1 for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]
    available -= len(_GAP) * (len(needed) - 1)
    widths = [0] * len(needed)
    left = set(range(len(needed)))
    while left:
        share = available // len(left)
        modest = {column for column in left if needed[column] <= share}
        for column in modest or left:
            widths[column] = needed[column] if modest else max(share, 8)
            available -= widths[column]
        left -= modest or left
    return widths


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [
        [line for part in cell.split("\n") for line in textwrap.wrap(part, width) or [""]]
        for cell, width in zip(row, widths, strict=True)
    ]
    height = max(map(len, cells))
    padded = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        _GAP.join(line.ljust(width) for line, width in zip(lines, widths, strict=True)).rstrip()
        for lines in zip(*padded, strict=True)
    ]
