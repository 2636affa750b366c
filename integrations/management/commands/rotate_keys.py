"""manage.py rotate_keys: have everything sealed depend on the present key-encryption key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.connections import keys
from integrations.connections.kms import KeyUnavailable


class Command(BaseCommand):
    help = (
        "Wrap every stored data key anew under the present key-encryption key. Set the new key first, and the one "
        "before it among the old ones, on web and workers alike. May be stopped and run again; nobody reconnects."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcomes = list(keys.move_to_present_key())
        except KeyUnavailable as error:
            raise CommandError(f"{error} What was moved stays moved; run this again.") from None
        self.stdout.write(f"{sum(outcomes)} records were moved.")
        for key_id, records in sorted(keys.in_use().items()):
            self.stdout.write(f"{key_id}: {records} records depend on it.")
        if not all(outcomes):
            raise CommandError(f"{outcomes.count(False)} records do not open where they belong; the log names them.")
