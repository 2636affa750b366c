"""manage.py mirror_flush: send a Batched firm's waiting entries now."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.management.organizations import add_organization, organization_named
from integrations.mirror import schedule
from integrations.models import SyncMode


class Command(BaseCommand):
    help = "Send what waits in Batched mode now instead of at the next flush."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_organization(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        organization = organization_named(options["organization"])
        mode = schedule.sync_settings(organization).mode
        if mode != SyncMode.BATCHED:
            raise CommandError(f"{organization} is in {mode} mode; there is no batch to flush.")
        self.stdout.write(f"{schedule.flush_now(organization, actor=None)} waiting entries are due now.")
