"""Plans that a session keeps, through what may happen meanwhile."""

import psycopg
import pytest
from django.db import connection as database

from integrations.mirror import claiming, pacing
from integrations.models import Connection, Delivery, QueueRow

from .conftest import pass_over, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claims_statements_are_planned_once_in_a_session(firm, connection):
    firm.post(*[("1100", "2100", "1.00")] * 60)
    for _ in range(8):
        _rows_read_by_a_claim(connection)
    with database.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
        kept = cursor.fetchall()
    assert all(generic for _, generic, _ in kept)
    [(planned_anew, _)] = [(statement, custom) for statement, _, custom in kept if custom]
    assert "FOR NO KEY UPDATE OF connection SKIP LOCKED" in planned_anew


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


def test_a_plan_kept_since_there_was_little_reads_no_more_of_what_there_is_now(firm, connection):
    """Postgres would plan a claim anew only once somebody has analyzed the tables: minutes after a large import."""
    for table in ("journal_sync_queue", "integrations_connection", "ledger_journalentry", "ledger_journalline"):
        _carry_out(f"VACUUM (ANALYZE) {table}")
    _carry_out("DISCARD PLANS")
    firm.post(*[("1100", "2100", "1.00")] * 60)
    for _ in range(8):  # five plans of its own each statement may have had before one is kept
        early = _rows_read_by_a_claim(connection)
    firm.post(*[("1100", "2100", "1.00")] * 900)
    assert _rows_read_by_a_claim(connection) <= early + 10
    sent = connection.queue.order_by("pk").values("pk")[:880]
    connection.queue.filter(pk__in=sent).update(state=QueueRow.State.SENT)
    _carry_out("ANALYZE")
    for _ in range(8):
        late = _rows_read_by_a_claim(connection)
    assert late <= early + 2 * pacing.batch_size(connection)


def _rows_read_by_a_claim(connection) -> int:
    """Of a whole batch, in whole tables and by indexes. It is undone then."""
    Connection.objects.update(next_send_at=None, coalesce_until=None, queue_from=0)
    before = _read_so_far()
    lease = claiming.claim(connection.pk).lease
    read = _read_so_far() - before
    assert len(lease.sealed.item_ids) == pacing.batch_size(connection)
    Delivery.objects.update(state=Delivery.State.SETTLED)
    QueueRow.objects.filter(state=QueueRow.State.SENDING).update(state=QueueRow.State.WAITING)
    return read


def _read_so_far() -> int:
    _carry_out("SELECT pg_stat_force_next_flush()")
    return _carry_out("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables")


def _carry_out(statement: str):
    with database.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def _alter(tables: list[str], change: str) -> None:
    """From another session, since psycopg forgets its own plans when it alters a table itself."""
    named = database.settings_dict
    login = {"host": named["HOST"], "port": named["PORT"], "dbname": named["NAME"]}
    with psycopg.connect(**login, user=named["USER"], password=named["PASSWORD"], autocommit=True) as another:
        for table in tables:
            another.execute(f"ALTER TABLE {table} {change}")
