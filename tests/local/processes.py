"""What the tests ask the operating system about processes."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def running_with(text: str) -> list[str]:
    """The command lines of live processes that mention `text`, which should be a folder nobody else uses."""
    # -ww, since ps cuts its lines where COLUMNS is set, as pytest does.
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [line[2] for line in lines if len(line) == 3 and text in line[2] and int(line[0]) != os.getpid()]


def eventually(true: Callable[[], object], *, timeout_seconds: float = 10) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def contents(path: Path) -> str:
    return path.read_text() if path.exists() else ""
