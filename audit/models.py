"""Who did what, when: rows that can be added and never changed, which Postgres holds by triggers (migration 0002)."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from athenty.organizations.models import Organization, User
from audit.actions import Action


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def newest_first(self) -> Self:
        return self.order_by("-occurred_at", "-pk")

    def between(self, first: datetime | None, end: datetime | None) -> Self:
        """Events from `first` on and before `end`; None leaves that side open."""
        events = self
        if first:
            events = events.filter(occurred_at__gte=first)
        if end:
            events = events.filter(occurred_at__lt=end)
        return events

    def by_the_system(self) -> Self:
        return self.filter(actor__isnull=True)

    def about_provider(self, provider_name: str) -> Self:
        return self.filter(data__provider=provider_name)


class AuditEvent(models.Model):
    """One act. Written by `recording.record` only."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="audit_events")
    occurred_at = models.DateTimeField(default=timezone.now)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="audit_events")
    """None when Athenty itself acted."""
    action = models.CharField(max_length=50, choices=Action)
    object_type = models.CharField(max_length=50, blank=True)
    object_id = models.CharField(max_length=50, blank=True)
    object_label = models.CharField(max_length=300, blank=True)
    """What the object was called then: it may be renamed or gone by the time the log is read."""
    data = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "-occurred_at", "-id"], name="audit_newest_first")]
        constraints = [
            models.CheckConstraint(condition=models.Q(action__in=Action.values), name="audit_action_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.who} at {self.occurred_at:%Y-%m-%d %H:%M:%S}"

    @property
    def who(self) -> str:
        return str(self.actor) if self.actor else "Athenty (system)"

    @property
    def source(self) -> str:
        """Where it was done: on a page, from the command line, or by Athenty itself."""
        if self.ip:
            return "Web"
        return "Command line" if self.actor else "System"
