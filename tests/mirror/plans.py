"""What Postgres does for a statement of the product's own."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection as database
from django.test.utils import CaptureQueriesContext

Node = dict[str, Any]


def plan_of(act: Callable[[], object]) -> Node:
    """The plan of the one statement that looks for waiting rows in this, carried out once more and counted."""
    with CaptureQueriesContext(database) as captured:
        act()
    [statement] = [query["sql"] for query in captured if "state = 'waiting'" in query["sql"]]
    with database.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
        [explained] = cursor.fetchone()[0]
    return explained["Plan"]


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
