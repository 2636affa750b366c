"""The product's own worker, whose wake-ups come by the hurried clock: `manage.py worker` with the same options."""

import sys
from typing import Any

from celery.signals import worker_init
from django.core.management import execute_from_command_line

from tests.bench import hurry


def hurry_up(**_: Any) -> None:
    hurry.hurry_wake_ups()


if __name__ == "__main__":
    worker_init.connect(hurry_up)
    execute_from_command_line(["manage.py", "worker", *sys.argv[1:]])
