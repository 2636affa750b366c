"""Slow down the guessing of passwords: ten wrong ones for an e-mail from an address close that pair for a while."""

from datetime import timedelta

from django.utils import timezone

from athenty.organizations.models import SignInFailure

LIMIT = 10
WINDOW = timedelta(minutes=15)


def is_closed(email: str, ip: str | None) -> bool:
    """Whether this e-mail may not be tried from this address now, even with the right password."""
    recent = SignInFailure.objects.filter(failed_at__gt=timezone.now() - WINDOW)
    return recent.filter(email=email, ip=ip).count() >= LIMIT


def count_failure(email: str, ip: str | None) -> None:
    SignInFailure.objects.filter(failed_at__lte=timezone.now() - WINDOW).delete()
    SignInFailure.objects.create(email=email, ip=ip)


def forget_failures(email: str, ip: str | None) -> None:
    SignInFailure.objects.filter(email=email, ip=ip).delete()
