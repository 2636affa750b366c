"""Cells of the files that people open in a spreadsheet."""

BYTE_ORDER_MARK = "\ufeff"  # without it Excel does not read UTF-8
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def inert(cell: str) -> str:
    """A spreadsheet runs a cell that starts like a formula; an apostrophe makes it text. Not for amounts, which start
    with a minus and mean it."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def plain(cell: str) -> str:
    """The cell without the apostrophe that `inert` gave it."""
    return (cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell).strip()
