"""When queue rows are due, what holds for a provider as a whole, and who is there to send."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from athenty.organizations.models import Organization


class SyncMode(models.TextChoices):
    LIVE = "live", "Live"
    BATCHED = "batched", "Batched"
    OFF = "off", "Off"


class SyncSettings(models.Model):
    """An organization's choice on the Sync Mode tab. Without a row it is Live."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="sync_settings")
    mode = models.CharField(max_length=8, choices=SyncMode, default=SyncMode.LIVE)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    next_flush_at = models.DateTimeField(null=True, blank=True)
    """In Batched mode, when what waits is next sent."""
    paused_at = models.DateTimeField(null=True, blank=True)
    """Support has stopped the organization's mirror, whatever its mode."""
    resumed_at = models.DateTimeField(null=True, blank=True)
    """When support last let it go on."""

    def __str__(self) -> str:
        return f"{self.organization}: {self.get_mode_display()}"


class ProviderGate(models.Model):
    """What holds for all companies of a provider: its app-wide pace, and the breaker that many of them trip."""

    provider_name = models.CharField(primary_key=True, max_length=20)
    next_call_at = models.DateTimeField(null=True, blank=True)
    """The next free slot under the limit that all companies share."""
    closed_until = models.DateTimeField(null=True, blank=True)
    """Nothing goes to the provider until then."""

    def __str__(self) -> str:
        return self.provider_name


class Heartbeat(models.Model):
    """A worker or beat process, and when it last said that it is there."""

    class Kind(models.TextChoices):
        WORKER = "worker", "Worker"
        BEAT = "beat", "Beat"

    process = models.CharField(primary_key=True, max_length=200)
    kind = models.CharField(max_length=6, choices=Kind)
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.process}"
