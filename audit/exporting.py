"""The audit log as a file for a spreadsheet."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime

from django.utils.text import slugify

from athenty.organizations.csv_cells import BYTE_ORDER_MARK, inert
from athenty.organizations.models import Organization
from audit.models import AuditEvent

HEADER = ("when (UTC)", "who", "e-mail", "action", "code", "object", "details", "source", "ip")


def as_csv(events: Iterable[AuditEvent]) -> str:
    """One row per event, in the given order. No cell is taken for a formula."""
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for event in events:
        writer.writerow([inert(cell) for cell in _cells(event)])
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
