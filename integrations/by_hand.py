"""Instances from statements written by hand. Django's own `raw` takes longer to make one than Postgres to answer."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import DEFERRED, Model

_Model = TypeVar("_Model", bound=Model)


def instances(model: type[_Model], sql: str, values: Sequence[object] | Mapping[str, object]) -> list[_Model]:
    """One for each row, as `raw` makes them: a field whose column is left out is read when it is asked for, and a
    column that is no field becomes an attribute."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)  # type: ignore[arg-type]  # the stubs do not know UUID
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    fields = [field.attname for field in model._meta.concrete_fields]
    found = []
    for row in rows:
        instance = model.from_db(DEFAULT_DB_ALIAS, fields, [row.pop(name, DEFERRED) for name in fields])
        instance.__dict__.update(row)
        found.append(instance)
    return found
