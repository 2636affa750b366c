"""JSON whose numbers are exact: amounts leave with two decimals as text has them, and come back as Decimal."""

import json
from decimal import Decimal, DecimalException
from typing import Any

import orjson


def dumps(value: object) -> bytes:
    """Compact UTF-8. Equal values give equal bytes: keys keep their order, a Decimal is an amount with two decimals.

    Raises ValueError for what is no part of a journal, and where two decimals would change an amount.
    """
    try:
        return orjson.dumps(value, default=_amount)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error.__cause__ or error)) from error


def loads(body: bytes) -> Any:
    """The value; numbers with a point are Decimal. Raises ValueError for anything that could be read in two ways."""
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_unambiguous
        )
    except (RecursionError, DecimalException) as error:
        raise ValueError("The JSON is nested too deeply or holds a number out of all bounds.") from error


def quote(value: object) -> bytes:
    """A value that was read, as text for people. Never raises."""
    try:
        return json.dumps(value, default=str).encode()
    except RecursionError:
        return b""


def amount(value: Decimal) -> str:
    """The amount with two decimals. Raises ValueError when that would change it: we never round."""
    text = f"{value:.2f}"
    if not value.is_finite() or Decimal(text) != value:
        raise ValueError(f"{value} is not an amount with at most two decimals.")
    return text


def _amount(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(amount(value))
    raise TypeError(f"{type(value).__name__} is no part of a journal.")


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("The JSON names a member twice.")
    return members


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number.")
