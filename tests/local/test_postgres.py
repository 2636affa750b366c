import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from athenty.local import postgres
from athenty.local.postgres import Postgres
from athenty.local.processes import CannotStart

# Servers that are started and killed: much waiting. Each run of the tests starts one of them anyway.
pytestmark = pytest.mark.slow


@contextmanager
def running(state: Path) -> Iterator[Postgres]:
    server = Postgres(state)
    try:
        yield server
    finally:
        server.stop()


def answer(server: Postgres, statement: str) -> object:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(statement).fetchone()
    return row and row[0]


def test_the_owner_may_create_databases_and_is_no_superuser(state: Path) -> None:
    with running(state) as server:
        assert answer(server, "SELECT current_user::text") == "app_owner"
        assert answer(server, "SELECT rolcreatedb AND NOT rolsuper FROM pg_roles WHERE rolname = current_user") is True
        assert answer(server, "SHOW timezone") == "UTC"


def test_only_this_user_may_reach_the_socket_and_no_folder_above_is_opened(state: Path) -> None:
    before = stat.S_IMODE(state.stat().st_mode)
    with running(state) as server:
        socket_folder = Path(unquote(urlsplit(server.url).netloc.partition("@")[2].removesuffix(":5432")))
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket_folder.parent.stat().st_mode) == 0o700
        assert (socket_folder / ".s.PGSQL.5432").is_socket()
        assert answer(server, "SHOW listen_addresses") == ""
    assert stat.S_IMODE(state.stat().st_mode) == before == 0o700
    assert not socket_folder.exists()


def test_committed_data_is_there_after_a_crash_of_the_server(state: Path) -> None:
    with running(state) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (entry int)")
            connection.execute("INSERT INTO kept VALUES (1179)")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with running(state) as server:
        assert answer(server, "SELECT entry FROM kept") == 1179


def test_a_pid_file_that_names_a_stranger_is_removed_and_the_stranger_lives(state: Path) -> None:
    with running(state):
        pass
    data = next(state.glob("postgres-*"))
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n")
        with running(state) as server:
            assert answer(server, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_still_uses_the_data_is_left_alone_and_named(state: Path) -> None:
    with running(state) as server:
        with pytest.raises(CannotStart, match=f"process {server.process.pid}, uses .* kill -INT {server.process.pid}"):
            Postgres(state)
        assert answer(server, "SELECT 1") == 1


def test_half_a_data_folder_of_an_interrupted_start_is_made_anew(state: Path) -> None:
    with running(state):
        data = next(state.glob("postgres-*"))
    data.rename(data.with_suffix(".new"))
    (data.with_suffix(".new") / "PG_VERSION").unlink()
    with running(state) as server:
        assert answer(server, "SELECT 1") == 1
    assert not data.with_suffix(".new").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become someone else")
def test_root_becomes_nobody_where_user_namespaces_are_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_OWN_NAMESPACE", postgres._User(("false",), 0))
    with running(state) as server:
        owner = Path(f"/proc/{server.process.pid}").stat().st_uid
        assert owner == 65534
        assert answer(server, "SELECT 1") == 1


def test_without_any_postgres_the_message_says_what_to_install_or_set(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_program_folders", lambda: [state])
    with pytest.raises(CannotStart, match=r"Install Postgres .* or set DATABASE_URL"):
        Postgres(state)
