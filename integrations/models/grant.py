"""What people allowed us at the providers, sealed: the grants that connections use, and those on their way back."""

import uuid

from django.db import models

from athenty.organizations.models import Organization
from integrations.models.connection import Connection, ProviderName


class SealedGrant(models.Model):
    """What a person allowed, sealed by the vault. One per connection, and only while it may be used.

    `previous_tokens` is the pair before the last refresh, kept for one retry: Xero honours it for 30 minutes.
    """

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="grant")
    tokens = models.BinaryField()
    previous_tokens = models.BinaryField(null=True)
    key_id = models.CharField(max_length=200, db_index=True)
    """The key-encryption key that both records depend on."""
    person_id = models.CharField(max_length=64, blank=True, db_index=True)
    """Whose consent it is, where the provider's grants are a person's: see `TokenSet.person_id`."""
    access_expires_at = models.DateTimeField()
    refresh_expires_at = models.DateTimeField()
    grant_expires_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Grant of {self.connection_id}"


class GrantToReturn(models.Model):
    """Access that we hold at a provider and no longer want: disconnected, not chosen, or given in vain.

    A worker ends it there and deletes the row, which ends it here. It goes on trying for a day where there is no
    answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    provider_name = models.CharField(max_length=20, choices=ProviderName)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, null=True, related_name="grants_to_return")
    """The one that was disconnected, or that the same sign-in made. None when it made none."""
    sealed_for = models.UUIDField()
    """The connection that the tokens are sealed for, which may never have come to be."""
    tokens = models.BinaryField(null=True)
    """None: the connection lives on, and its own access is used to release what the sign-in covered beside it."""
    key_id = models.CharField(max_length=200, blank=True, db_index=True)
    person_id = models.CharField(max_length=64, blank=True)
    companies = models.JSONField()
    """The companies to release, as `Company`."""
    began_at = models.DateTimeField()
    next_try_at = models.DateTimeField(db_index=True)
    failures = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.get_provider_name_display()} grant on its way back"
