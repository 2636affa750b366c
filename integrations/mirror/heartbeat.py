"""Workers and beat say that they are there, so that "nothing is sent" can be told from "nothing waits"."""

import logging
import os
import socket
import threading
from datetime import timedelta
from typing import Any

from celery.signals import beat_init, worker_ready
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from integrations.clock import database_now
from integrations.models import Heartbeat

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 15
SILENT_AFTER = timedelta(minutes=1)
_FORGOTTEN_AFTER = timedelta(days=1)


def beat_once(kind: Heartbeat.Kind) -> None:
    process = f"{kind}@{socket.gethostname()}:{os.getpid()}"
    Heartbeat.objects.update_or_create(process=process, defaults={"kind": kind, "seen_at": Now()})


def is_alive(kind: Heartbeat.Kind) -> bool:
    return Heartbeat.objects.filter(kind=kind, seen_at__gt=database_now() - SILENT_AFTER).exists()


def forget_the_dead() -> None:
    Heartbeat.objects.filter(seen_at__lt=database_now() - _FORGOTTEN_AFTER).delete()


def _keep_beating(kind: Heartbeat.Kind) -> None:
    stop = threading.Event()
    while True:
        try:
            beat_once(kind)
        except DatabaseError:
            logger.warning("The heartbeat could not be written; it is tried again.")
        finally:
            connection.close()
        stop.wait(_EVERY_SECONDS)


def _start(kind: Heartbeat.Kind) -> None:
    # A thread of its own: a worker whose tasks all wait for a slow provider is alive.
    threading.Thread(target=_keep_beating, args=(kind,), name="heartbeat", daemon=True).start()


@worker_ready.connect
def worker_is_ready(**_: Any) -> None:
    _start(Heartbeat.Kind.WORKER)


@beat_init.connect
def beat_is_ready(**_: Any) -> None:
    _start(Heartbeat.Kind.BEAT)
