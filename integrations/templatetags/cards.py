"""What the cards' templates need beyond Django's own tags."""

from datetime import datetime
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.mapping.reports import MappingRow, Status
from integrations.models import ChartAccount, Connection
from integrations.providers.base import Party
from integrations.views import moments

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


@register.filter
def former(target: ChartAccount) -> str:
    """What the account was called there, with its type, before it was last changed."""
    was = target.former
    name = f"{was['number']} · {was['name']}" if was.get("number") else was.get("name", "")
    return f"{name} ({was['kind']})" if was.get("kind") else name


@register.filter
def sharing(others: int) -> str:
    return f"{others + 1} accounts share this target."


@register.filter
def accounts_of_party(party: str) -> str:
    return {Party.CUSTOMER: "receivable accounts", Party.SUPPLIER: "payable accounts"}[Party(party)]


@register.simple_tag
def why_unusable(row: MappingRow, connection: Connection) -> str:
    """Why the row's target does not do, in the provider's case."""
    if row.status == Status.GONE:
        return f"{connection.provider.short_name} no longer lists it. Choose another account."
    if row.status == Status.BREAKS_TRUST:
        return "Its type was changed there, and client money can't go to it. Choose another account."
    return connection.provider.refusals[row.target.refusal] if row.target else ""
