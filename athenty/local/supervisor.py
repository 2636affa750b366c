"""Starts children, watches them, and stops them all when one ends or a signal asks for it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from athenty.local import processes

_TAIL_LINES = 20
_LOOK_EVERY_SECONDS = 0.05
_STOP_TIMEOUT_SECONDS = 15
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildFailed(Exception):
    """A child of the local stack ended or never became ready; the message names it and quotes the end of its log."""


class StopRequested(BaseException):
    """One of the stop signals arrived. Not an Exception, so that no handler of ordinary errors swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


@dataclass
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop: Callable[[], object]

    def tail(self) -> str:
        """The end of its log, each line under its name."""
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:] if self.log.exists() else []
        return "\n".join(f"  {self.name} | {line}" for line in lines)


class Supervisor:
    """As a context manager it turns the stop signals into StopRequested and, at the end, stops every child.

    The services that were launched stop side by side, then the servers that they used. To be used in the main thread.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self._logs = logs
        self._folder = folder
        self._servers: list[Child] = []
        self._services: list[Child] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._former = {number: signal.signal(number, _raise_stop_requested) for number in _STOP_SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # An impatient second Ctrl-C must not leave half of them running: the time-out of each stop is the bound.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for children in (self._services, self._servers):
            with ThreadPoolExecutor() as pool:
                pool.map(lambda child: child.stop(), children)
            children.clear()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def adopt(self, name: str, process: subprocess.Popen[bytes], stop: Callable[[], object]) -> None:
        """Watch a server that is running already, and stop it by `stop`."""
        self._servers.append(Child(name, process, self._logs / f"{name}.log", stop))

    def launch(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        death_signal: signal.Signals = signal.SIGKILL,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start a service of ours, `python …`, whose output goes to its own log."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = processes.start(
                [sys.executable, *arguments],
                death_signal=death_signal,
                environment=self.environment,
                folder=self._folder,
                output=output,
                pass_fds=pass_fds,
            )
        child = Child(name, process, log, lambda: _stop_with_its_group(process))
        self._services.append(child)
        return child

    def run(self, name: str, arguments: Sequence[str | Path]) -> None:
        """Run `python …` to its end. Raises ChildFailed unless it ends well."""
        child = self.launch(name, arguments)
        self._services.remove(child)
        if self._watched_to_its_end(child) != 0:
            raise ChildFailed(f"{name} failed.\n{child.tail()}")

    def run_in_front(self, name: str, arguments: Sequence[str | Path]) -> int:
        """Run `python …` to its end, on our terminal and in our working folder, while the others are watched."""
        process = processes.start(
            [sys.executable, *arguments], death_signal=signal.SIGKILL, environment=self.environment
        )
        return self._watched_to_its_end(Child(name, process, self._logs / f"{name}.log", process.kill))

    def wait_until(self, child: Child, is_ready: Callable[[Child], object], *, timeout_seconds: float = 60) -> None:
        """Raises ChildFailed when a child ends meanwhile, or when this one is not ready in time."""
        deadline = time.monotonic() + timeout_seconds
        while not is_ready(child):
            self.look()
            if time.monotonic() > deadline:
                raise ChildFailed(f"{child.name} was not ready within {timeout_seconds:.0f} seconds.\n{child.tail()}")
            time.sleep(_LOOK_EVERY_SECONDS)

    def watch(self) -> None:
        """Return never: raises ChildFailed when a child ends, StopRequested on a signal."""
        while True:
            self.look()
            time.sleep(_LOOK_EVERY_SECONDS)

    def look(self) -> None:
        """Raises ChildFailed when a child has ended, which none should."""
        for child in (*self._servers, *self._services):
            code = child.process.poll()
            if code is not None:
                raise ChildFailed(f"{child.name} ended ({_ending(code)}), so everything stops.\n{child.tail()}")

    def _watched_to_its_end(self, child: Child) -> int:
        try:
            while (code := child.process.poll()) is None:
                self.look()
                time.sleep(_LOOK_EVERY_SECONDS)
        finally:
            _stop_with_its_group(child.process)
        return code


def _stop_with_its_group(process: subprocess.Popen[bytes]) -> None:
    processes.stop(process, timeout_seconds=_STOP_TIMEOUT_SECONDS)
    # A killed gunicorn leaves its workers, which would notice only later.
    processes.kill_group(process)


def _ending(code: int) -> str:
    return f"exit status {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def _raise_stop_requested(number: int, _frame: FrameType | None) -> None:
    raise StopRequested(number)
