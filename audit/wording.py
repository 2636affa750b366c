"""How what was recorded reads: plain words for the keys, codes and figures in an event's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from athenty.organizations.moments import short_date

PROVIDERS = {"quickbooks": "QuickBooks Online", "xero": "Xero"}

_LISTED = 12
"""A mapping may change in hundreds of rows; the page shows so many, the export all."""

_LABELS = {
    "accounts": "Accounts compared",
    "as_of": "As of",
    "cause": "Why",
    "company": "Company",
    "date": "Date",
    "differing": "Accounts that differ",
    "entries": "Entries",
    "entries_waiting": "Entries waiting",
    "events": "Events",
    "file": "File",
    "file_credits": "Credits in it",
    "file_debits": "Debits in it",
    "filter": "Filter",
    "first": "from",
    "last": "to",
    "memo": "Memo",
    "name": "Name",
    "provider": "Provider",
    "provider_code": "Provider's code",
    "provider_error": "Provider's words",
    "remote_id": "Number there",
    "reverses": "Reverses",
    "to_be_created": "To be created",
    "total": "Total",
}
_VALUES = {
    "cause": {
        "company_gone": "the company can no longer be reached",
        "expired": "our access ran out",
        "in_reach_again": "the company can be reached again",
        "person": "a person disconnected it",
        "revoked_at_provider": "the access was ended at the provider",
        "seal_broken": "the stored access was altered or moved",
    },
    "provider": PROVIDERS,
}
_MODES = {"live": "Live", "batched": "Batched", "off": "Off"}


@dataclass(frozen=True)
class Detail:
    """One line of the Details column: a label (may be empty), and a text or several."""

    label: str
    texts: Sequence[str]
    left_out: int = 0
    """How many further texts there are, which only the export has."""


def details(data: dict[str, Any]) -> list[Detail]:
    """What was and what is first, `Live → Off`; then the rest in the order of their keys."""
    rest = dict(data)
    found = []
    if "from" in rest and "to" in rest:
        found.append(Detail("", [_change(rest.pop("from"), rest.pop("to"))]))
    elif "from" in rest:
        found.append(Detail("From", [_value("from", rest.pop("from"))]))
    if isinstance(changes := rest.get("changes"), list):
        del rest["changes"]
        rows = [_change_of(row) for row in changes]
        found.append(Detail("", rows[:_LISTED], left_out=max(0, len(rows) - _LISTED)))
    if "total" in rest and "currency" in rest:
        rest["total"] = f"{_money(rest['total'])} {rest.pop('currency')}"
    return found + [_detail(key, rest[key]) for key in sorted(rest)]


def _detail(key: str, value: Any) -> Detail:
    label = _LABELS.get(key, key.replace("_", " ").capitalize())
    if key == "entries" and isinstance(value, list):
        numbers = [f"JE-{number}" for number in value]
        return Detail(label, [", ".join(numbers[:_LISTED])], left_out=max(0, len(numbers) - _LISTED))
    if isinstance(value, list):
        texts = [_value(key, inner) for inner in value]
        return Detail(label, texts[:_LISTED], left_out=max(0, len(texts) - _LISTED))
    return Detail(label, [_value(key, value)])


def _value(key: str, value: Any) -> str:
    if isinstance(value, dict):
        named = [f"{_LABELS.get(name, name)} {_value(name, inner)}" for name, inner in sorted(value.items())]
        return ", ".join(named) or "none"
    if value in (None, "", []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return _VALUES.get(key, {}).get(str(value)) or _day(str(value))


def _change(before: Any, after: Any) -> str:
    return f"{_state(before)} → {_state(after)}"


def _state(value: Any) -> str:
    return _MODES.get(value) or _value("", value) if isinstance(value, str) else _value("", value)


def _change_of(row: Any) -> str:
    """`1100 Trust Bank: none → 1100 · Trust Account`, or whatever else stands in a list of changes."""
    if not (isinstance(row, dict) and {"from", "to"} <= set(row)):
        return _value("", row)
    of = ", ".join(str(value) for key, value in sorted(row.items()) if key not in {"from", "to"})
    return f"{of}: {_change(row['from'], row['to'])}" if of else _change(row["from"], row["to"])


def _day(text: str) -> str:
    """A date as people write it; any other text as it is."""
    try:
        return short_date(date.fromisoformat(text)) if len(text) == len("2026-03-12") else text
    except ValueError:
        return text


def _money(text: Any) -> str:
    try:
        return f"{Decimal(str(text)):,.2f}"
    except InvalidOperation:
        return str(text)
