"""Backlogs by the hundred thousand, written as posting would have left them, in a few statements for each table."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from django.db import connection as database

from tests.bench.firms import Firm

_TABLES = (
    "integrations_accountmapping",
    "integrations_chartaccount",
    "integrations_connection",
    "journal_sync_queue",
    "ledger_account",
    "ledger_journalentry",
    "ledger_journalline",
)
_AT_ONCE = 200_000


def fill(firms: Sequence[Firm], entries_each: int, *, queued: bool = True, vacuumed: bool = True) -> None:
    """Post so many two-line entries for each firm, all waiting for its connection."""
    halves = [half for half in (firms[::2], firms[1::2]) if half]
    with ThreadPoolExecutor(len(halves)) as both:
        filling = [both.submit(_fill, half, entries_each, queued=queued) for half in halves]
        for each in filling:
            each.result()
    if vacuumed:
        vacuum()


def vacuum() -> None:
    """As autovacuum does within a minute of so many rows, and then not while something is measured."""
    with database.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {', '.join(_TABLES)}")


def copy(name: str) -> None:
    """Make a database of this name, with all that is in Django's now."""
    database.close()
    database.close_pool()  # none may be at it meanwhile
    with _superuser("postgres") as superuser:
        superuser.execute(f"CREATE DATABASE {name} TEMPLATE {database.settings_dict['NAME']}")


def _superuser(name: str) -> psycopg.Connection:
    named = database.settings_dict
    return psycopg.connect(host=named["HOST"], port=named["PORT"], dbname=name, user="postgres", autocommit=True)


@contextmanager
def _unchecked() -> Iterator[psycopg.Cursor]:
    """As the superuser, who may have rows taken as they are: what is written here balances and refers to what exists,
    and checking that a million times would take minutes."""
    with _superuser(database.settings_dict["NAME"]) as superuser, superuser.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor


def _fill(firms: Sequence[Firm], entries_each: int, *, queued: bool) -> None:
    with _unchecked() as cursor:
        left = entries_each
        while left:
            count = min(left, max(_AT_ONCE // len(firms), 1))
            _fill_some(cursor, firms, count, queued=queued)
            left -= count


def _fill_some(cursor: psycopg.Cursor, firms: Sequence[Firm], count: int, *, queued: bool) -> None:
    values = {
        "organizations": [firm.organization.pk for firm in firms],
        "connections": [firm.connection.pk for firm in firms],
        "debited": [firm.accounts[1].pk for firm in firms],
        "credited": [firm.accounts[2].pk for firm in firms],
        "owner": firms[0].owner.pk,
        "count": count,
    }
    cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_journalentry")
    (values["before"],) = cursor.fetchone()
    cursor.execute(
        """
        WITH firm AS MATERIALIZED (
            SELECT listed.id, coalesce(max(number), 0) AS most
            FROM unnest(%(organizations)s::bigint[]) AS listed (id)
            LEFT JOIN ledger_journalentry AS entry ON entry.organization_id = listed.id
            GROUP BY listed.id
        )
        INSERT INTO ledger_journalentry
            (organization_id, number, date, memo, reference, currency, key, created_at, posted_at, posted_by_id)
        SELECT firm.id, firm.most + n, '2026-11-02', 'Retainer ' || n, 'R-1', 'USD', 'bulk-' || firm.most + n,
               now(), now(), %(owner)s
        FROM firm, generate_series(1, %(count)s) AS n
        ORDER BY firm.id, n
        """,
        values,
    )
    cursor.execute(
        """
        INSERT INTO ledger_journalline (entry_id, position, account_id, debit, credit, description)
        SELECT entry.id, side.position, side.account_id, side.debit, side.credit, side.description
        FROM unnest(%(organizations)s::bigint[], %(debited)s::bigint[], %(credited)s::bigint[])
             AS firm (id, debited, credited)
        JOIN ledger_journalentry AS entry ON entry.organization_id = firm.id AND entry.id > %(before)s,
             LATERAL (VALUES
                (0, firm.debited, 1 + entry.number %% 9900 * 0.01, NULL, 'Retainer received'),
                (1, firm.credited, NULL, 1 + entry.number %% 9900 * 0.01, 'Held for the client')
             ) AS side (position, account_id, debit, credit, description)
        """,
        values,
    )
    if queued:
        cursor.execute(
            """
            INSERT INTO journal_sync_queue
                (connection_id, entry_id, state, remote_id, cause, provider_code, provider_message, blamed_account_id)
            SELECT firm.connection_id, entry.id, 'waiting', '', '', '', '', ''
            FROM unnest(%(organizations)s::bigint[], %(connections)s::uuid[]) AS firm (id, connection_id)
            JOIN ledger_journalentry AS entry ON entry.organization_id = firm.id AND entry.id > %(before)s
            ORDER BY entry.id
            """,
            values,
        )
