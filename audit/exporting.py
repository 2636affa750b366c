"""The audit log as a file for a spreadsheet."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime

from django.utils.text import slugify

from athenty.organizations.models import Organization
from audit.models import AuditEvent

HEADER = ("when (UTC)", "who", "e-mail", "action", "code", "object", "details", "source", "ip")
_BYTE_ORDER_MARK = "\ufeff"  # without it Excel does not read UTF-8
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(events: Iterable[AuditEvent]) -> str:
    """One row per event, in the given order. No cell is taken for a formula."""
    text = io.StringIO()
    text.write(_BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for event in events:
        writer.writerow([_inert(cell) for cell in _cells(event)])
    return text.getvalue()


def file_name(organization: Organization, wanted: dict[str, str], now: datetime) -> str:
    """Names the firm, the filter and the moment: `audit-log-park-lowe-2026-03-01-member-20260312-1405.csv`."""
    parts = ["audit-log", organization.slug, *(slugify(value) for value in wanted.values()), f"{now:%Y%m%d-%H%M}"]
    return "-".join(part for part in parts if part) + ".csv"


def _cells(event: AuditEvent) -> tuple[str, ...]:
    return (
        event.occurred_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        event.who,
        event.actor.email if event.actor else "",
        event.get_action_display(),
        event.action,
        event.object_label,
        json.dumps(event.data, ensure_ascii=False) if event.data else "",
        event.source,
        event.ip or "",
    )


def _inert(cell: str) -> str:
    """A spreadsheet runs a cell that starts like a formula; an apostrophe makes it text."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
