"""Child processes that never outlive us.

Each child leads its own process group, so that a terminal's Ctrl-C reaches only the supervisor, and on Linux the kernel
signals it when we die, even by `kill -9`.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded here, since the code between fork and exec should do as little as possible.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class CannotStart(Exception):
    """A server of the local stack did not start; the message says why and what to do."""


def start(
    arguments: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: IO[bytes] | int | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in its own process group that gets `death_signal` when this process dies.

    Call it from the main thread: Linux ties the signal to the forking thread. `output` takes stdout and stderr alike.
    """
    return subprocess.Popen(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=environment,
        cwd=folder,
        pass_fds=tuple(pass_fds),
        process_group=0,
        preexec_fn=_signal_on_parent_death(death_signal),
    )


def stop(child: subprocess.Popen[bytes], first: signal.Signals = signal.SIGTERM, *, timeout_seconds: float = 15) -> int:
    """Ask the child to leave with the signal `first`, kill its whole group if it does not. Returns its exit code."""
    if child.poll() is None:
        child.send_signal(first)
        try:
            child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            kill_group(child)
    return child.wait()


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL to all that is left of the child's process group."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _signal_on_parent_death(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, death_signal.value)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return ask_the_kernel
