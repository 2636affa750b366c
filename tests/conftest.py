"""What every test shares."""

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings

from tests.log_watch import watched_logs

__all__ = ["watched_logs"]


@pytest.fixture(autouse=True, scope="session")
def _hash_passwords_in_no_time():
    """A safe hash takes a third of a second, for each of the people whom a thousand tests make."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True, scope="session")
def _let_tests_empty_the_books():
    """Tests that commit empty the tables afterwards, which the books' and the audit log's own triggers refuse."""
    flush = DatabaseOperations.sql_flush

    def sql_flush(self, style, tables, **options):
        quoted = [self.quote_name(table) for table in tables]
        return [
            *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in quoted),
            *flush(self, style, tables, **options),
            *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in quoted),
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield
