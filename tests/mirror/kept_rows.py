"""Rows as some other test made them, put back in a few milliseconds: making them anew takes most of a test's time."""

from django.db import connection, transaction
from django.db.models import QuerySet


class KeptRows:
    """What these querysets find now, one for each table."""

    def __init__(self, *querysets: QuerySet) -> None:
        self._rows: dict[str, str] = {}
        with connection.cursor() as cursor:
            for found in querysets:
                sql, parameters = found.query.sql_with_params()
                cursor.execute(f"SELECT coalesce(json_agg(found), '[]')::text FROM ({sql}) found", parameters)
                (self._rows[found.model._meta.db_table],) = cursor.fetchone()

    def restore(self) -> None:
        """Under the keys that they had, which no sequence gives out again."""
        with transaction.atomic(), connection.cursor() as cursor:  # references are checked at its end
            for table, rows in self._rows.items():
                cursor.execute(
                    f'INSERT INTO "{table}" SELECT * FROM json_populate_recordset(NULL::"{table}", %s::json)', [rows]
                )
