"""The product's own Celery application, each of whose messages comes three times: late, at once, and in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import beat_init, worker_init
from celery.utils import uuid

from athenty.celery import app

__all__ = ["app"]

LATEST, IN_BETWEEN = 12, 3
_send_once = app.send_task


def _send_thrice(*given: Any, countdown: float | None = None, **named: Any) -> Any:
    named |= {"task_id": uuid(), "expires": None}
    for later in (LATEST, 0, IN_BETWEEN):
        sent = _send_once(*given, countdown=(countdown or 0) + later or None, **named)
    return sent


@worker_init.connect
@beat_init.connect
def repeat(**_: object) -> None:
    app.send_task = _send_thrice


@contextmanager
def repeated() -> Iterator[None]:
    """What this process sends comes three times, too."""
    repeat()
    try:
        yield
    finally:
        app.send_task = _send_once
