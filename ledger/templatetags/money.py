"""How amounts are written on a page: `1,234.50`, and `(1,234.50)` when negative, which is also said in words."""

from decimal import Decimal

from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = Library()


@register.filter
def money(amount: Decimal | None) -> SafeString:
    """An empty side of a line stays empty to the eye."""
    if amount is None:
        return format_html('<span class="visually-hidden no-amount">{}</span>', "none")
    if amount < 0:
        return format_html('<span class="visually-hidden">minus </span>({})', f"{-amount:,.2f}")
    return format_html("{}", f"{amount:,.2f}")
