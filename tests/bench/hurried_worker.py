"""The product's own Celery application, whose wake-ups come by the hurried clock."""

from celery.signals import worker_init

from athenty.celery import app
from tests.bench import hurry

__all__ = ["app"]


@worker_init.connect
def hurry_up(**_: object) -> None:
    hurry.hurry_wake_ups()
