"""Time that runs faster for everybody who looks at a clock, so that a provider's hour fits into minutes.

Postgres's clock, by which the product judges every due time, runs `speed` times as fast from the moment it is
installed; so does the sandbox's, by which limits and token lives are counted. What only measures or bounds one call
(sockets, this benchmark) stays with the real clock. Faster time makes our own delays look larger, never smaller.
"""

import os
import time
from datetime import datetime, timedelta

_NAMES = {"clock_timestamp": "VOLATILE", "statement_timestamp": "STABLE", "now": "STABLE"}
_SCHEMA = "hurried_clock"
SPEED, BEGAN_AT = "ATHENTY_BENCH_SPEED", "ATHENTY_BENCH_BEGAN_AT"


def speed() -> float:
    return float(os.environ.get(SPEED, "1"))


def now() -> float:
    """Seconds since 1970 by the hurried clock."""
    real = time.time()
    began = float(os.environ.get(BEGAN_AT, real))
    return began + (real - began) * speed()


def begin(times: float) -> dict[str, str]:
    """From now on; what the environment of every process says of it."""
    return {SPEED: str(times), BEGAN_AT: repr(time.time())}


def hurry_database() -> None:
    """Put functions of ours before Postgres's own in the search path of every session to come."""
    from django.db import connection

    began, times = float(os.environ[BEGAN_AT]), speed()
    moment = f"pg_catalog.to_timestamp({began!r})"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for name, volatility in _NAMES.items():
            cursor.execute(
                f"CREATE FUNCTION {_SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS"
                f" 'SELECT {moment} + (pg_catalog.clock_timestamp() - {moment}) * {times}::float8'"
            )
        # A column's default names its function once and for all, whatever the search path says later.
        cursor.execute(
            "SELECT adrelid::regclass::text, attname FROM pg_attrdef JOIN pg_attribute"
            " ON attrelid = adrelid AND attnum = adnum WHERE pg_get_expr(adbin, adrelid) LIKE '%statement_timestamp%'"
        )
        for table, column in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET DEFAULT {_SCHEMA}.statement_timestamp()')
        name = connection.settings_dict["NAME"]
        cursor.execute(f'ALTER DATABASE "{name}" SET search_path = {_SCHEMA}, pg_catalog, public')
    connection.close()
    connection.close_pool()


def hurry_wake_ups() -> None:
    """In a worker: a wake-up asked for in ten seconds of Postgres's clock comes after ten of those."""
    from integrations.mirror import waking

    send = waking._send

    def sooner(task: str, row_id: object, delay: timedelta = timedelta()) -> None:
        send(task, row_id, delay / speed())

    waking._send = sooner


def moment(seconds: float) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(seconds, UTC)
