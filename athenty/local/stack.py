"""What `make demo` runs, in which order, and how each part says that it is ready."""

import http
import http.client
import os
import re
import signal
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from athenty.local import addresses
from athenty.local.postgres import Postgres
from athenty.local.processes import CannotStart
from athenty.local.supervisor import Child, Supervisor
from athenty.local.valkey import Valkey

CHECKOUT = Path(__file__).resolve().parent.parent.parent
_MANAGE = CHECKOUT / "manage.py"
_SANDBOX_READY = re.compile(r"^sandbox ready (http://\S+)", re.MULTILINE)


class Stack:
    """Athenty with everything it needs, on the data in the folder `state`, which the caller holds locked.

    `say` is told what happens, one sentence at a time. After `start` the addresses are known.
    """

    site_url: str
    sandbox_url: str

    def __init__(self, state: Path, say: Callable[[str], None], *, demo_firms: bool = True) -> None:
        self._state = state
        self._say = say
        self._demo_firms = demo_firms
        environment = os.environ | {
            "ATHENTY_PROFILE": "local",
            "ATHENTY_STATE_FOLDER": str(state),
            "DJANGO_SETTINGS_MODULE": "athenty.settings",
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",  # as in the Dockerfile
            # What we call is on this machine, whatever proxy leads out of it.
            "NO_PROXY": "localhost,127.0.0.1",
            "no_proxy": "localhost,127.0.0.1",
        }
        self.supervisor = Supervisor(state / "logs", environment, CHECKOUT)

    def start(self) -> None:
        """Start everything. Raises CannotStart or ChildFailed; leaving the supervisor's context stops what runs."""
        self._start_servers()
        with self._listener() as listener:
            # It takes a while to come up, and needs nothing of ours.
            sandbox = self._launch_sandbox()
            self._say("Preparing the database …")
            firms = [] if self._demo_firms else ["--no-firms"]
            self.supervisor.run("prepare", [_MANAGE, "prepare_demo", *firms])
            self._say("Starting Athenty …")
            self.supervisor.wait_until(sandbox, _printed_address)
            self.sandbox_url = _printed_address(sandbox)
            self._write_addresses()
            self._launch_beat()
            worker = self._launch_worker()
            web = self._launch_web(listener)
        self.supervisor.wait_until(web, self._answers)
        self.supervisor.wait_until(worker, lambda child: " ready." in child.log.read_text())

    def _start_servers(self) -> None:
        """Those that the environment does not give."""
        environment = self.supervisor.environment
        if given := environment.get("DATABASE_URL"):
            _check_database(given)
        else:
            self._say("Starting Postgres …")
            postgres = Postgres(self._state)
            self.supervisor.adopt("postgres", postgres.process, postgres.stop)
            environment["DATABASE_URL"] = postgres.url
        if given := environment.get("REDIS_URL"):
            _check_redis(given)
        else:
            self._say("Starting Redis …")
            valkey = Valkey(self._state)
            self.supervisor.adopt("valkey", valkey.process, valkey.stop)
            environment["REDIS_URL"] = valkey.url

    def _listener(self) -> socket.socket:
        """The web's socket, bound here so that nobody can take the port between the choice and the start."""
        listener = self._bound(self._former_port("site_url"), "Athenty")
        # Xero accepts a callback at localhost but none at 127.0.0.1.
        self.site_url = f"http://localhost:{listener.getsockname()[1]}"
        self.supervisor.environment["SITE_URL"] = self.site_url
        return listener

    def _launch_sandbox(self) -> Child:
        with self._bound(self._former_port("sandbox_url"), "The sandbox") as probe:
            port = probe.getsockname()[1]
        options = ["--port", str(port), "--store", str(self._state / "sandbox.sqlite3")]
        for provider in ("quickbooks", "xero"):
            options += ["--redirect-uri", f"{self.site_url}/settings/integrations/{provider}/callback/"]
        return self.supervisor.launch("sandbox", ["-m", "integrations.sandbox", *options])

    def _launch_beat(self) -> None:
        options = ["-s", str(self._state / "celerybeat-schedule"), "--pidfile="]
        self.supervisor.launch("beat", ["-m", "celery", "-A", "athenty", "beat", "-l", "INFO", *options])

    def _launch_worker(self) -> Child:
        return self.supervisor.launch("worker", [_MANAGE, "worker", "--name", "worker@localhost"])

    def _launch_web(self, listener: socket.socket) -> Child:
        descriptor = listener.fileno()
        pool = ["--worker-class", "gthread", "--workers", "1", "--threads", "8", "--graceful-timeout", "5"]
        # The control socket would be made in the user's home.
        options = ["--bind", f"fd://{descriptor}", "--no-control-socket", *pool]
        return self.supervisor.launch(
            "web",
            ["-m", "gunicorn", "athenty.wsgi", *options],
            death_signal=signal.SIGTERM,  # its own workers end with it
            pass_fds=[descriptor],
        )

    def _answers(self, _web: Child) -> bool:
        connection = http.client.HTTPConnection("localhost", urlsplit(self.site_url).port, timeout=5)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        return False

    def _write_addresses(self) -> None:
        environment = self.supervisor.environment
        written = {
            "site_url": self.site_url,
            "sandbox_url": self.sandbox_url,
            "database_url": environment["DATABASE_URL"],
            "redis_url": environment["REDIS_URL"],
        }
        addresses.write(self._state, written)

    def _bound(self, former_port: int, whose: str) -> socket.socket:
        """A listening socket on the port of the last run, which keeps bookmarks and grants good; else on a free one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", former_port))
        except OSError:
            self._say(f"Port {former_port} of the last run is taken. {whose} gets another one.")
            listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        return listener

    def _former_port(self, name: str) -> int:
        """0, which means any free port, before the first run."""
        return urlsplit(addresses.read(self._state).get(name, "")).port or 0


def _printed_address(sandbox: Child) -> str:
    """Empty until the sandbox has printed its line."""
    line = _SANDBOX_READY.search(sandbox.log.read_text(errors="replace"))
    return line[1] if line else ""


def _check_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise CannotStart(f"DATABASE_URL is set, but its database can't be used: {error}") from None


def _check_redis(url: str) -> None:
    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise CannotStart(f"REDIS_URL is set, but its server can't be used: {error}") from None
