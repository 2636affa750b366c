"""What the cards' templates need beyond Django's own tags."""

from datetime import datetime
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.views import moments
from integrations.views.options import TargetOptions

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
    """Relative and absolute, both in view: a tooltip can't be reached from the keyboard."""
    organization = context["organization"]
    absolute = f"{moments.day(at, organization)}, {moments.clock(at, organization)}"
    return format_html('<time datetime="{}">{} · {}</time>', at.isoformat(), naturaltime(at), absolute)


@register.simple_tag
def target_options(options: TargetOptions, chosen_id: int | None) -> SafeString:
    return options.with_selected(chosen_id)
