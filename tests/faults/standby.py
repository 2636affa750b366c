"""A second Postgres: it follows the first, has each commit before anybody is told of it, and can take its place."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from athenty.local import processes
from athenty.local.postgres import _Programs, _unprivileged_user

_SOCKET = ".s.PGSQL.5432"


class Standby:
    """`address` is the folder of the socket by which everybody finds the first, and then this one."""

    def __init__(self, folder: Path, address: Path) -> None:
        """Copy the first as it runs, follow it, and have it wait at each commit until it is here, too."""
        self._address, self._socket, data = address, folder / "socket", folder / "data"
        programs, user = _Programs.found(), _unprivileged_user()
        for path in (folder, self._socket, data):
            path.mkdir(mode=0o700)
            if os.getuid() == 0:
                os.chown(path, user.uid, user.uid)
        copy = [programs.folder / "pg_basebackup", "-D", data, "-h", address, "-U", "postgres", "-R", "-c", "fast"]
        subprocess.run([*user.prefix, *copy], check=True, capture_output=True)
        # A first one that crashes is asked again at once and not after five seconds, for which every commit waits.
        options = ["-h", "", "-k", self._socket, "-c", "wal_retrieve_retry_interval=100ms"]
        with (folder / "postgres.log").open("ab") as log:
            self.process = processes.start(
                [*user.prefix, programs.postgres, "-D", data, *options], death_signal=signal.SIGQUIT, output=log
            )
        with self._superuser(address) as first:
            first.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            first.execute("SELECT pg_reload_conf()")
            until = time.monotonic() + 60
            while not first.execute("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'").rowcount:
                assert time.monotonic() < until, (folder / "postgres.log").read_text()[-2000:]
                time.sleep(0.1)

    def take_over(self) -> None:
        """The first has ended. Be what it was, under its address."""
        with self._superuser(self._socket) as here:
            here.execute("SELECT pg_promote()")
        (self._address / _SOCKET).symlink_to(self._socket / _SOCKET)

    def stop(self) -> None:
        processes.stop(self.process, signal.SIGINT)

    @staticmethod
    def _superuser(folder: Path) -> psycopg.Connection:
        return psycopg.connect(host=str(folder), port=5432, user="postgres", dbname="postgres", autocommit=True)
