import signal
from pathlib import Path

import pytest
from redis import Redis

from athenty.local import valkey
from athenty.local.processes import CannotStart
from athenty.local.valkey import Valkey


def test_a_queued_wake_up_is_there_after_a_crash_of_the_server(state: Path) -> None:
    server = Valkey(state)
    with Redis.from_url(server.url) as client:
        client.lpush("queue", "wake")
        client.execute_command("WAITAOF", 1, 0, 2000)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    server = Valkey(state)
    with Redis.from_url(server.url) as client:
        assert client.lrange("queue", 0, -1) == [b"wake"]
    server.stop()


def test_a_taken_port_is_no_reason_to_give_up(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Valkey(state)
    taken = int(first.url.split(":")[2].split("/")[0])
    ports = iter([taken, valkey.free_port()])
    monkeypatch.setattr(valkey, "free_port", lambda: next(ports))
    other = state / "other"
    other.mkdir()
    second = Valkey(other)
    assert second.url != first.url
    first.stop()
    second.stop()


def test_without_any_server_the_message_says_what_to_install_or_set(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "_packaged_program", lambda: None)
    monkeypatch.setenv("PATH", str(state))
    with pytest.raises(CannotStart, match=r"Install one .* or set REDIS_URL"):
        Valkey(state)
