"""All there is to say of one entry at one provider: what became of it, where its lines went, and each try."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from integrations.mirror import deliveries
from integrations.mirror.explaining import Explanation, explain
from integrations.models import Attempt, ChartAccount, DeliveryItem, QueueRow
from integrations.providers.base import Cause
from ledger.models import JournalLine

_LISTED_TRIES = 20
_OUTCOMES = {
    "": "was asked. No answer is recorded yet.",
    "answered": "answered.",
    "RateLimited": "asked us to slow down. Nothing was written.",
    "Unavailable": "could not be reached. Nothing was written.",
    "SaysUnavailable": "said that it was not available. That may have been said of something it did write.",
    "OutcomeUnknown": "did not answer in a way that tells whether it was written.",
    "TokenRejected": "wanted newer access, which was fetched. Nothing was written.",
    "GrantLost": "had ended our access. Nothing was written.",
    "ScopeMissing": "said that our access does not cover this. Nothing was written.",
    "CompanyGone": "no longer let us reach the company. Nothing was written.",
    "Misconfigured": "did not accept Athenty's own access. Nothing was written.",
    "Rejected": "refused the whole delivery. Nothing was written.",
}


@dataclass(frozen=True)
class MirroredLine:
    """A line of ours and the account of theirs that it went to, or would go to now. None: it has none."""

    line: JournalLine
    target: ChartAccount | None


@dataclass(frozen=True)
class Happening:
    at: datetime
    sentence: str
    attempt: Attempt | None = None


@dataclass(frozen=True)
class Story:
    """`explanation` is there while a person is needed; `delivery_id` is empty until the entry was first sealed."""

    row: QueueRow
    reference: str
    total: Decimal
    lines: list[MirroredLine]
    explanation: Explanation | None
    happenings: list[Happening]
    earlier_tries: int
    """How many tries there were before those listed."""
    delivery_id: str
    first_sent_at: datetime | None


def story_of(row: QueueRow) -> Story:
    """Of a row that came with its entry and connection. A handful of queries."""
    items = list(row.items.select_related("delivery").defer("delivery__body").order_by("-pk"))
    last = items[0] if items else None
    lines = list(row.entry.lines.select_related("account").order_by("position"))
    targets, blamed = _targets(row, last, lines)
    tries, earlier = _tries(items)
    return Story(
        row=row,
        reference=last.reference if last else deliveries.reference(row.connection, row.entry),
        total=sum((line.debit for line in lines if line.debit), Decimal("0.00")),
        lines=[MirroredLine(line, targets.get(line.account_id)) for line in lines],
        explanation=_explanation(row, blamed),
        happenings=_happenings(row, tries),
        earlier_tries=earlier,
        delivery_id=str(last.delivery_id) if last else "",
        first_sent_at=last.delivery.first_sent_at if last else None,
    )


def _targets(
    row: QueueRow, item: DeliveryItem | None, lines: list[JournalLine]
) -> tuple[dict[int, ChartAccount], ChartAccount | None]:
    """By our account's id, where it went as sealed, or where it is mapped to now; and the account that was blamed."""
    chart = row.connection.chart
    is_settled = item is not None and row.state in (
        QueueRow.State.SENT,
        QueueRow.State.SENDING,
        QueueRow.State.UNCONFIRMED,
    )
    if item is None or not is_settled:
        mappings = row.connection.mappings.filter(account__in=[line.account_id for line in lines])
        targets = {each.account_id: each.target for each in mappings.select_related("target") if each.target}
        return targets, chart.filter(remote_id=row.blamed_account_id).first() if row.blamed_account_id else None
    theirs = {account.remote_id: account for account in chart.filter(remote_id__in=item.targets.values())}
    return {int(ours): theirs[remote] for ours, remote in item.targets.items() if remote in theirs}, None


def _explanation(row: QueueRow, blamed: ChartAccount | None) -> Explanation | None:
    if row.state != QueueRow.State.NEEDS_ATTENTION:
        return None
    return explain(row.connection, Cause(row.cause or Cause.OTHER), account=blamed, on=row.entry.date)


def _tries(items: list[DeliveryItem]) -> tuple[list[Attempt], int]:
    if not items:
        return [], 0
    found = Attempt.objects.filter(delivery__in=[item.delivery_id for item in items]).order_by("-pk")
    number = sum(item.delivery.attempts for item in items)
    listed = list(found[:_LISTED_TRIES])
    return listed[::-1], max(number - len(listed), 0)


def _happenings(row: QueueRow, tries: list[Attempt]) -> list[Happening]:
    short = row.connection.provider.short_name
    told = [Happening(row.queued_at, "Posted in Athenty and queued.")]
    told += [
        Happening(each.started_at, f"{short} {_OUTCOMES.get(each.outcome, 'answered in a way we do not know.')}", each)
        for each in tries
    ]
    if row.state == QueueRow.State.SENT and row.sent_at:
        told.append(Happening(row.sent_at, f"Recorded as being in {short}."))
    elif row.state == QueueRow.State.NEEDS_ATTENTION:
        told.append(Happening(row.changed_at, "Set aside until someone has looked."))
    elif row.state == QueueRow.State.UNCONFIRMED:
        told.append(Happening(row.changed_at, "Left for a person to decide: a repeat could enter it twice."))
    return told
