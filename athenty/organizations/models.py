"""Who works in which firm, and as what."""

import zoneinfo
from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str, is_staff: bool = False) -> "User":
        """A person who signs in with this e-mail; without a password they can't sign in yet."""
        user = self.model(email=email.strip().lower(), name=name, is_staff=is_staff)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email=(email or "").strip().lower())


class User(AbstractBaseUser):
    """A person. What they may do stands on their memberships."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    """Works for Athenty: may open the operators' pages, and by that no firm's own."""
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Nobody may change rows by hand: the operators' pages are read only, beside the acts that they offer."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


def check_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name} is not a time zone. Use a name such as America/New_York.")


class Organization(models.Model):
    """The customer whose books these are. Its row is the lock under which its journal entries get their numbers."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    currency = models.CharField(max_length=3, default="USD")
    """The one currency of its ledger, as an ISO 4217 code."""
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    """An IANA name: moments are shown in it, and "today" is its today."""
    created_at = models.DateTimeField(default=timezone.now)
    people = models.ManyToManyField(User, through="Membership", related_name="organizations")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="organization_currency_is_iso_4217"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def for_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def of(self, user: User) -> Self:
        return self.filter(user=user).select_related("organization").order_by("organization__name", "organization_id")

    def managers(self) -> Self:
        """Owners first, then admins: the people who can change how the firm is set up."""
        roles = [Membership.Role.OWNER, Membership.Role.ADMIN]
        owners_first = models.Case(models.When(role=Membership.Role.OWNER, then=0), default=1)
        active = self.filter(role__in=roles, user__is_active=True)
        return active.select_related("user").order_by(owners_first, "user__name")


class Membership(models.Model):
    """One person's place in one organization."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        MEMBER = "member", "Member"
        VIEWER = "viewer", "Viewer"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(default=timezone.now)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "organization"], name="one_membership_per_person_and_organization"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "admin", "member", "viewer"]), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()} of {self.organization}"

    @property
    def is_manager(self) -> bool:
        """Owners and admins see and do everything in the settings; members and viewers see nothing there."""
        return self.role in {self.Role.OWNER, self.Role.ADMIN}


class SignInFailure(models.Model):
    """A wrong password, kept for as long as `throttle` counts it."""

    email = models.CharField(max_length=254)
    """As typed, whether or not anyone has it, so that the answer does not tell which addresses exist."""
    ip = models.GenericIPAddressField(null=True)
    failed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["email", "ip", "failed_at"], name="sign_in_failures_counted")]

    def __str__(self) -> str:
        return f"{self.email} from {self.ip} at {self.failed_at:%Y-%m-%d %H:%M:%S}"
