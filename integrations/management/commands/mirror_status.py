"""manage.py mirror_status: who is there to send, and what waits where, since when, and why."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from integrations.management.organizations import add_organization, organization_named
from integrations.mirror.status import ConnectionStatus, mirror_status
from integrations.models import Connection


class Command(BaseCommand):
    help = "Show the state of every connection. Exits with 1 when no worker or beat is there or a connection is late."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add_organization(parser, required=False)
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        connections = Connection.objects.current()
        if options["organization"]:
            connections = connections.for_organization(organization_named(options["organization"]))
        status = mirror_status(connections)
        if options["json"]:
            figures = {
                "workers_alive": status.workers_alive,
                "beat_alive": status.beat_alive,
                "is_well": status.is_well,
                "connections": [connection.as_json() for connection in status.connections],
            }
            self.stdout.write(json.dumps(figures, cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write(f"Workers: {'alive' if status.workers_alive else 'NONE for a minute'}")
            self.stdout.write(f"Beat:    {'alive' if status.beat_alive else 'NONE for a minute'}")
            for connection in status.connections:
                self.stdout.write(_lines(connection))
        if not status.is_well:
            raise CommandError("Look at it: no worker or no beat is there, or a connection is late.")


def _lines(status: ConnectionStatus) -> str:
    head = f"\n{status.organization} → {status.provider} ({status.company}): {status.state} {status.reason}"
    causes = ", ".join(f"{count} {cause}" for cause, count in status.needs_attention.items())
    lines = [
        head.rstrip(),
        f"  mode {status.mode}",
        f"  held by {status.held_by}" if status.held_by else "",
        f"  waiting {status.waiting:,}, sending {status.sending:,}",
        f"  oldest waiting for {status.oldest_waiting_seconds:,} s"
        if status.oldest_waiting_seconds is not None
        else "",
        f"  needs attention {sum(status.needs_attention.values()):,}" + (f" ({causes})" if causes else ""),
        f"  unconfirmed {status.unconfirmed:,}",
        f"  last success {status.last_success_at or 'never'}, next attempt {status.next_attempt_at or 'when due'}",
        f"  calls left today {status.calls_left_today:,}" if status.calls_left_today is not None else "",
        "  LATE: entries are due and nothing is sent" if status.is_late else "",
    ]
    return "\n".join(filter(None, lines))
