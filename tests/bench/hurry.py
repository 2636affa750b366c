"""Time that runs faster for everybody who looks at a clock, so that a provider's hour fits into minutes.

Postgres's clock, by which the product judges every due time, runs so many times as fast as the real one; so does the
sandbox's, by which limits and token lives are counted. What only measures or bounds one call (sockets, this benchmark)
stays with the real clock. Faster time makes our own delays look larger, never smaller.

How fast, and from when, stands in a small file that every process reads anew: the speed may change under way.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

_NAMES = {"clock_timestamp": "VOLATILE", "statement_timestamp": "STABLE", "now": "STABLE"}
_SCHEMA = "hurried_clock"
_FILE = "ATHENTY_BENCH_PACE"


@dataclass(frozen=True)
class Pace:
    """At the real moment `real` the hurried clock stood at `hurried`, both in seconds since 1970."""

    real: float
    hurried: float
    speed: float

    def at(self, real: float) -> float:
        return self.hurried + (real - self.real) * self.speed


def begin(speed: float, folder: Path) -> dict[str, str]:
    """From now on; what the environment of every process says of it."""
    now, path = time.time(), folder / "pace.json"
    _write(path, Pace(now, now, speed))
    return {_FILE: str(path)}


def change(speed: float) -> None:
    """Go on from here at another speed."""
    real = time.time()
    _write(Path(os.environ[_FILE]), Pace(real, _pace().at(real), speed))


def speed() -> float:
    return _pace().speed


def now() -> float:
    """Seconds since 1970 by the hurried clock."""
    return _pace().at(time.time())


def _pace() -> Pace:
    return Pace(**json.loads(Path(os.environ[_FILE]).read_text()))


def _write(path: Path, pace: Pace) -> None:
    """Readers see the old file or the new one, never half of one."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(pace)))
    unfinished.replace(path)


def hurry_database() -> None:
    """Put functions of ours before Postgres's own in the search path of every session; repeat when the pace changed."""
    from django.db import connection

    pace = _pace()
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", [_SCHEMA])
        is_new = cursor.fetchone() is None
        if is_new:
            cursor.execute(f"CREATE SCHEMA {_SCHEMA}")
        for name, volatility in _NAMES.items():
            real = f"extract(epoch FROM pg_catalog.clock_timestamp())::float8 - {pace.real!r}"
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {_SCHEMA}.{name}() RETURNS timestamptz LANGUAGE sql {volatility} AS"
                f" 'SELECT pg_catalog.to_timestamp({pace.hurried!r} + ({real}) * {pace.speed}::float8)'"
            )
        if is_new:
            _point_everybody_at_it(cursor, connection.settings_dict["NAME"])
            connection.close()
            connection.close_pool()


def _point_everybody_at_it(cursor: object, database: str) -> None:
    """A column's default names its function once and for all, whatever the search path says later."""
    cursor.execute(
        "SELECT adrelid::regclass::text, attname FROM pg_attrdef JOIN pg_attribute"
        " ON attrelid = adrelid AND attnum = adnum WHERE pg_get_expr(adbin, adrelid) LIKE '%statement_timestamp%'"
    )
    for table, column in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" SET DEFAULT {_SCHEMA}.statement_timestamp()')
    cursor.execute(f'ALTER DATABASE "{database}" SET search_path = {_SCHEMA}, pg_catalog, public')


def hurry_wake_ups() -> None:
    """In a worker: a wake-up asked for in ten seconds of Postgres's clock comes after ten of those."""
    from integrations.mirror import waking

    send = waking._send

    def sooner(task: str, row_id: object, delay: timedelta | None = None) -> None:
        send(task, row_id, delay and delay / speed())

    waking._send = sooner
