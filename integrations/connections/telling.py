"""Telling a firm's owners and admins by e-mail that a connection's access ends, or has ended."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import mail
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from athenty.organizations.models import Membership
from integrations.backoff import doubled
from integrations.clock import database_now
from integrations.mirror import waking
from integrations.models import AccessNotice, Connection, SealedGrant

logger = logging.getLogger(__name__)

WARNED_FROM = timedelta(days=14)
# The nearest first: who is told of two days needs no word about a week.
_WARNINGS = [
    (timedelta(days=2), AccessNotice.Kind.ENDS_IN_2_DAYS),
    (timedelta(days=7), AccessNotice.Kind.ENDS_IN_7_DAYS),
    (WARNED_FROM, AccessNotice.Kind.ENDS_IN_14_DAYS),
]
_TRIED_FOR = timedelta(days=3)
_ONE_TRY, _LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=1)


def access_ends_at(connection: Connection) -> datetime | None:
    """When the provider ends our access unless it is renewed, or by its hard end; None without a grant."""
    grant: SealedGrant | None = getattr(connection, "grant", None)
    return min(filter(None, (grant.refresh_expires_at, grant.grant_expires_at))) if grant else None


def warn_of_ends() -> None:
    """Tell, once each, of connected grants that end in two weeks, in a week, in two days."""
    now = database_now()
    near = Q(refresh_expires_at__lte=now + WARNED_FROM) | Q(grant_expires_at__lte=now + WARNED_FROM)
    ending = SealedGrant.objects.filter(near, connection__status=Connection.Status.CONNECTED)
    for grant in ending.select_related("connection__organization"):
        ends_at = min(filter(None, (grant.refresh_expires_at, grant.grant_expires_at)))
        kind = next(kind for before, kind in _WARNINGS if ends_at <= now + before)
        _tell(grant.connection, kind, about=ends_at)


def tell_that_it_ended(connection: Connection) -> None:
    """In the transaction that stops the connection."""
    _tell(connection, AccessNotice.Kind.ENDED, about=connection.status_changed_at)


def _tell(connection: Connection, kind: AccessNotice.Kind, *, about: datetime) -> None:
    if kind != AccessNotice.Kind.ENDED:
        # To the firm's day: every refresh moves an end by moments.
        there = about.astimezone(ZoneInfo(connection.organization.time_zone))
        about = there.replace(hour=12, minute=0, second=0, microsecond=0)
    _, is_new = AccessNotice.objects.get_or_create(
        connection=connection, kind=kind, about=about, defaults={"next_try_at": database_now()}
    )
    if is_new:
        waking.wake_for_mail(connection.pk)


def wake_due() -> None:
    due = AccessNotice.objects.filter(next_try_at__lte=database_now()).values_list("connection_id", flat=True)
    for connection_id in due.distinct():
        waking.wake_for_mail(connection_id)


def send_due(connection_id: UUID) -> None:
    """Send what a connection's people are to be told. Where the mail server is away, it is tried again for days."""
    due = AccessNotice.objects.filter(connection_id=connection_id, next_try_at__lte=database_now())
    for notice_id in due.values_list("pk", flat=True):
        _send(notice_id)


def _send(notice_id: int) -> None:
    now = database_now()
    # Moving the due time takes the work: a second worker, woken twice, finds nothing due.
    due = AccessNotice.objects.filter(pk=notice_id, next_try_at__lte=now)
    if not due.update(next_try_at=now + _ONE_TRY):
        return
    notice = AccessNotice.objects.select_related("connection__organization").get(pk=notice_id)
    try:
        _mail(notice)
    except OSError as error:  # which all of smtplib's are
        logger.warning("Notice %s could not be mailed: %s", notice_id, type(error).__name__)
        _try_again(notice, now)
        return
    AccessNotice.objects.filter(pk=notice_id).update(next_try_at=None, sent_at=now)


def _try_again(notice: AccessNotice, now: datetime) -> None:
    notice.failures += 1
    wait = doubled(timedelta(minutes=1), notice.failures, at_most=_LONGEST_WAIT)
    is_stale = notice.failures * _LONGEST_WAIT > _TRIED_FOR
    notice.next_try_at = None if is_stale else now + wait
    notice.save(update_fields=["failures", "next_try_at"])


def _mail(notice: AccessNotice) -> None:
    """To each person alone. A mailbox that is refused keeps nobody else's message back."""
    connection = notice.connection
    managers = Membership.objects.for_organization(connection.organization).managers()
    context = {
        "notice": notice,
        "connection": connection,
        "organization": connection.organization,
        "provider": connection.provider,
        "waiting": connection.queue.under_way().count(),
        "address": settings.SITE_URL + reverse("integrations:index"),
        "support_email": settings.SUPPORT_EMAIL,
    }
    subject = " ".join(render_to_string("integrations/mail/subject.txt", context).split())
    body = render_to_string("integrations/mail/body.txt", context)
    for manager in managers:
        try:
            mail.send_mail(subject, body, None, [manager.user.email])
        except SMTPRecipientsRefused:
            logger.warning("Notice %s: the mailbox of person %s was refused.", notice.pk, manager.user_id)
