"""The provider's chart of accounts as last read, and which of our accounts goes to which of theirs."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from integrations.models.connection import Connection
from integrations.providers.base import Classification, Party
from ledger.models import Account


class ChartAccountQuerySet(models.QuerySet["ChartAccount"]):
    def eligible(self) -> "ChartAccountQuerySet":
        return self.filter(is_listed=True, refusal="")


class ChartAccount(models.Model):
    """One account of the provider's chart. No balance of theirs is ever stored."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="chart")
    remote_id = models.CharField(max_length=64)
    number = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=600)
    kind = models.CharField(max_length=60)
    classification = models.CharField(max_length=10, blank=True, choices=[(c.value, c.value) for c in Classification])
    currency = models.CharField(max_length=3, blank=True)
    is_active = models.BooleanField(default=True)
    is_trust = models.BooleanField(default=False)
    refusal = models.CharField(max_length=20, blank=True)
    """Why journals can't be posted to it, as `providers.base.RemoteAccount.refusal`; empty when they can."""
    party = models.CharField(max_length=10, blank=True, choices=[(party.value, party.value) for party in Party])
    """Whom its lines must name, if anybody: the connection's `CatchAllParty` of that kind, once there is one."""
    is_listed = models.BooleanField(default=True)
    """False once a later reading of the chart no longer had it."""
    unusable_since = models.DateTimeField(null=True, blank=True)
    """When a reading first found that it takes no journals any more; None while it does, or if it never did."""
    former = models.JSONField(default=dict, blank=True)
    """What its number, name, kind and classification were before `altered_at`, where they have changed."""
    altered_at = models.DateTimeField(null=True, blank=True)

    objects = ChartAccountQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="one_chart_row_per_account")]
        ordering = ["number", "name"]

    def __str__(self) -> str:
        return f"{self.number} · {self.name}" if self.number else self.name

    @property
    def is_eligible(self) -> bool:
        return self.is_listed and not self.refusal


class CatchAllParty(models.Model):
    """The one customer or supplier that every mirrored line on a receivable or payable account names.

    A person asks for it with one click and the worker creates it there; whom else the company knows is never read.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    """Also the key under which it is created, so that asking twice creates one."""
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="parties")
    party = models.CharField(max_length=10, choices=[(party.value, party.value) for party in Party])
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    name = models.CharField(max_length=100, blank=True)
    remote_id = models.CharField(max_length=64, blank=True)
    """Its id at the provider; empty until it was created."""
    error = models.TextField(blank=True)
    """Why the provider would not create it, in its own words."""

    class Meta:
        verbose_name_plural = "catch-all parties"
        constraints = [models.UniqueConstraint(fields=["connection", "party"], name="one_catch_all_per_kind")]

    def __str__(self) -> str:
        return self.name or f"{self.party} to be created"


# Client money owed is never income, and money in trust is always an asset: also when the provider's people give the
# target another type long after it was chosen.
BREAKS_TRUST = Q(account__is_trust=True) & (
    Q(account__type=Account.Type.LIABILITY, target__classification=Classification.REVENUE)
    | Q(account__type=Account.Type.ASSET) & ~Q(target__classification=Classification.ASSET)
)

UNMAPPED = Q(target=None) | BREAKS_TRUST
BROKEN = Q(target__isnull=False) & (Q(target__is_listed=False) | ~Q(target__refusal=""))


def breaks_trust(is_trust: bool, account_type: str, classification: str) -> bool:
    """The same rule for one pair: of our account, and of the target's class."""
    if not is_trust:
        return False
    if account_type == Account.Type.LIABILITY:
        return classification == Classification.REVENUE
    return account_type == Account.Type.ASSET and classification != Classification.ASSET


class AccountMappingQuerySet(models.QuerySet["AccountMapping"]):
    def required(self) -> "AccountMappingQuerySet":
        return self.filter(is_required=True)

    def unmapped(self) -> "AccountMappingQuerySet":
        """Required accounts that no person has given a target which may stand: while there is one, nothing is sent."""
        return self.required().filter(UNMAPPED)

    def broken(self) -> "AccountMappingQuerySet":
        """Required accounts whose target takes no journals any more. Only the entries that use them are held up."""
        return self.required().filter(BROKEN)

    def missing(self) -> "AccountMappingQuerySet":
        """Required accounts that a person has to give another target."""
        return self.unmapped() | self.broken()


class AccountMapping(models.Model):
    """One of our accounts on one connection, with its target once a person has chosen it.

    A row appears, in the posting transaction, when the first entry to be mirrored uses the account; core accounts have
    theirs from the start date on. So "is anything missing?" costs one look at a chart-sized table, however many
    entries there are.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="mappings")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="mappings")
    target = models.ForeignKey(ChartAccount, on_delete=models.PROTECT, null=True, blank=True, related_name="mappings")
    is_required = models.BooleanField(default=True)
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    saved_at = models.DateTimeField(null=True)

    objects = AccountMappingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "account"], name="one_mapping_per_account")]

    def __str__(self) -> str:
        return f"{self.account} → {self.target or 'unmapped'}"

    @property
    def has_valid_target(self) -> bool:
        return self.target is not None and self.target.is_eligible
