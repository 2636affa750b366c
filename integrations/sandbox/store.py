"""The sandbox's own store: one SQLite file (or memory), one connection, one writer at a time."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS redirect_uris (provider TEXT NOT NULL, uri TEXT NOT NULL, PRIMARY KEY (provider, uri));
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS companies (
    provider TEXT NOT NULL, tenant_id TEXT NOT NULL, name TEXT NOT NULL, currency TEXT NOT NULL,
    profile TEXT NOT NULL,  -- JSON: what a company administrator may set, such as a lock date
    PRIMARY KEY (provider, tenant_id)
);
CREATE TABLE IF NOT EXISTS accounts (
    provider TEXT NOT NULL, tenant_id TEXT NOT NULL, account_id TEXT NOT NULL, number TEXT, name TEXT NOT NULL,
    refusal TEXT,           -- NULL, 'inactive' (the chart says so) or 'closed' (the chart hides it)
    body TEXT NOT NULL,     -- JSON: the account in the provider's own words
    PRIMARY KEY (provider, tenant_id, account_id)
);
CREATE TABLE IF NOT EXISTS journals (
    seq INTEGER PRIMARY KEY, provider TEXT NOT NULL, tenant_id TEXT NOT NULL, journal_id TEXT NOT NULL,
    reference TEXT,         -- what a person recognises it by: QuickBooks' DocNumber, Xero's Narration
    memo TEXT NOT NULL, entry_date TEXT NOT NULL, status TEXT NOT NULL, created_at REAL NOT NULL,
    received TEXT NOT NULL, -- JSON: the journal as it was sent
    UNIQUE (provider, tenant_id, journal_id)
);
CREATE INDEX IF NOT EXISTS journals_by_reference ON journals (provider, tenant_id, reference);
CREATE TABLE IF NOT EXISTS lines (
    journal_seq INTEGER NOT NULL, position INTEGER NOT NULL, account_id TEXT NOT NULL,
    debit_cents INTEGER NOT NULL, credit_cents INTEGER NOT NULL, description TEXT NOT NULL,
    PRIMARY KEY (journal_seq, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal_changes (
    seq INTEGER PRIMARY KEY, journal_seq INTEGER NOT NULL, at REAL NOT NULL,
    by TEXT NOT NULL,       -- 'app', or 'people': those who work in the provider's own pages
    what TEXT NOT NULL, before TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS changes_by_journal ON journal_changes (journal_seq);

CREATE TABLE IF NOT EXISTS grants (
    grant_id TEXT PRIMARY KEY, provider TEXT NOT NULL, client_id TEXT NOT NULL, user_id TEXT NOT NULL,
    tenant_id TEXT, scope TEXT NOT NULL, event_id TEXT NOT NULL, created_at REAL NOT NULL, revoked_at REAL
);
CREATE TABLE IF NOT EXISTS codes (
    value TEXT PRIMARY KEY, provider TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    grant_id TEXT NOT NULL, challenge TEXT, issued_at REAL NOT NULL, spent_at REAL
);
CREATE TABLE IF NOT EXISTS tokens (
    value TEXT PRIMARY KEY, provider TEXT NOT NULL, kind TEXT NOT NULL, grant_id TEXT NOT NULL,
    issued_at REAL NOT NULL, expires_at REAL NOT NULL, superseded_at REAL
);
CREATE INDEX IF NOT EXISTS tokens_by_grant ON tokens (grant_id);
CREATE TABLE IF NOT EXISTS refreshes (value TEXT PRIMARY KEY, at REAL NOT NULL); -- the last one of each token
CREATE TABLE IF NOT EXISTS connections (
    connection_id TEXT PRIMARY KEY, client_id TEXT NOT NULL, user_id TEXT NOT NULL, tenant_id TEXT NOT NULL,
    event_id TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, deleted_at REAL
);

CREATE TABLE IF NOT EXISTS replays (
    provider TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, first_at REAL NOT NULL,
    status INTEGER NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (provider, scope, key)
);
CREATE TABLE IF NOT EXISTS requests (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, request_id TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    provider TEXT, tenant_id TEXT, call TEXT, idempotency_key TEXT, items INTEGER, is_write INTEGER NOT NULL,
    refusal TEXT, fault TEXT, status INTEGER NOT NULL, ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_by_tenant ON requests (provider, tenant_id);
"""
# What `POST /control/reset` empties. Redirect URIs stay: they belong to the registered apps, not to the books.
EMPTIED_BY_RESET = (
    "settings", "counters", "companies", "accounts", "journals", "lines", "journal_changes", "grants", "codes",
    "tokens", "refreshes", "connections", "replays", "requests",
)  # fmt: skip


class Store:
    """Rows come back as sqlite3.Row. Every method is safe from any thread."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing in WAL mode; only a power cut could, and then these are stand-in books.
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Inside another transaction of the same thread it joins that one."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def execute(self, sql: str, *values: Any) -> int:
        """Run one statement. Returns how many rows it changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def execute_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            self._db.executemany(sql, rows)

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        with self._lock:
            return self._db.execute(sql, values).fetchone()

    def next_number(self, counter: str, *, first: int) -> int:
        """The next value of a named counter, which starts at `first`. Call it inside a transaction."""
        self.execute(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + 1", counter, first
        )
        row = self.row("SELECT value FROM counters WHERE name = ?", counter)
        assert row is not None  # noqa: S101 - the line above put it there
        return row["value"]

    def setting(self, name: str, default: str) -> str:
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return row["value"] if row else default

    def set_setting(self, name: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", name, value)

    def empty(self) -> None:
        with self.transaction():
            for table in EMPTIED_BY_RESET:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the list above

    def close(self) -> None:
        with self._lock:
            self._db.close()


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)
