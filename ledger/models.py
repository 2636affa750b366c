"""The books: accounts, journal entries and their lines. Postgres holds the rules, by constraints and by the triggers of
migration 0002; `posting.py` words them kindly."""

from datetime import date
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models.functions import Length
from django.utils import timezone

from athenty.organizations.models import Organization, User

LONGEST_ACCOUNT_NAME = 150
LONGEST_MEMO = 1000
LONGEST_REFERENCE = 255
LONGEST_KEY = 200
LONGEST_DESCRIPTION = 4000


class AccountQuerySet(models.QuerySet["Account"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def active(self) -> Self:
        return self.filter(is_active=True)

    def trust(self) -> Self:
        return self.filter(is_trust=True)


class Account(models.Model):
    """One bucket of the books."""

    class Type(models.TextChoices):
        ASSET = "asset", "Asset"
        LIABILITY = "liability", "Liability"
        EQUITY = "equity", "Equity"
        REVENUE = "revenue", "Revenue"
        EXPENSE = "expense", "Expense"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="accounts")
    number = models.CharField(max_length=12)
    """Digits only, as in PC Law: `1000`. Text, since nobody adds account numbers up."""
    name = models.CharField(max_length=LONGEST_ACCOUNT_NAME)
    type = models.CharField(max_length=10, choices=Type)
    is_trust = models.BooleanField(default=False)
    """Holds clients' money, or what is owed to them."""
    is_core = models.BooleanField(default=False)
    """Needs a target at each accounting system even before it is used."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = [Length("number"), "number"]  # numeric order: 200 before 1000
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="account_number_is_unique"),
            models.CheckConstraint(condition=models.Q(number__regex=r"^[0-9]+$"), name="account_number_is_digits"),
            models.CheckConstraint(condition=~models.Q(name=""), name="account_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(type__in=["asset", "liability", "equity", "revenue", "expense"]),
                name="account_type_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def is_debit_normal(self) -> bool:
        """Whether its balance grows by debits, as assets' and expenses' do; the others' grow by credits."""
        return self.type in {self.Type.ASSET, self.Type.EXPENSE}


class JournalEntryQuerySet(models.QuerySet["JournalEntry"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def posted(self) -> Self:
        return self.filter(posted_at__isnull=False)

    def dated(self, *, first: date | None = None, last: date | None = None) -> Self:
        """Entries dated from `first` to `last`, both included; None leaves that side open."""
        entries = self
        if first:
            entries = entries.filter(date__gte=first)
        if last:
            entries = entries.filter(date__lte=last)
        return entries

    def newest_first(self) -> Self:
        return self.order_by("-number")

    def with_total(self) -> Self:
        """Adds `total`: the sum of the entry's debits, which is that of its credits.

        A subquery, so that a page of fifty entries adds up those fifty and not the whole journal.
        """
        lines = JournalLine.objects.filter(entry=models.OuterRef("pk")).order_by()
        total = lines.values("entry").annotate(total=models.Sum("debit")).values("total")
        return self.annotate(total=models.Subquery(total))

    def with_reversals(self) -> Self:
        """Adds `reverses_number` and `reversed_by_number`, of the entry that it answers and of the one that answers it.

        Numbers for a list: an entry that nothing reverses raises when it is asked for `reversed_by`, and fifty of
        those take a template longer than their rows.
        """
        return self.annotate(
            reverses_number=models.F("reverses__number"), reversed_by_number=models.F("reversed_by__number")
        )


class JournalEntry(models.Model):
    """A dated, balanced set of lines. Once posted it has a number and is final: it is answered, never changed."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="journal_entries")
    number = models.PositiveBigIntegerField(null=True)
    """1, 2, 3, … within the organization, without gaps, given at posting."""
    date = models.DateField()
    memo = models.CharField(max_length=LONGEST_MEMO, blank=True)
    reference = models.CharField(max_length=LONGEST_REFERENCE, blank=True)
    currency = models.CharField(max_length=3)
    key = models.CharField(max_length=LONGEST_KEY)
    """The caller's name for this posting, unique per organization: asking again with it posts nothing again."""
    created_at = models.DateTimeField(default=timezone.now)
    posted_at = models.DateTimeField(null=True)
    posted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    """None when Athenty itself posted, as in an import from the command line."""
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")

    objects = JournalEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="entry_number_is_unique"),
            models.UniqueConstraint(fields=["organization", "key"], name="entry_key_is_unique"),
            models.CheckConstraint(
                condition=models.Q(number__isnull=True, posted_at__isnull=True)
                | models.Q(number__isnull=False, number__gte=1, posted_at__isnull=False),
                name="entry_is_numbered_when_posted",
            ),
            models.CheckConstraint(condition=~models.Q(key=""), name="entry_has_a_key"),
        ]
        indexes = [
            models.Index(fields=["organization", "date"], name="entries_by_date"),
        ]

    def __str__(self) -> str:
        return f"JE-{self.number}" if self.number else "Entry not yet posted"


class JournalLineQuerySet(models.QuerySet["JournalLine"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(entry__organization=organization)

    def posted(self) -> Self:
        return self.filter(entry__posted_at__isnull=False)

    def dated(self, *, first: date | None = None, last: date | None = None) -> Self:
        """Lines of entries dated from `first` to `last`, both included; None leaves that side open."""
        lines = self
        if first:
            lines = lines.filter(entry__date__gte=first)
        if last:
            lines = lines.filter(entry__date__lte=last)
        return lines


class JournalLine(models.Model):
    """One account's part in an entry: a debit or a credit, the other side empty."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    """0, 1, 2, … in the order they were given."""
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lines")
    debit = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    credit = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    description = models.CharField(max_length=LONGEST_DESCRIPTION, blank=True)

    objects = JournalLineQuerySet.as_manager()

    class Meta:
        ordering = ["entry_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "position"], name="line_position_is_unique"),
            models.CheckConstraint(
                # The "not null"s are needed: a check that comes out as null passes.
                condition=models.Q(debit__isnull=False, debit__gt=Decimal(0), credit__isnull=True)
                | models.Q(credit__isnull=False, credit__gt=Decimal(0), debit__isnull=True),
                name="line_is_one_debit_or_one_credit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.debit or ''} Dr" if self.debit else f"{self.account} {self.credit or ''} Cr"
