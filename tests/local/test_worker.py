"""`manage.py worker` as a process: Celery's worker without its command line."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as live
from django.db import connection as database
from kombu.transport.redis import Channel

from athenty.celery import app
from tests.local.processes import contents, eventually

_CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("number", "says"), [(signal.SIGTERM, "Warm shutdown"), (signal.SIGQUIT, "Cold shutdown")])
def test_a_worker_ends_as_it_is_asked_to(number, says, tmp_path):
    app.control.purge()  # nothing that another test asked for is under way when it ends
    of = database.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{of['USER']}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}",
        "REDIS_URL": live.REDIS_URL,
    }
    log = tmp_path / "worker.log"
    command = [sys.executable, "manage.py", "worker", "--threads", "3", "--name", "third@here"]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, cwd=_CHECKOUT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        assert eventually(lambda: "third@here ready." in contents(log), timeout_seconds=60), contents(log)
        assert "concurrency: 3 (thread)" in contents(log)
        worker.send_signal(number)
        assert worker.wait(timeout=30) == 0, contents(log)
        assert f"worker: {says} (MainProcess)" in contents(log)
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_whose_broker_is_gone_gives_back_nothing(monkeypatch):
    """It ended by trying: its channel's connection was gone, and with it the address."""
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        assert isinstance(channel, Channel)
        monkeypatch.setattr(channel.qos, "restore_unacked", lambda: pytest.fail("tried"))
        channel.qos._delivered["a wake-up"] = object()
        channel.qos.restore_unacked_once()
