"""Moments on a page, in the firm's time zone."""

from datetime import date, datetime

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template import Library
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from athenty.organizations import moments
from athenty.organizations.models import Organization

register = Library()


@register.filter
def short_date(on: date | None) -> str:
    """`12 Mar 2026`: in a list's rows, where Django's `date:"j M Y"` would be most of the page's time."""
    return moments.short_date(on) if on else ""


@register.filter
def moment(at: datetime, organization: Organization) -> SafeString:
    """On one line: `4 minutes ago · 12 Mar 2026, 2:05 pm EDT`."""
    return moments.moment(at, organization)


@register.filter
def moment_in_list(at: datetime, organization: Organization) -> SafeString:
    """On three lines and to the second, for a column: the absolute moment first, since that is what one looks up."""
    return format_html(
        '<time datetime="{}">{}<br>{}</time><span class="row-note">{}</span>',
        at.isoformat(),
        moments.day(at, organization),
        moments.clock(at, organization, seconds=True),
        naturaltime(at),
    )


@register.simple_tag
def now_at(organization: Organization) -> str:
    """When the page was made, for paper: `12 Mar 2026, 2:05 pm EDT`."""
    now = timezone.now()
    return f"{moments.day(now, organization)}, {moments.clock(now, organization)}"
