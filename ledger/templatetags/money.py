"""How amounts are written on a page: `1,234.50`, and `(1,234.50)` when negative, which is also said in words."""

from decimal import Decimal

from django.template import Library
from django.utils.safestring import SafeString, mark_safe

register = Library()


@register.filter
def money(amount: Decimal | None) -> SafeString:
    """An empty side of a line stays empty to the eye."""
    # Digits need no escaping, and fifty rows of it are a tenth of a page.
    return mark_safe(_written(amount))  # noqa: S308


def _written(amount: Decimal | None) -> str:
    if amount is None:
        return '<span class="visually-hidden no-amount">none</span>'
    if amount < 0:
        return f'<span class="visually-hidden">minus </span>({-amount:,.2f})'
    return f"{amount:,.2f}"
