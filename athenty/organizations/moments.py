"""Moments in words, in the firm's time zone: "2:05 pm EST", "3 Mar 2026".

By `strftime`, since a page of a list has a hundred of them and Django's own formats take ten times as long. It names
months in English for as long as nobody sets the process's locale.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from athenty.organizations.models import Organization


def local(at: datetime, organization: Organization) -> datetime:
    return at.astimezone(ZoneInfo(organization.time_zone))


def today(organization: Organization) -> date:
    return local(timezone.now(), organization).date()


def short_date(on: date) -> str:
    return f"{on.day} {on:%b %Y}"


def short_time(there: datetime, *, seconds: bool = False) -> str:
    """`2:05 pm`, of a moment that is local already."""
    return f"{there:{'%I:%M:%S' if seconds else '%I:%M'} %p}".removeprefix("0").lower()


def clock(at: datetime, organization: Organization, *, seconds: bool = False) -> str:
    there = local(at, organization)
    return f"{short_time(there, seconds=seconds)} {there:%Z}"


def day(at: datetime, organization: Organization) -> str:
    return short_date(local(at, organization))


def moment(at: datetime, organization: Organization) -> SafeString:
    """Relative and absolute, both in view: a tooltip can't be reached from the keyboard."""
    absolute = f"{day(at, organization)}, {clock(at, organization)}"
    return format_html('<time datetime="{}">{} · {}</time>', at.isoformat(), naturaltime(at), absolute)
