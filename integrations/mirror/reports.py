"""What a card shows of a connection's queue. Few queries, and none that grows with what was sent long ago."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from integrations.models import Attempt, Connection, Delivery, QueueRow

# Below this a drain is over before a progress bar has been understood.
_WORTH_A_BAR = 60
# Counting further back than this would cost more than the figure is worth on a page that asks every few seconds.
_COUNTED_SENT = 5_000


@dataclass(frozen=True)
class QueueFigures:
    """How many entries stand in each state that is not the end."""

    waiting: int = 0
    sending: int = 0
    needs_attention: int = 0
    unconfirmed: int = 0

    @property
    def under_way(self) -> int:
        return self.waiting + self.sending


@dataclass(frozen=True)
class Progress:
    """`sent` of `total` entries; `total` counts what is sent, waiting and being sent."""

    sent: int
    total: int


@dataclass(frozen=True)
class Trouble:
    """The last try of an open delivery failed in a way that is tried again without anyone's help."""

    outcome: str
    """The error's name, as `Attempt.outcome`."""
    next_attempt_at: datetime


def queue_figures(connection: Connection) -> QueueFigures:
    """Two counts, each over a partial index that leaves the sent rows out."""
    others = connection.queue.exclude(state__in=[QueueRow.State.WAITING, QueueRow.State.SENT])
    counted = dict(others.values_list("state").annotate(Count("pk")).order_by())
    return QueueFigures(
        waiting=connection.queue.waiting().count(),
        sending=counted.get(QueueRow.State.SENDING, 0),
        needs_attention=counted.get(QueueRow.State.NEEDS_ATTENTION, 0),
        unconfirmed=counted.get(QueueRow.State.UNCONFIRMED, 0),
    )


def progress(connection: Connection, figures: QueueFigures) -> Progress | None:
    """How far a first sync has come; None when little is under way, or too much was sent before to be the first."""
    if figures.under_way < _WORTH_A_BAR:
        return None
    sent = connection.queue.filter(state=QueueRow.State.SENT)[:_COUNTED_SENT].count()
    return Progress(sent, sent + figures.under_way) if sent < _COUNTED_SENT else None


def trouble(connection: Connection) -> Trouble | None:
    """Why the oldest open delivery is waiting for its next try; None when none failed."""
    delivery = connection.deliveries.filter(state=Delivery.State.OPEN, attempts__gt=0).order_by("sealed_at").first()
    if delivery is None:
        return None
    last = Attempt.objects.filter(delivery=delivery).exclude(outcome__in=["", "answered"]).order_by("-pk").first()
    return Trouble(last.outcome, delivery.next_attempt_at) if last else None
