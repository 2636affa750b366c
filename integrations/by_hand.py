"""Statements written by hand, for what every send waits for.

Their values are sent beside them, so that Postgres plans each once in a session, and not again each time: that takes it
about as long as carrying them out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DEFERRED, Model
from psycopg.rows import RowFactory, dict_row, tuple_row

_Model = TypeVar("_Model", bound=Model)
_Values = Sequence[object] | Mapping[str, object]


def execute(sql: str, values: _Values, row_factory: RowFactory[Any] = tuple_row) -> Any:
    """The cursor that has carried it out."""
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    # Not Django's own cursor, which writes the values into the statement and so makes another of it each time.
    cursor = psycopg.Cursor(database.connection, row_factory=row_factory)
    wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
    wrapped = wrap(cursor)  # type: ignore[arg-type]  # the stubs know Django's own cursors alone
    wrapped.execute(sql, values)  # type: ignore[arg-type]  # nor UUID and arrays
    return wrapped


def columns(model: type[Model], table: str) -> str:
    """All of the model's. With `*`, a kept plan would fail once a migration has added one while workers run."""
    return ", ".join(f'{table}."{field.column}"' for field in model._meta.concrete_fields)


def rows(sql: str, values: _Values) -> list[tuple[Any, ...]]:
    with execute(sql, values) as cursor:
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def instances(model: type[_Model], sql: str, values: _Values) -> list[_Model]:
    """One for each row, as `raw` makes them but in less time: a field whose column is left out is read when it is asked
    for, and a column that is no field becomes an attribute."""
    with execute(sql, values, dict_row) as cursor:
        answered = cursor.fetchall()
    fields = [field.attname for field in model._meta.concrete_fields]
    found = []
    for row in answered:
        instance = model.from_db(DEFAULT_DB_ALIAS, fields, [row.pop(name, DEFERRED) for name in fields])
        instance.__dict__.update(row)
        found.append(instance)
    return found
