"""Where the local stack listens.

The running supervisor writes the addresses down, so that `manage.py` beside it finds them.
"""

import json
import os
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).resolve().parent.parent.parent


def state_folder() -> Path:
    """The one ignored folder that holds all of the local stack's data; `make clean-demo` removes it.

    A test run and `make demo-once` have their own, named in ATHENTY_STATE_FOLDER.
    """
    return Path(os.environ.get("ATHENTY_STATE_FOLDER") or _CHECKOUT / ".demo")


def _written(name: str, otherwise: str) -> str:
    try:
        addresses: dict[str, Any] = json.loads((state_folder() / "addresses.json").read_text())
    except (OSError, ValueError):
        return otherwise
    return str(addresses.get(name, otherwise))


def database_url() -> str:
    return _written("database_url", "postgresql://app_owner@localhost/athenty")


def redis_url() -> str:
    return _written("redis_url", "redis://localhost:6379/0")


def site_url() -> str:
    return _written("site_url", "http://localhost:8000")


def sandbox_url() -> str:
    return _written("sandbox_url", "http://localhost:8100")
