"""Bring the local database up to date and fill it, in one process: each start of Python costs a second."""

import argparse
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from athenty.local import demo_firm


class Command(BaseCommand):
    help = "Migrate, then make the demo's two law firms with people, chart and entries, unless they are there."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--no-firms", action="store_true", help="only migrate")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=1)
        if not options["no_firms"] and demo_firm.seed(timezone.localdate()):
            self.stdout.write("The demo firms were made.")
