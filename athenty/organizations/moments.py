"""Moments in words, in the firm's time zone: "2:05 pm EST", "3 Mar 2026"."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from athenty.organizations.models import Organization


def local(at: datetime, organization: Organization) -> datetime:
    return at.astimezone(ZoneInfo(organization.time_zone))


def today(organization: Organization) -> date:
    return local(timezone.now(), organization).date()


def clock(at: datetime, organization: Organization, *, seconds: bool = False) -> str:
    there = local(at, organization)
    time = format_date(there, "g:i:s" if seconds else "g:i")
    return f"{time} {format_date(there, 'A').lower()} {format_date(there, 'T')}"


def day(at: datetime, organization: Organization) -> str:
    return format_date(local(at, organization), "j M Y")


def moment(at: datetime, organization: Organization) -> SafeString:
    """Relative and absolute, both in view: a tooltip can't be reached from the keyboard."""
    absolute = f"{day(at, organization)}, {clock(at, organization)}"
    return format_html('<time datetime="{}">{} · {}</time>', at.isoformat(), naturaltime(at), absolute)
