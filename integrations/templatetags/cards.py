"""What the cards' templates need beyond Django's own tags."""

from datetime import datetime
from typing import Any

from django.template import Library
from django.utils.safestring import SafeString

from integrations.mirror.activity import ListedEntry
from integrations.providers.base import Party
from integrations.views import moments
from integrations.views.activity_rows import rows as write_activity_rows
from integrations.views.mapping_panel import Panel
from integrations.views.mapping_rows import rows
from integrations.views.plots import HourlyPlot

register = Library()


@register.filter
def entries(number: int) -> str:
    return moments.counted(number, "entry", "entries")


@register.simple_tag(takes_context=True)
def clock(context: dict[str, Any], at: datetime) -> str:
    return moments.clock(at, context["organization"])


@register.simple_tag(takes_context=True)
def day(context: dict[str, Any], at: datetime) -> str:
    return moments.day(at, context["organization"])


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], at: datetime) -> SafeString:
    return moments.moment(at, context["organization"])


@register.filter
def accounts_of_party(party: str) -> str:
    return {Party.CUSTOMER: "receivable accounts", Party.SUPPLIER: "payable accounts"}[Party(party)]


@register.simple_tag(takes_context=True)
def activity_rows(context: dict[str, Any], listed: list[ListedEntry]) -> SafeString:
    return write_activity_rows(listed, context["organization"])


@register.simple_tag(takes_context=True)
def hourly_plot(context: dict[str, Any], plot: HourlyPlot) -> SafeString:
    return plot.drawn(context["organization"])


@register.simple_tag
def mapping_rows(panel: Panel) -> SafeString:
    return rows(panel)
