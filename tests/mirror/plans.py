"""What Postgres does for statements of the product's own."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection as database

Node = dict[str, Any]


def plan_of(act: Callable[[], object]) -> Node:
    """The plan of the one statement that looks for waiting rows in this, carried out once more and counted."""
    [(statement, values)] = [each for each in carried_out(act) if "state = 'waiting'" in each[0]]
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
        [explained] = cursor.fetchone()[0]
    return explained["Plan"]


def carried_out(act: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements of this, and the values of each."""
    found = []

    def note(execute: Callable[..., object], statement: str, values: Any, *others: object) -> object:
        found.append((statement, values))
        return execute(statement, values, *others)

    with database.execute_wrapper(note):
        act()
    return found


def pages_read(plan: Node) -> int:
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def stepped_over(plan: Node, table: str) -> int:
    """How many rows of the table were looked at for nothing."""
    scans = (node for node in _nodes(plan) if node.get("Relation Name") == table)
    return sum(node.get("Rows Removed by Filter", 0) * node["Actual Loops"] for node in scans)


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)
