"""Statements written by hand, for what every send waits for.

Their values are sent beside them, so that Postgres plans each once in a session, and not again each time: that takes it
about as long as carrying them out.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DEFERRED, Model
from psycopg.rows import RowFactory, dict_row, tuple_row

_PLANNED_BY_INDEX = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "enable_incremental_sort": "off",
}
PLANNED_BY_INDEX = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _PLANNED_BY_INDEX.items())
"""To be selected by a transaction's first statement: those after it take each row by an index, in its order.

A kept plan that was made while the tables were small would go on to read the whole of them once they have grown.
"""

_Model = TypeVar("_Model", bound=Model)
_Row = TypeVar("_Row")
_Values = Sequence[object] | Mapping[str, object]


def execute(sql: str, values: _Values) -> None:
    _carried_out(sql, values, tuple_row)


def columns(model: type[Model], table: str) -> str:
    """All of the model's. With `*`, a kept plan would fail once a migration has added one while workers run."""
    return ", ".join(f'{table}."{field.column}"' for field in model._meta.concrete_fields)


def rows(sql: str, values: _Values) -> list[tuple[Any, ...]]:
    return _carried_out(sql, values, tuple_row).fetchall()


def instances(model: type[_Model], sql: str, values: _Values) -> list[_Model]:
    """One for each row, as `raw` makes them but in less time: a field whose column is left out is read when it is asked
    for, and a column that is no field becomes an attribute."""
    fields = [field.attname for field in model._meta.concrete_fields]
    found = []
    for row in _carried_out(sql, values, dict_row).fetchall():
        instance = model.from_db(DEFAULT_DB_ALIAS, fields, [row.pop(name, DEFERRED) for name in fields])
        instance.__dict__.update(row)
        found.append(instance)
    return found


_here = threading.local()
"""Its `cursor` is kept from one statement to the next: a new one has to learn anew how each type is read."""


def _carried_out(sql: str, values: _Values, row_factory: RowFactory[_Row]) -> psycopg.Cursor[_Row]:
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    cursor = getattr(_here, "cursor", None)
    if cursor is None or cursor.connection is not database.connection:
        # Not Django's own, which writes the values into the statement and so makes another of it each time.
        cursor = _here.cursor = psycopg.Cursor(database.connection)
    cursor.row_factory = row_factory
    wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
    wrapped = wrap(cursor)  # type: ignore[arg-type]  # the stubs know Django's own cursors alone
    wrapped.execute(sql, values)  # type: ignore[arg-type]  # nor UUID and arrays
    return cursor
