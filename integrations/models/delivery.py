"""A delivery is a sealed send: its entries, its exact bytes, its idempotency key. It is never re-composed."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Greatest, Now

from integrations.models.connection import Connection
from integrations.models.queue import QueueRow


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def open(self) -> "DeliveryQuerySet":
        """Sealed, and not every entry is answered for."""
        return self.filter(state=Delivery.State.OPEN)

    def with_next_try(self) -> "models.QuerySet[Any]":
        """`next_try_at`: when it may be sent again, which no worker may while another holds its lease."""
        return self.annotate(next_try_at=Greatest("next_attempt_at", "rests_until", "leased_until"))


class Delivery(models.Model):
    class State(models.TextChoices):
        OPEN = "open", "Open"
        SETTLED = "settled", "Settled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    idempotency_key = models.CharField(max_length=128)
    body = models.BinaryField()
    sealed_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True, blank=True)

    # Fencing: whoever holds the lease token may send and settle, until the lease runs out by the database's clock.
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    """When the first byte may first have left. The provider's replay window counts from here."""
    rests_until = models.DateTimeField(null=True, blank=True)
    """Until then the provider may still be at work on the last send, and a repeat could be written beside it."""
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    """Attempts that spent retry budget: known not to have been written, and not a 429."""
    next_attempt_at = models.DateTimeField(db_default=Now())

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        # Not `unique=True`, which keeps a second index to find keys by how they begin.
        constraints = [models.UniqueConstraint(fields=["idempotency_key"], name="one_delivery_per_key")]
        indexes = [
            models.Index(fields=["connection", "next_attempt_at"], condition=Q(state="open"), name="delivery_open"),
        ]

    def __str__(self) -> str:
        return f"{self.id} to {self.connection}"


class DeliveryItemQuerySet(models.QuerySet["DeliveryItem"]):
    """For an open delivery: no entry of it is in another open one, nor waits for one (`queue.retry`)."""

    def in_doubt(self) -> "DeliveryItemQuerySet":
        """What the delivery has still to answer for."""
        return self.filter(row__state=QueueRow.State.SENDING)


class DeliveryItem(models.Model):
    """One entry's place in a delivery: the reference the provider sees and the targets its lines were sent to."""

    # Postgres deletes neither a delivery nor a queue row, whoever asks (`migrations/0013_sealed_is_final.py`): there is
    # nothing for a constraint to guard, and checking two for each item is a tenth of a claim. Positions' index begins
    # with the delivery.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, related_name="items", db_index=False, db_constraint=False
    )
    row = models.ForeignKey(QueueRow, on_delete=models.PROTECT, related_name="items", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    item_id = models.CharField(max_length=40)
    reference = models.CharField(max_length=21)
    targets = models.JSONField()
    """Our account id to the provider's account id, as sealed."""

    objects = DeliveryItemQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "position"], name="one_item_per_position")]

    def __str__(self) -> str:
        return f"{self.reference} in {self.delivery_id}"


class Attempt(models.Model):
    """One try of a delivery, kept for support: both providers ask for their request id."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempt_log")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    """Empty while under way, then "answered" or the error's name, such as "RateLimited"."""
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=120, blank=True)
    provider_code = models.CharField(max_length=40, blank=True)
    provider_message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"Attempt of {self.delivery_id} at {self.started_at:%Y-%m-%d %H:%M:%S}: {self.outcome or 'under way'}"
