"""manage.py worker: what takes wake-ups and sends entries, as `celery worker` would run it, with our options.

Celery's own command line imports each of its commands and a prompt for them: nine megabytes, for as long as a worker
lives.
"""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from athenty.celery import app

_THREADS = 16


class Command(BaseCommand):
    help = "Run a worker: any number of them, on any number of machines. SIGTERM lets it finish what it has begun."
    requires_system_checks = ()  # `athenty.celery` says why, and asks what matters

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--threads", type=int, default=_THREADS, help=f"how many sends at a time ({_THREADS})")
        parser.add_argument("--name", help="as NAME@MACHINE, its own where several run on one machine")

    def handle(self, *args: Any, **options: Any) -> None:
        worker = app.Worker(
            hostname=options["name"],
            pool_cls="threads",
            concurrency=options["threads"],
            loglevel="INFO",
            # Workers need not know of each other, and these only keep the broker busy.
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        sys.exit(worker.exitcode)
