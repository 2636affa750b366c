"""What every test shares."""

import gc
from collections.abc import Iterator

import pytest
from django.core.management.commands import flush
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.browser.chromium import MISSING
from tests.log_watch import watched_logs
from tests.sandbox_server import Sandbox, running_sandbox

__all__ = ["watched_logs"]
# Nothing that is made while tests are collected becomes garbage before the run is over.
gc.disable()

# How fast a machine thinks up examples says nothing about the product.
hypothesis_settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest go first, so that no process is left with one while the other has nothing to do."""
    items.sort(key=lambda item: (item.path.name != "test_simulation.py", item.path.parent.name != "browser"))


def pytest_collection_finish():
    """What is loaded by now stays to the end: the collector need not go through all of it every few moments."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _hash_passwords_in_no_time():
    """A safe hash takes a third of a second, for each of the people whom a thousand tests make."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def started_sandbox(tmp_path_factory) -> Iterator[Sandbox]:
    """One for the whole run, since each is a process that takes seconds to start. Who uses it resets it first."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture(autouse=True, scope="session")
def _let_tests_empty_the_books():
    """Tests that commit empty the tables afterwards, which the books' and the audit log's own triggers refuse.

    Only what holds rows is emptied, and by DELETE: TRUNCATE makes every table's files anew, for a fifth of a second.
    """

    def sql_flush(self, style, tables, **options):
        kept = {"django_content_type", "auth_permission", "django_migrations"}  # what post_migrate would write again
        return [_EMPTY.format(tables=", ".join(f"'{table}'" for table in tables if table not in kept))]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *arguments: None)
        yield


_EMPTY = """
DO $$
DECLARE
    name text;
    holds_rows boolean;
    filled text[] := '{{}}';
BEGIN
    FOREACH name IN ARRAY ARRAY[{tables}] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO holds_rows;
        IF holds_rows THEN
            filled := filled || name;
            EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', name);
        END IF;
    END LOOP;
    FOREACH name IN ARRAY filled LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    SET CONSTRAINTS ALL IMMEDIATE;
    FOREACH name IN ARRAY filled LOOP EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', name); END LOOP;
END $$
"""


def pytest_terminal_summary(terminalreporter):
    """What is not checked without a browser must not pass for checked."""
    left_out = sum(MISSING in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if left_out:
        terminalreporter.section("THE PAGES WERE NOT CHECKED", red=True, bold=True)
        terminalreporter.line(f"{left_out} tests were left out. {MISSING}")
