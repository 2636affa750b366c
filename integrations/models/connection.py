"""A connection joins one organization to one company file at a provider; an attempt is the way to one."""

import uuid
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from athenty.organizations.models import Organization
from integrations.providers import PROVIDERS
from integrations.providers.base import Company, Provider


class ProviderName(models.TextChoices):
    QUICKBOOKS = "quickbooks", "QuickBooks Online"
    XERO = "xero", "Xero"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def for_organization(self, organization: Organization) -> "ConnectionQuerySet":
        return self.filter(organization=organization)

    def current(self) -> "ConnectionQuerySet":
        """The one connection per organization and provider that the page shows and the mirror feeds."""
        return self.filter(is_current=True)

    def mirrored(self) -> "ConnectionQuerySet":
        """Connections that new postings are queued for, sending or not: a start date has been chosen."""
        return self.current().filter(mirror_from__isnull=False)

    def connected(self) -> "ConnectionQuerySet":
        return self.filter(status=Connection.Status.CONNECTED)

    def askable(self) -> "ConnectionQuerySet":
        """Those we hold access for: connected, or with a company that was out of reach and may be back."""
        return self.exclude(status=Connection.Status.DISCONNECTED)


class Connection(models.Model):
    class Status(models.TextChoices):
        """The three words of the status pill."""

        CONNECTED = "connected", "Connected"
        DISCONNECTED = "disconnected", "Disconnected"
        ERROR = "error", "Error"

    class StatusReason(models.TextChoices):
        """Why it is not connected; empty while it is."""

        NONE = "", ""
        PERSON = "person", "Disconnected by a person"
        GRANT_LOST = "grant_lost", "The provider ended our access"
        COMPANY_GONE = "company_gone", "The company can no longer be reached"
        SEAL_BROKEN = "seal_broken", "The stored access was altered or moved"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="connections")
    provider_name = models.CharField(max_length=20, choices=ProviderName)
    is_current = models.BooleanField(default=True)

    company_id = models.CharField(max_length=64)
    company_name = models.CharField(max_length=255)
    company_country = models.CharField(max_length=3, blank=True)
    company_is_demo = models.BooleanField(default=False)
    company_connection_id = models.CharField(max_length=64, blank=True)
    home_currency = models.CharField(max_length=3)
    refuses_duplicate_numbers = models.BooleanField(default=False)
    closed_through = models.DateField(null=True, blank=True)

    status = models.CharField(max_length=12, choices=Status, default=Status.CONNECTED)
    status_reason = models.CharField(max_length=20, choices=StatusReason, blank=True, default=StatusReason.NONE)
    status_detail = models.TextField(blank=True)
    status_changed_at = models.DateTimeField()
    connected_at = models.DateTimeField()
    connected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="connections_made"
    )

    mirror_from = models.DateField(null=True, blank=True)
    """Entries dated before this are never sent. None until a person has chosen it: nothing is queued before."""

    chart_read_at = models.DateTimeField(null=True, blank=True)
    chart_due_at = models.DateTimeField(null=True, blank=True)
    """When the worker should read the provider's chart next; None while it is being read or nothing asks for it."""
    chart_error = models.TextField(blank=True)

    last_sync_at = models.DateTimeField(null=True, blank=True)
    queue_from = models.BigIntegerField(default=0)
    """No waiting row has a smaller id. Without it every claim would step over all that was sent since the oldest
    snapshot anyone holds open."""
    flush_before = models.DateTimeField(null=True, blank=True)
    """In Batched mode, rows queued before this moment are due."""
    next_send_at = models.DateTimeField(null=True, blank=True)
    """The pacer's next free slot, by the database's clock; None when it never sent."""
    woken_for = models.DateTimeField(null=True, blank=True)
    """A wake-up has been asked for at that moment: no second one is needed. The sweep makes up for a lost one."""
    coalesce_until = models.DateTimeField(null=True, blank=True)
    """Until then only full batches go, so that what is left of the provider's day lasts."""
    slowed_until = models.DateTimeField(null=True, blank=True)
    """The provider asked us to stay away until then."""
    calls_left_today = models.IntegerField(null=True, blank=True)
    day_allowance = models.IntegerField(null=True, blank=True)
    """The most calls that the provider has said were left since its day began."""
    day_began_at = models.DateTimeField(null=True, blank=True)
    """When that number last went up, which is how the start of the provider's day shows."""

    batch_size = models.PositiveSmallIntegerField(null=True, blank=True)
    """Entries per send, while time-outs have made it smaller than the provider's limit."""
    clean_sends = models.PositiveSmallIntegerField(default=0)
    """Answers in time since the batch size last changed."""

    troubled_since = models.DateTimeField(null=True, blank=True)
    """Since an outcome was left unknown: nothing new is sealed until a probe or a re-send is answered."""
    next_probe_at = models.DateTimeField(null=True, blank=True)
    failed_probes = models.PositiveSmallIntegerField(default=0)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider_name"],
                condition=Q(is_current=True),
                name="one_current_connection",
            ),
            models.UniqueConstraint(
                fields=["organization", "provider_name", "company_id"], name="one_connection_per_company"
            ),
            # A company's books have one mirror. Two firms mirroring into the same books would double them.
            models.UniqueConstraint(
                fields=["provider_name", "company_id"],
                condition=~Q(status="disconnected"),
                name="company_connected_once",
            ),
            models.CheckConstraint(
                condition=Q(is_current=True) | Q(status="disconnected"), name="only_current_is_connected"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_name_display()} ({self.company_name})"

    @property
    def last_answer_at(self) -> datetime | None:
        """When the provider last did what we asked of it: told its chart, or took entries."""
        return max(filter(None, (self.chart_read_at, self.last_sync_at)), default=None)

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.provider_name]

    @property
    def company(self) -> Company:
        return Company(
            id=self.company_id,
            name=self.company_name,
            home_currency=self.home_currency,
            country=self.company_country,
            connection_id=self.company_connection_id,
            is_demo=self.company_is_demo,
            closed_through=self.closed_through,
            refuses_duplicate_numbers=self.refuses_duplicate_numbers,
        )

    @property
    def is_connected(self) -> bool:
        return self.status == self.Status.CONNECTED

    @property
    def replay_window(self) -> timedelta | None:
        """How long from its first byte a repeat of a send is surely recognised; None when for ever.

        Where a journal number used before is refused, naming the journal that has it, the number itself is the guard.
        """
        return None if self.refuses_duplicate_numbers else self.provider.limits.replay_window

    def mirrors(self, on: date) -> bool:
        """Whether an entry of that date is to be sent."""
        return self.mirror_from is not None and on >= self.mirror_from

    def adopt(self, company: Company) -> None:
        """Take over what the provider says of the company; the caller saves."""
        self.company_name = company.name
        self.company_country = company.country
        self.company_is_demo = company.is_demo
        self.company_connection_id = company.connection_id or self.company_connection_id
        self.home_currency = company.home_currency
        self.refuses_duplicate_numbers = company.refuses_duplicate_numbers
        self.closed_through = company.closed_through


class ConnectAttempt(models.Model):
    """One press of Connect. The provider may never send the person back: the attempt itself explains what happened."""

    class Outcome(models.TextChoices):
        STARTED = "started", "Left for the provider"
        CHOOSING = "choosing", "Choosing the company"
        CONNECTED = "connected", "Connected"
        DENIED = "denied", "Access was not given"
        FAILED = "failed", "Failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="connect_attempts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    provider_name = models.CharField(max_length=20, choices=ProviderName)
    reference = models.CharField(max_length=12, unique=True)
    """What a person quotes to support, such as AT-7K2M."""
    state_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    code_verifier = models.CharField(max_length=128, blank=True)
    """PKCE's secret half, erased when the attempt ends. Alone it opens nothing: the code and our client secret are
    needed with it."""
    candidates = models.JSONField(default=list)
    """While choosing: the companies this sign-in covers, each with tokens sealed for the connection it would become."""
    outcome = models.CharField(max_length=12, choices=Outcome, default=Outcome.STARTED)
    detail = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.reference
