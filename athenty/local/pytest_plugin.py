"""Gives every test run its own Postgres and Redis, in a temporary folder, unless DATABASE_URL and REDIS_URL are set.

pytest-django reads the settings before any conftest.py, so this is a plugin that pyproject.toml names in `addopts`.
"""

import os
from collections.abc import Generator
from urllib.parse import urlsplit

import pytest

from athenty.local.folders import PrivateFolder
from athenty.local.postgres import Postgres
from athenty.local.processes import CannotStart
from athenty.local.valkey import Valkey

_started: list[Postgres | Valkey] = []
_folders: list[PrivateFolder] = []


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """A wrapper, since it has to come before pytest-django, which asks to be first."""
    os.environ["ATHENTY_PROFILE"] = "local"
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        _choose_redis_database(int(worker.removeprefix("gw")) + 1)
    else:
        _start_servers()
    try:
        return (yield)
    except BaseException:
        # Settings or a conftest that fail to load: pytest leaves without unconfiguring.
        pytest_unconfigure()
        raise


def pytest_unconfigure() -> None:
    while _started:
        _started.pop().stop()
    while _folders:
        _folders.pop().remove()


def _start_servers() -> None:
    """xdist's workers inherit what is set here."""
    folder = PrivateFolder("test")
    _folders.append(folder)
    # Not the state of a demo that may be running from this checkout.
    os.environ["ATHENTY_STATE_FOLDER"] = str(folder.path)
    try:
        if not os.environ.get("DATABASE_URL"):
            _started.append(postgres := Postgres(folder.path, durable=False))
            os.environ["DATABASE_URL"] = postgres.url
        if not os.environ.get("REDIS_URL"):
            _started.append(valkey := Valkey(folder.path, durable=False))
            os.environ["REDIS_URL"] = valkey.url
    except CannotStart as error:
        pytest_unconfigure()
        raise pytest.UsageError(str(error)) from None


def _choose_redis_database(number: int) -> None:
    """Keep the workers' queues apart. Postgres's test databases get their suffix from pytest-django."""
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()
