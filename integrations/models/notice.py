"""What a firm's owners and admins are told by e-mail about a connection's access."""

from django.db import models

from integrations.models.connection import Connection


class AccessNotice(models.Model):
    """One thing told once. Written in the transaction of what it tells of; a worker sends it, and tries again."""

    class Kind(models.TextChoices):
        ENDS_IN_14_DAYS = "ends_in_14_days", "The access ends in two weeks"
        ENDS_IN_7_DAYS = "ends_in_7_days", "The access ends in a week"
        ENDS_IN_2_DAYS = "ends_in_2_days", "The access ends in two days"
        ENDED = "ended", "The connection stopped"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=16, choices=Kind)
    about = models.DateTimeField()
    """When the access ends, or ended."""
    next_try_at = models.DateTimeField(null=True, db_index=True)
    """None once it was sent, or given up."""
    failures = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "about"], name="told_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.connection_id}"
