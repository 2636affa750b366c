"""The sync activity as a file for a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime

from athenty.organizations.csv_cells import BYTE_ORDER_MARK, inert
from integrations.mirror import deliveries
from integrations.mirror.activity import ListedEntry
from integrations.mirror.explaining import explain
from integrations.models import QueueRow
from integrations.providers.base import Cause

HEADER = (
    "date",
    "entry",
    "memo",
    "our reference",
    "total debits",
    "currency",
    "to",
    "company",
    "status",
    "reason",
    "provider code",
    "provider message",
    "id there",
    "number there",
    "attempts",
    "queued at (UTC)",
    "sent at (UTC)",
    "last change (UTC)",
)


class _Line:
    """A file that keeps only what was written last."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def as_csv(pieces: Iterable[list[ListedEntry]]) -> Iterator[str]:
    """One row per entry and provider, piece by piece. No text is taken for a formula; amounts are left as they are."""
    line = _Line()
    writer = csv.writer(line)
    writer.writerow(HEADER)
    yield BYTE_ORDER_MARK + line.text
    for piece in pieces:
        texts = []
        for each in piece:
            writer.writerow(_cells(each))
            texts.append(line.text)
        yield "".join(texts)


def _cells(each: ListedEntry) -> tuple[str, ...]:
    connection = each.connection
    return (
        each.on.isoformat(),
        str(each),
        inert(each.memo),
        inert(each.reference),
        f"{each.total:.2f}",
        each.currency,
        connection.provider.short_name,
        inert(connection.company_name),
        QueueRow.State(each.state).label,
        _reason(each),
        inert(each.provider_code),
        inert(each.provider_message),
        inert(each.remote_id),
        deliveries.reference(connection, each),
        str(each.attempts),
        _moment(each.queued_at),
        _moment(each.sent_at),
        _moment(each.changed_at),
    )


def _reason(each: ListedEntry) -> str:
    if each.state != QueueRow.State.NEEDS_ATTENTION:
        return ""
    return explain(each.connection, Cause(each.cause or Cause.OTHER), on=each.on).sentence


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
