"""Backlogs by the hundred thousand, written as posting would have left them, in one statement for each table."""

from collections.abc import Sequence

from django.db import connection as database

from tests.bench.firms import Firm

_TABLES = ("ledger_journalentry", "ledger_journalline", "journal_sync_queue")


def fill(firms: Sequence[Firm], entries_each: int, *, queued: bool = True, analyzed: bool = True) -> None:
    """Post so many two-line entries for each firm, all waiting for its connection.

    The books' own triggers, which check what posting wrote, are off meanwhile: what is written here balances.
    """
    with database.cursor() as cursor:
        for table in _TABLES[:2]:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for firm in firms:
            _fill_one(cursor, firm, entries_each, queued=queued)
        for table in _TABLES[:2]:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    if analyzed:
        analyze()


def analyze() -> None:
    with database.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"ANALYZE {table}")


def _fill_one(cursor: object, firm: Firm, count: int, *, queued: bool) -> None:
    values = {
        "organization": firm.organization.pk, "owner": firm.owner.pk, "count": count,
        "debited": firm.accounts[1].pk, "credited": firm.accounts[2].pk, "connection": firm.connection.pk,
    }  # fmt: skip
    cursor.execute(
        """
        INSERT INTO ledger_journalentry
            (organization_id, number, date, memo, reference, currency, key, created_at, posted_at, posted_by_id)
        SELECT %(organization)s, present.most + n, '2026-11-02', 'Retainer ' || n, 'R-1', 'USD', gen_random_uuid(),
               now(), now(), %(owner)s
        FROM (SELECT coalesce(max(number), 0) AS most FROM ledger_journalentry WHERE organization_id = %(organization)s)
             AS present,
             generate_series(1, %(count)s) AS n
        """,
        values,
    )
    cursor.execute(
        """
        INSERT INTO ledger_journalline (entry_id, position, account_id, debit, credit, description)
        SELECT entry.id, side.position, side.account_id, side.debit, side.credit, side.description
        FROM ledger_journalentry AS entry,
             LATERAL (VALUES
                (0, %(debited)s, 1 + entry.number %% 9900 * 0.01, NULL, 'Retainer received'),
                (1, %(credited)s, NULL, 1 + entry.number %% 9900 * 0.01, 'Held for the client')
             ) AS side (position, account_id, debit, credit, description)
        WHERE entry.organization_id = %(organization)s
          AND NOT EXISTS (SELECT FROM ledger_journalline AS line WHERE line.entry_id = entry.id)
        """,
        values,
    )
    if queued:
        cursor.execute(
            """
            INSERT INTO journal_sync_queue
                (connection_id, entry_id, state, remote_id, cause, provider_code, provider_message, blamed_account_id)
            SELECT %(connection)s, id, 'waiting', '', '', '', '', '' FROM ledger_journalentry AS entry
            WHERE organization_id = %(organization)s
              AND NOT EXISTS (SELECT FROM journal_sync_queue AS row WHERE row.entry_id = entry.id)
            ORDER BY number
            """,
            values,
        )
