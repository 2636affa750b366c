"""Postgres's clock under our hand, without a hook in the product.

A schema that stands before `pg_catalog` in every session's search path holds functions of the same names, so that each
moment the product asks Postgres for is ours: the simulation's frozen one, or the real one and so much more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

_NAMES = {"clock_timestamp": "VOLATILE", "statement_timestamp": "STABLE", "now": "STABLE"}
_SCHEMA = "moved_clock"


class DatabaseClock:
    """Installed in the present database until removed. Sessions that were open before keep the real clock."""

    def install(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE; CREATE SCHEMA {_SCHEMA}")
            cursor.execute(f"CREATE TABLE {_SCHEMA}.hands (stands_at timestamptz, ahead interval NOT NULL)")
            cursor.execute(f"INSERT INTO {_SCHEMA}.hands VALUES (NULL, '0')")
            for name, volatility in _NAMES.items():
                cursor.execute(
                    # plpgsql keeps its plan for the session; a function in SQL is planned for each statement.
                    f"CREATE FUNCTION {_SCHEMA}.{name}() RETURNS timestamptz LANGUAGE plpgsql {volatility} AS "
                    "'BEGIN RETURN (SELECT coalesce(stands_at, pg_catalog.clock_timestamp()) + ahead"
                    f" FROM {_SCHEMA}.hands); END'"
                )
        self._point_defaults_at(_SCHEMA)
        self._set_search_path(f"{_SCHEMA}, pg_catalog, public")

    def remove(self) -> None:
        self._point_defaults_at("pg_catalog")
        self._set_search_path(None)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")

    def advance(self, by: timedelta) -> None:
        """Let this much time pass at once; from there it goes on as before."""
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {_SCHEMA}.hands SET ahead = ahead + %s", [by])

    @contextmanager
    def standing(self) -> Iterator["StandingClock"]:
        """Stands wherever it is told to, which the database hears of only before a statement that asks for the time."""
        with StandingClock() as clock, pytest.MonkeyPatch.context() as patch:
            execute = CursorWrapper._execute

            def tell_first(cursor: Any, sql: Any, params: Any, *ignored: Any) -> Any:
                if _asks_for_the_time(str(sql)):
                    clock.tell()
                return execute(cursor, sql, params, *ignored)

            patch.setattr(CursorWrapper, "_execute", tell_first)
            yield clock

    def _point_defaults_at(self, schema: str) -> None:
        """A column's default names its function once and for all, whatever the search path says later."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT adrelid::regclass::text, attname FROM pg_attrdef JOIN pg_attribute"
                " ON attrelid = adrelid AND attnum = adnum"
                " WHERE pg_get_expr(adbin, adrelid) LIKE '%statement_timestamp%'"
            )
            for table, column in cursor.fetchall():
                cursor.execute(
                    f'ALTER TABLE {table} ALTER COLUMN "{column}" SET DEFAULT {schema}.statement_timestamp()'
                )

    def _set_search_path(self, path: str | None) -> None:
        name = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            what = f"SET search_path = {path}" if path else "RESET search_path"
            cursor.execute(f'ALTER DATABASE "{name}" {what}')
        connection.close()
        connection.close_pool()


def _asks_for_the_time(sql: str) -> bool:
    """An INSERT may leave a column to a default that does."""
    return sql.startswith("INSERT") or "timestamp()" in sql.lower()


class StandingClock:
    """See `DatabaseClock.standing`. Tells the database in a session of its own, so that no rollback takes it back."""

    def __init__(self) -> None:
        self._session = connection.copy()
        self._session.inc_thread_sharing()
        self._at: datetime | None = None
        self._told: datetime | None = None

    def __enter__(self) -> "StandingClock":
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    def stand_at(self, moment: datetime) -> None:
        self._at = moment

    def tell(self) -> None:
        if self._told != self._at:
            self._told = self._at  # before the statement, which comes by here itself
            with self._session.cursor() as cursor:
                cursor.execute(f"UPDATE {_SCHEMA}.hands SET stands_at = %s, ahead = '0'", [self._at])
