"""manage.py mirror_resume: let a firm's paused mirror go on."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from integrations.management.organizations import add_organization, organization_named
from integrations.mirror import schedule


class Command(BaseCommand):
    help = "Let a firm's paused mirror go on, in its own mode."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_organization(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_named(options["organization"])
        changed = schedule.set_paused(organization, paused=False)
        self.stdout.write(f"{organization} is {'resumed' if changed else 'not paused'}.")
