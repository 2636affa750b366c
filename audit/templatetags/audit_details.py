"""How an event's data reads on the page."""

from typing import Any

from django.template import Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit import wording

register = Library()


@register.filter
def details(data: dict[str, Any]) -> SafeString:
    """What was and what is, `Live → Off`, and the rest by name."""
    return format_html_join("", "{}", ((_shown(detail),) for detail in wording.details(data)))


def _shown(detail: wording.Detail) -> SafeString:
    label = format_html('<span class="muted">{}:</span> ', detail.label) if detail.label else ""
    more = (
        format_html(' <span class="muted">and {} more, in the export</span>', detail.left_out)
        if detail.left_out
        else ""
    )
    if len(detail.texts) == 1:
        return format_html("<div>{}{}{}</div>", label, detail.texts[0], more)
    rows = format_html_join("", "<li>{}</li>", ((text,) for text in detail.texts))
    return format_html('<div>{}<ul class="plain-list">{}</ul>{}</div>', label, rows, more)
