"""Waking workers. Postgres knows what is due; a wake-up only says "look now", and may be lost, late or repeated."""

import atexit
import logging
import threading
import time
from datetime import datetime, timedelta
from queue import SimpleQueue
from uuid import UUID

from django.conf import settings
from django.db import transaction

from athenty.celery import app
from integrations.clock import database_now

logger = logging.getLogger(__name__)

EARLY_AT_MOST = timedelta(milliseconds=500)
"""A wake-up may come so much before the moment it was asked for: clocks differ."""


def wake_on_commit(connection_id: UUID) -> None:
    """Have a worker look at the connection once the present transaction has committed.

    Robust: whatever goes wrong, the posting stands and the sweep finds the row. A lambda and no partial: Django wants
    the name of what failed.
    """
    transaction.on_commit(lambda: wake(connection_id), robust=True)


def wake_at_on_commit(connection_id: UUID, at: datetime) -> None:
    transaction.on_commit(lambda: wake(connection_id, at=at), robust=True)


def wake(connection_id: UUID, *, at: datetime | None = None) -> None:
    """Have a worker look at the connection now, or at a moment soon to come. What is further off is the sweep's."""
    delay = max(at - database_now(), timedelta()) if at else None
    if delay is None or delay < settings.MIRROR_SWEEP_INTERVAL:
        _send("integrations.mirror.tasks.drain", connection_id, delay)


def wake_for_chart(connection_id: UUID, *, in_: timedelta | None = None) -> None:
    transaction.on_commit(lambda: _send("integrations.mirror.tasks.read_chart", connection_id, in_), robust=True)


def wake_for_return(grant_id: UUID) -> None:
    transaction.on_commit(lambda: _send("integrations.connections.tasks.give_back_grant", grant_id), robust=True)


def wake_for_renewal(connection_id: UUID) -> None:
    transaction.on_commit(lambda: _send("integrations.connections.tasks.renew", connection_id), robust=True)


def wake_for_mail(connection_id: UUID) -> None:
    transaction.on_commit(lambda: _send("integrations.connections.tasks.send_mail", connection_id), robust=True)


class _Broker:
    """Publishes from a thread of its own: nobody who posts or sends waits for a broker that is slow or hangs.

    One that fails is left alone for a while, and what was to be published meanwhile is dropped. What is wanted again
    and again, as by a firm that posts hundreds of entries, is asked for at once and then twice a second, since no
    company may be called more often: the last wish is never dropped for an earlier one. What is wanted at a moment is
    asked for then.
    """

    _LEFT_ALONE_SECONDS = 5
    _LAST_ONES_WITHIN_SECONDS = 2
    _APART_SECONDS = 0.5
    _REMEMBERED = 1_000

    def __init__(self) -> None:
        self._messages: SimpleQueue[tuple[str, UUID, float] | None] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._left_alone_until = 0.0
        self._latest: dict[tuple[str, UUID], float] = {}

    def publish(self, task: str, row_id: UUID, delay: timedelta | None) -> None:
        now = time.monotonic()
        at = self._next_turn(task, row_id, now) if delay is None else now + delay.total_seconds()
        if at is None:
            return
        self._messages.put((task, row_id, at))
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def _next_turn(self, task: str, row_id: UUID, now: float) -> float | None:
        """When what is wanted now is to be asked for. None when that is still to come for an earlier wish."""
        latest = self._latest.get((task, row_id), 0.0)
        if latest > now:
            return None
        if len(self._latest) >= self._REMEMBERED:
            self._latest.clear()
        self._latest[task, row_id] = at = max(now, latest + self._APART_SECONDS)
        return at

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._publish_all, name="wake-ups", daemon=True)
                self._thread.start()
                atexit.register(self._finish, self._thread)

    def _finish(self, thread: threading.Thread) -> None:
        """A command ends as soon as it has committed; its wake-up should still go."""
        self._messages.put(None)
        thread.join(self._LAST_ONES_WITHIN_SECONDS)

    def _publish_all(self) -> None:
        while message := self._messages.get():
            if time.monotonic() >= self._left_alone_until:
                self._publish(*message)

    def _publish(self, task: str, row_id: UUID, at: float) -> None:
        delay = max(at - time.monotonic(), 0.0)
        try:
            # By name, since tasks import the acts that wake them.
            app.send_task(task, [str(row_id)], countdown=delay or None, retry=False)
        except Exception as error:  # noqa: BLE001 - whatever a broker's client raises, the sweep finds what is due
            self._left_alone_until = time.monotonic() + self._LEFT_ALONE_SECONDS
            logger.warning("The broker takes no wake-ups (%s); the sweep will find what is due.", type(error).__name__)


_broker = _Broker()


def _send(task: str, row_id: UUID, delay: timedelta | None = None) -> None:
    _broker.publish(task, row_id, delay)
