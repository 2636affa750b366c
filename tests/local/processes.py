"""What the tests ask the operating system about processes."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def running_with(text: str) -> list[str]:
    """The live processes that have `text`, such as a folder of their own, in their command line or environment."""
    # ww, since ps cuts its lines where COLUMNS is set, as pytest does; e shows the environment.
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,args="], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=1) for line in listed.stdout.splitlines()]
    return [line[1] for line in lines if text in line[-1] and int(line[0]) != os.getpid()]


def eventually(true: Callable[[], object], *, timeout_seconds: float = 10) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def contents(path: Path) -> str:
    return path.read_text() if path.exists() else ""
