"""Waking workers. Postgres knows what is due; a wake-up only says "look now", and may be lost, late or repeated."""

import logging
import time
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from athenty.celery import app
from integrations.clock import database_now

logger = logging.getLogger(__name__)


def wake_on_commit(connection_id: UUID) -> None:
    """Have a worker look at the connection once the present transaction has committed.

    Robust: with the broker down the posting stands all the same, and the sweep finds the row.
    """
    transaction.on_commit(partial(wake, connection_id), robust=True)


def wake_at_on_commit(connection_id: UUID, at: datetime) -> None:
    transaction.on_commit(partial(wake, connection_id, at=at), robust=True)


def wake(connection_id: UUID, *, at: datetime | None = None) -> None:
    """Have a worker look at the connection now, or at a moment soon to come. What is further off is the sweep's."""
    delay = max(at - database_now(), timedelta()) if at else timedelta()
    if delay < settings.MIRROR_SWEEP_INTERVAL:
        _send("integrations.mirror.tasks.drain", connection_id, delay)


def wake_for_chart(connection_id: UUID) -> None:
    transaction.on_commit(partial(_send, "integrations.mirror.tasks.read_chart", connection_id), robust=True)


def wake_for_revocation(connection_id: UUID) -> None:
    transaction.on_commit(partial(_send, "integrations.mirror.tasks.give_back_grant", connection_id), robust=True)


class _Broker:
    """Publishes, and leaves a broker that does not answer alone for a while: a posting should not wait for it."""

    _LEFT_ALONE_SECONDS = 5

    def __init__(self) -> None:
        self._left_alone_until = 0.0

    def publish(self, task: str, connection_id: UUID, delay: timedelta) -> None:
        if time.monotonic() < self._left_alone_until:
            return
        try:
            # By name, since tasks import the acts that wake them.
            app.send_task(task, [str(connection_id)], countdown=delay.total_seconds() or None, retry=False)
        except OperationalError:
            self._left_alone_until = time.monotonic() + self._LEFT_ALONE_SECONDS
            logger.warning("The broker takes no wake-ups; the sweep will find what is due.")


_broker = _Broker()


def _send(task: str, connection_id: UUID, delay: timedelta = timedelta()) -> None:
    _broker.publish(task, connection_id, delay)
