"""How an event's data reads on the page."""

from typing import Any

from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = Library()


@register.filter
def details(data: dict[str, Any]) -> SafeString:
    """One line per key, in the order it was recorded: `from: live`."""
    return format_html_join(
        "", "<div>{}: {}</div>", ((key.replace("_", " "), _shown(value)) for key, value in data.items())
    )


def _shown(value: Any) -> str | SafeString:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        # One row per change of a mapping, which may have changed in many places.
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_shown(inner),) for inner in value)))
    return "none" if value is None else str(value)
