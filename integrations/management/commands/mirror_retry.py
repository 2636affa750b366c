"""manage.py mirror_retry: let a firm's entries that need attention go again."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from integrations.management.organizations import add_organization, organization_named
from integrations.mirror import queue
from integrations.models import Connection
from integrations.providers import PROVIDERS
from integrations.providers.base import Cause


class Command(BaseCommand):
    help = "Send a firm's entries that need attention again: all of them, or those set aside for one cause."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_organization(parser)
        parser.add_argument("--provider", choices=sorted(PROVIDERS), help="only this provider's")
        parser.add_argument("--cause", choices=[cause.value for cause in Cause], help="only those set aside for it")

    def handle(self, *args: Any, **options: Any) -> None:
        connections = Connection.objects.current().for_organization(organization_named(options["organization"]))
        if options["provider"]:
            connections = connections.filter(provider_name=options["provider"])
        for connection in connections:
            parked = connection.queue.needing_attention()
            if options["cause"]:
                parked = parked.filter(cause=options["cause"])
            retried = queue.retry(connection, list(parked.values_list("pk", flat=True)), actor=None)
            self.stdout.write(f"{connection}: {retried} queued to be sent again.")
