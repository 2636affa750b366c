"""Plans that a session keeps, through what may happen meanwhile."""

import psycopg
import pytest
from django.db import connection as database

from integrations.mirror import claiming

from .conftest import pass_over, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claims_statements_are_planned_once_in_a_session(firm, connection):
    for _ in range(3):
        claiming.claim(connection.pk)
    with database.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [statement for (statement,) in cursor.fetchall()]
    assert any("FOR NO KEY UPDATE OF connection SKIP LOCKED" in statement for statement in kept)


def test_a_migration_that_adds_a_column_meanwhile_fails_no_claim(firm, connection):
    for _ in range(3):
        claiming.claim(connection.pk)
    tables = ["integrations_connection", "integrations_providergate", "integrations_delivery", "integrations_attempt"]
    _alter(tables, "ADD COLUMN added_meanwhile int")
    try:
        firm.post(("1100", "2100", "1.00"))
        assert pass_over(connection)
        assert states(connection) == ["sent"]
    finally:
        _alter(tables, "DROP COLUMN added_meanwhile")


def _alter(tables: list[str], change: str) -> None:
    """From another session, since psycopg forgets its own plans when it alters a table itself."""
    named = database.settings_dict
    login = {"host": named["HOST"], "port": named["PORT"], "dbname": named["NAME"]}
    with psycopg.connect(**login, user=named["USER"], password=named["PASSWORD"], autocommit=True) as another:
        for table in tables:
            another.execute(f"ALTER TABLE {table} {change}")
