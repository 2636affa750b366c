"""Money: Decimal in the code, whole cents in the store, text with two decimals in answers to people."""

from decimal import Decimal, InvalidOperation
from typing import Any

CENT = Decimal("0.01")


def read_amount(value: Any) -> Decimal | None:
    """A finite Decimal from a JSON number or a string of one; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def is_whole_cents(amount: Decimal) -> bool:
    """Whether the amount has at most two decimals, counting 1.100 as 1.10."""
    return amount == amount.quantize(CENT)


def to_cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))


def from_cents(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def shown(cents: int) -> str:
    return f"{from_cents(cents):.2f}"
