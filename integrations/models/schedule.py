"""When queue rows are due: the organization's sync mode."""

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

    def __str__(self) -> str:
        return f"{self.organization}: {self.get_mode_display()}"
