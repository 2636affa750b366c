"""QuickBooks Online's query language, for the one entity a mirror may ask about: Account."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..unverified import words
from .bodies import Fault, error

DEFAULT_RESULTS, MOST_RESULTS = 100, 1000
STATEMENT = re.compile(
    r"\s*select\s+(?P<columns>\*|count\s*\(\s*\*\s*\)|[\w.,\s]+?)\s+from\s+(?P<entity>\w+)"
    r"(?:\s+where\s+(?P<where>.+?))?"
    r"(?:\s+order\s*by\s+(?P<order>\w+(?:\.\w+)?(?:\s+(?:asc|desc))?))?"
    r"(?:\s+startposition\s+(?P<start>-?\d+))?"
    r"(?:\s+maxresults\s+(?P<most>-?\d+))?\s*;?\s*",
    re.IGNORECASE | re.DOTALL,
)
VALUE = r"'(?:\\.|[^'\\])*'|true|false|-?\d+(?:\.\d+)?"
CONDITION = re.compile(
    rf"\s*(?P<field>[\w.]+)\s*(?:(?P<in>in)\s*\(\s*(?P<values>(?:{VALUE})(?:\s*,\s*(?:{VALUE}))*)\s*\)"
    rf"|(?P<operator><=|>=|=|<|>|like)\s*(?P<value>{VALUE}))\s*(?P<more>and\b|$)",
    re.IGNORECASE,
)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda held, asked: held == asked,
    "<": lambda held, asked: held < asked,
    ">": lambda held, asked: held > asked,
    "<=": lambda held, asked: held <= asked,
    ">=": lambda held, asked: held >= asked,
}


@dataclass(frozen=True)
class Query:
    """A parsed statement. `conditions` are (field, operator, values); `start` is 1-based."""

    entity: str
    is_count: bool
    conditions: list[tuple[str, str, list[Any]]]
    order_by: str | None
    descending: bool
    start: int
    most: int


def parse(statement: str) -> Query:
    """Raises Fault 4000 for what can't be read and 4001 for a value out of range."""
    match = STATEMENT.fullmatch(statement)
    if match is None:
        raise Fault(error("4000", "Error parsing query", words("qbo_bad_query", problem="Encountered unexpected text")))
    start, most = int(match["start"] or 1), int(match["most"] or DEFAULT_RESULTS)
    if start < 1 or most < 1:
        # The text of a recorded answer.
        detail = f"QueryValidationError: value {min(start, most)} is too small. Min allowed value is 1"
        raise Fault(error("4001", "Invalid query", detail))
    if most > MOST_RESULTS:
        detail = f"QueryValidationError: value {most} is too large. Max allowed value is {MOST_RESULTS}"
        raise Fault(error("4001", "Invalid query", detail))
    order, _, direction = (match["order"] or "").partition(" ")
    return Query(
        entity=match["entity"], is_count=match["columns"].lower().startswith("count"),
        conditions=_conditions(match["where"] or ""), order_by=order or None,
        descending=direction.strip().lower() == "desc", start=start, most=most,
    )  # fmt: skip


def entity_of(statement: str) -> str:
    """The entity a statement asks about, in lower case; empty when it can't be read."""
    match = STATEMENT.fullmatch(statement)
    return match["entity"].lower() if match else ""


def run(query: Query, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The QueryResponse of a query over these accounts. `maxResults` is the count returned; no rows, no key."""
    conditions = list(query.conditions)
    if not any(field == "active" for field, _, _ in conditions):
        conditions.append(("active", "=", [True]))  # an unfiltered query finds active rows only
    found = [row for row in rows if all(_holds(row, condition) for condition in conditions)]
    if query.is_count:
        return {"totalCount": len(found)}
    if query.order_by:
        found.sort(key=lambda row: str(_member(row, query.order_by or "")), reverse=query.descending)
    page = found[query.start - 1 : query.start - 1 + query.most]
    return {"Account": page, "startPosition": query.start, "maxResults": len(page)} if page else {}


def _conditions(where: str) -> list[tuple[str, str, list[Any]]]:
    conditions, rest = [], where
    while rest.strip():
        match = CONDITION.match(rest)
        if match is None or (match["more"] == "" and match.end() != len(rest)):
            raise Fault(error("4000", "Error parsing query", words("qbo_bad_query", problem=f"Encountered {rest!r}")))
        values = re.findall(VALUE, match["values"] or match["value"], re.IGNORECASE)
        operator = "in" if match["in"] else match["operator"].lower()
        if match["field"].lower() == "id" and operator not in ("in", "="):
            raise Fault(error("4001", "Invalid query", "QueryValidationError: operator not supported for Id"))
        conditions.append((match["field"].lower(), operator, [_literal(value) for value in values]))
        rest = rest[match.end() :]
    return conditions


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return float(text)


def _holds(row: dict[str, Any], condition: tuple[str, str, list[Any]]) -> bool:
    field, operator, values = condition
    held = _member(row, field)
    if held is None:
        return False
    values = [_as_type_of(held, value) for value in values]
    if operator == "in":
        return held in values
    if operator == "like":
        pattern = ".*".join(re.escape(part) for part in str(values[0]).split("%"))
        return re.fullmatch(pattern, str(held), re.IGNORECASE) is not None
    return type(held) is type(values[0]) and COMPARISONS[operator](held, values[0])


def _as_type_of(held: Any, value: Any) -> Any:
    """Intuit writes booleans and numbers with or without quotes: compare like with like."""
    if isinstance(held, bool):
        return str(value).lower() == "true"
    if isinstance(held, (int, float)):
        return type(held)(float(value)) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _member(row: dict[str, Any], path: str) -> Any:
    """A member by case-insensitive dotted path; a reference counts as its value."""
    held: Any = row
    for part in path.split("."):
        if not isinstance(held, dict):
            return None
        held = next((value for name, value in held.items() if name.lower() == part.lower()), None)
    return held.get("value") if isinstance(held, dict) else held
