"""How an event's data reads on the page."""

from typing import Any

from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = Library()


@register.filter
def details(data: dict[str, Any]) -> SafeString:
    """What was and what is, `live → off`, and the rest by name."""
    rest = [(f"{key.replace('_', ' ')}: ", _shown(value)) for key, value in _without_change(data)]
    change = [("", _change(data))] if _has_change(data) else []
    return format_html_join("", "<div>{}{}</div>", [*change, *rest])


def _shown(value: Any) -> str | SafeString:
    if isinstance(value, dict):
        rest = [_shown(inner) for _, inner in _without_change(value)]
        return " · ".join([*rest, _change(value)] if _has_change(value) else rest)
    if isinstance(value, list):
        # One row per change of a mapping, which may have changed in many places.
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_shown(inner),) for inner in value)))
    return "none" if value in (None, "") else str(value)


def _has_change(data: dict[str, Any]) -> bool:
    return "from" in data and "to" in data


def _change(data: dict[str, Any]) -> str:
    return f"{_shown(data['from'])} → {_shown(data['to'])}"


def _without_change(data: dict[str, Any]) -> list[tuple[str, Any]]:
    """By name, since Postgres does not keep the order in which keys were recorded."""
    return sorted((key, value) for key, value in data.items() if not (_has_change(data) and key in {"from", "to"}))
