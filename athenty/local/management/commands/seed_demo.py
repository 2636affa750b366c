"""Fill an empty local database with the demo's law firms."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from athenty.local import demo_firm


class Command(BaseCommand):
    help = "Make the demo's two law firms, with people, chart and entries. Does nothing when they are there."

    def handle(self, *args: Any, **options: Any) -> None:
        made = demo_firm.seed(timezone.localdate())
        self.stdout.write("The demo firms were made." if made else "The demo firms are there already.")
