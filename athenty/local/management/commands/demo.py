"""Run Athenty on this machine: manage.py demo, or manage.py demo --once for an unattended proof."""

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from athenty.local import addresses
from athenty.local.folders import FolderInUse, HeldFolder, PrivateFolder
from athenty.local.processes import CannotStart
from athenty.local.stack import CHECKOUT, Stack
from athenty.local.supervisor import ChildFailed, StopRequested

_FAILED_ONCE = "demo-once-logs"


class Command(BaseCommand):
    help = "Start Athenty with its own Postgres, Redis and sandbox, and stop it all on Ctrl-C."
    # Nothing to check before the database runs; `migrate`, which comes first, runs the checks.
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        once = parser.add_argument_group("unattended")
        once.add_argument("--once", action="store_true", help="mirror a ledger into both providers, report, and stop")
        once.add_argument("--ledger", metavar="PATH", help="with --once: the ledger to import")
        once.add_argument("--entries", metavar="N", help="with --once: only its first N entries")
        once.add_argument(
            "--refuse", metavar="NUMBER", help="with --once: have the sandbox refuse this account of the ledger"
        )
        once.add_argument("--json", metavar="FILE", help="with --once: write the figures there")

    def handle(self, *args: Any, **options: Any) -> None:
        passed_on = [
            word
            for name in ("ledger", "entries", "refuse", "json")
            if options[name]
            for word in (f"--{name}", options[name])
        ]
        if passed_on and not options["once"]:
            raise CommandError(f"{passed_on[0]} goes with --once.")
        try:
            status = self._run_once(passed_on) if options["once"] else self._run()
        except (CannotStart, ChildFailed) as error:
            raise CommandError(str(error)) from None
        sys.exit(status)

    def _run(self) -> int:
        """Run until a signal comes, which is the ordinary end."""
        try:
            folder = HeldFolder(addresses.state_folder())
        except FolderInUse as error:
            raise CommandError(str(error)) from None
        folder.note(f"Athenty is already starting here, as process {os.getpid()}.")
        stack = Stack(folder.path, self._say)
        try:
            with stack.supervisor:
                stack.start()
                folder.note(
                    f"Athenty already runs from this checkout: {stack.site_url}/, process {os.getpid()}. "
                    f"Stop it with Ctrl-C where it was started, or with: kill {os.getpid()}"
                )
                self._say(_welcome(stack, folder.path))
                stack.supervisor.watch()
        except StopRequested:
            self._say("Stopped.")
        return 0

    def _run_once(self, options: list[str]) -> int:
        """Run on a state of its own, beside a demo that may be running, until `mirror_once` ends; its exit status."""
        folder = PrivateFolder("once")
        stack = Stack(folder.path, self._say, demo_firms=False)
        status = 1
        try:
            with stack.supervisor:
                stack.start()
                status = stack.supervisor.run_in_front("mirror_once", [CHECKOUT / "manage.py", "mirror_once", *options])
        except StopRequested as stop:
            status = 128 + stop.signal
        finally:
            if status not in (0, 128 + signal.SIGINT):
                _keep_logs(folder.path / "logs", self._say)
            folder.remove()
        return status

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()  # a log or a pipe should show it now


def _welcome(stack: Stack, state: Path) -> str:
    return f"""
Athenty is ready. Sign in at {stack.site_url}/ as owner@demo.test, password athenty-demo

  Other accounts  admin@demo.test, member@demo.test and viewer@demo.test of the same firm,
                  owner@other.test of a second firm; the password is the same
  Sandbox         {stack.sandbox_url}/ plays QuickBooks and Xero and shows the books it keeps
  Logs            {state / "logs"}
  Stop            Ctrl-C; `make clean-demo` then removes all of its data
"""


def _keep_logs(logs: Path, say: Callable[[str], None]) -> None:
    kept = addresses.state_folder() / _FAILED_ONCE
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(logs, kept)
    say(f"The logs of this run are in {kept}")
