"""Start the stand-in for Intuit and Xero: manage.py sandbox --port 0 --store PATH."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand

from integrations.sandbox import cli


class Command(BaseCommand):
    help = "Start the stand-in for QuickBooks Online and Xero. It keeps books of its own and uses nothing of Athenty."
    # The sandbox has no Django models and must start when the product's database is down.
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        cli.add_arguments(parser)
        parser.epilog = cli.EPILOG
        parser.formatter_class = argparse.RawDescriptionHelpFormatter

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(cli.run(argparse.Namespace(**options)))
