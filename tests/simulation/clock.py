"""Postgres's clock under our hand, without a hook in the product.

A schema that stands before `pg_catalog` in every session's search path holds functions of the same names, so that each
moment the product asks Postgres for is ours: the simulation's frozen one, or the real one and so much more.
"""

from datetime import datetime, timedelta

from django.db import connection

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
                    f"CREATE FUNCTION {_SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS "
                    f"'SELECT coalesce(stands_at, pg_catalog.clock_timestamp()) + ahead FROM {_SCHEMA}.hands'"
                )
        self._point_defaults_at(_SCHEMA)
        self._set_search_path(f"{_SCHEMA}, pg_catalog, public")

    def remove(self) -> None:
        self._point_defaults_at("pg_catalog")
        self._set_search_path(None)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")

    def stand_at(self, moment: datetime) -> None:
        """Stop the clock at this moment."""
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {_SCHEMA}.hands SET stands_at = %s, ahead = '0'", [moment])

    def advance(self, by: timedelta) -> None:
        """Let this much time pass at once; from there it goes on as before."""
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {_SCHEMA}.hands SET ahead = ahead + %s", [by])

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
