"""Which of our accounts must have a target before a connection sends anything.

From the start date on, what an entry uses is required in the statement that queues it: see `mirror.queue`.
"""

from typing import Any

from django.db import models

from integrations.models import AccountMapping, Connection
from ledger.models import Account, JournalLine


def require_from_start(connection: Connection) -> None:
    """Require what the start date makes so: accounts with a posted line from then on, and active core accounts."""
    lines = JournalLine.objects.filter(
        entry__organization=connection.organization,
        entry__posted_at__isnull=False,
        entry__date__gte=connection.mirror_from,
    )
    _require(connection, lines.values("account_id"))
    core = Account.objects.filter(organization=connection.organization, is_core=True, is_active=True)
    _require(connection, core.values("pk"))


def _require(connection: Connection, account_ids: models.QuerySet[Any, Any]) -> None:
    accounts = Account.objects.filter(pk__in=account_ids)
    mappings = AccountMapping.objects.filter(connection=connection)
    new = accounts.exclude(pk__in=mappings.values("account_id"))
    AccountMapping.objects.bulk_create(
        [AccountMapping(connection=connection, account=account) for account in new], ignore_conflicts=True
    )
    mappings.filter(account__in=account_ids, is_required=False).update(is_required=True)


def is_complete(connection: Connection) -> bool:
    """Whether every required account has been given a target. One that broke since holds up its own entries only."""
    return not connection.mappings.unmapped().exists()
