"""manage.py mirror_pause: stop a firm's mirror, whatever its mode."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from integrations.management.organizations import add_organization, organization_named
from integrations.mirror import schedule


class Command(BaseCommand):
    help = "Stop a firm's mirror, whatever its mode. What is under way is finished; entries go on queueing."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_organization(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_named(options["organization"])
        changed = schedule.set_paused(organization, paused=True)
        self.stdout.write(f"{organization} is {'paused: nothing new is sent' if changed else 'paused already'}.")
