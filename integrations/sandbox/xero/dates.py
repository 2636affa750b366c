"""Xero's dates: plain ones, and the .NET form `/Date(milliseconds+hhmm)/`."""

import re
from datetime import UTC, date, datetime

from ..state import sandbox

DOTNET = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


def read_date(value: object) -> date | None:
    """A date from `YYYY-MM-DD`, a date-time of that form, or `/Date(ms)/`; None for anything else."""
    text = str(value)
    try:
        if match := DOTNET.fullmatch(text):
            return datetime.fromtimestamp(int(match[1]) / 1000, UTC).date()
        return date.fromisoformat(text[:10]) if re.fullmatch(r"\d{4}-\d\d-\d\d(T.*)?", text) else None
    except (ValueError, OverflowError):
        return None


def shown_date(day: date) -> str:
    return shown_moment(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def shown_moment(seconds: float) -> str:
    """Seconds since 1970 as Xero writes a moment inside an object: with its zero offset, or by a switch without."""
    offset = "+0000" if sandbox().switches.is_on("xero_date_offset") else ""
    return f"/Date({int(seconds * 1000)}{offset})/"


def long_date(day: date) -> str:
    """As in lock date messages: 30-Nov-2018."""
    return f"{day.day:02}-{day.strftime('%b-%Y')}"
