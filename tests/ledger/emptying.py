"""Let Django empty the tables after a test that commits. The product's own triggers refuse that, and stay on otherwise.

A conftest.py takes it in with `from tests.ledger.emptying import tables_can_be_emptied`.
"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations

_APPEND_ONLY = ("audit_auditevent", "ledger_account", "ledger_journalentry", "ledger_journalline")


@pytest.fixture(scope="session", autouse=True)
def tables_can_be_emptied() -> Iterator[None]:
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_past_the_triggers(operations: BaseDatabaseOperations, statements: list[str]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for table in _APPEND_ONLY:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER refuse_truncate")
            flush(operations, statements)
            for table in _APPEND_ONLY:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER refuse_truncate")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_past_the_triggers)
        yield
