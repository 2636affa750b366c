"""Where the local stack listens.

The running supervisor writes the addresses down, so that `manage.py` beside it finds them.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent.parent
_FILE = "addresses.json"


def state_folder() -> Path:
    """The one ignored folder that holds all of the local stack's data; `make clean-demo` removes it.

    A test run and `make demo-once` have their own, named in ATHENTY_STATE_FOLDER.
    """
    return Path(os.environ.get("ATHENTY_STATE_FOLDER") or _CHECKOUT / ".demo")


def read(state: Path) -> dict[str, str]:
    """site_url, sandbox_url, database_url and redis_url of the folder's last run; empty before the first."""
    try:
        return dict(json.loads((state / _FILE).read_text()))
    except (OSError, ValueError):
        return {}


def write(state: Path, addresses: Mapping[str, str]) -> None:
    """Readers see the old file or the new one, never half of one. Only this user may read it."""
    unfinished = state / f"{_FILE}.new"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(addresses, indent=2))
    unfinished.replace(state / _FILE)


def database_url() -> str:
    return read(state_folder()).get("database_url", "postgresql://app_owner@localhost/athenty")


def redis_url() -> str:
    return read(state_folder()).get("redis_url", "redis://localhost:6379/0")


def site_url() -> str:
    return read(state_folder()).get("site_url", "http://localhost:8000")


def sandbox_url() -> str:
    return read(state_folder()).get("sandbox_url", "http://localhost:8100")
