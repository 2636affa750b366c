"""Tables put back to what they held when everything was set up: a tenth of the time of setting it up anew."""

from django.apps import apps
from django.db import connection

_NEVER_CHANGED = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "organizations_organization",
    "organizations_user",
    "organizations_membership",
    "ledger_account",
}
_SCHEMA = "kept"


class KeptTables:
    """Keeps what the product's tables hold now. `restore` brings it back, sequences included."""

    def __init__(self) -> None:
        models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
        tables = {model._meta.db_table for model in models}
        self._tables = sorted(tables - _NEVER_CHANGED)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE; CREATE SCHEMA {_SCHEMA}")
            cursor.execute("".join(f'CREATE TABLE {_SCHEMA}."{name}" AS TABLE "{name}";' for name in self._tables))
            cursor.execute("SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public'")
            self._sequences = cursor.fetchall()
            cursor.execute(
                "SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"
            )
            self._guarded = [name for (name,) in cursor.fetchall()]
            self._filled = [name for name in self._tables if self._has_rows(cursor, name)]

    def restore(self) -> None:
        with connection.cursor() as cursor:
            # The books, the audit log and what was sealed refuse to be emptied.
            cursor.execute("".join(f'ALTER TABLE "{name}" DISABLE TRIGGER USER;' for name in self._guarded))
            # References are checked at the end, so the order is free.
            cursor.execute(
                "BEGIN;"
                + "".join(f'DELETE FROM "{name}";' for name in self._tables)
                + "".join(f'INSERT INTO "{name}" SELECT * FROM {_SCHEMA}."{name}";' for name in self._filled)
                + "COMMIT"
            )
            cursor.execute("".join(f'ALTER TABLE "{name}" ENABLE TRIGGER USER;' for name in self._guarded))
            cursor.execute(
                "SELECT " + ", ".join(f"setval('\"{name}\"', {value + 1}, false)" for name, value in self._sequences)
            )

    def remove(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")

    @staticmethod
    def _has_rows(cursor, name: str) -> bool:
        cursor.execute(f'SELECT EXISTS (SELECT FROM {_SCHEMA}."{name}")')
        return bool(cursor.fetchone()[0])
