"""`journal_sync_queue`: one row per connection and entry, until the provider answered for it or a person decided."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.models.connection import Connection
from integrations.providers.base import Cause
from ledger.models import JournalEntry


class QueueRowQuerySet(models.QuerySet["QueueRow"]):
    def waiting(self) -> "QueueRowQuerySet":
        return self.filter(state=QueueRow.State.WAITING)

    def sending(self) -> "QueueRowQuerySet":
        return self.filter(state=QueueRow.State.SENDING)

    def under_way(self) -> "QueueRowQuerySet":
        """What a person would call waiting: not sent yet, and nothing to do about it."""
        return self.filter(state__in=[QueueRow.State.WAITING, QueueRow.State.SENDING])

    def needing_attention(self) -> "QueueRowQuerySet":
        return self.filter(state=QueueRow.State.NEEDS_ATTENTION)


class QueueRow(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"
        UNCONFIRMED = "unconfirmed", "Unconfirmed"

    # No indexes of their own: every insert and every change of state would write them, and others begin with the
    # connection. So an entry's rows are asked for together with their connections.
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="queue", db_index=False)
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="queue_rows", db_index=False)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    queued_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)
    remote_id = models.CharField(max_length=64, blank=True)
    """The journal's id at the provider once sent."""

    # Why a person is needed, while one is.
    cause = models.CharField(max_length=12, blank=True, choices=[(cause.value, cause.value) for cause in Cause])
    provider_code = models.CharField(max_length=40, blank=True)
    provider_message = models.TextField(blank=True)
    blamed_account_id = models.CharField(max_length=64, blank=True)
    changed_at = models.DateTimeField(db_default=Now())

    objects = QueueRowQuerySet.as_manager()

    class Meta:
        db_table = "journal_sync_queue"
        constraints = [models.UniqueConstraint(fields=["connection", "entry"], name="one_queue_row_per_entry")]
        indexes = [
            models.Index(fields=["connection", "id"], condition=Q(state="waiting"), name="queue_waiting"),
            models.Index(
                fields=["connection", "state"], condition=~Q(state__in=["waiting", "sent"]), name="queue_open"
            ),
            models.Index(fields=["connection", "-changed_at"], condition=Q(state="sent"), name="queue_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.entry} to {self.connection}: {self.get_state_display()}"
