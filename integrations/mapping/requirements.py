"""Which of our accounts must have a target before a connection sends anything.

From the start date on, what an entry uses is required in the statement that queues it: see `mirror.queue`.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db import models

from integrations.models import AccountMapping, Connection
from integrations.models.chart import breaks_trust
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


@dataclass(frozen=True, slots=True)
class Target:
    """Where the lines of one of our accounts go, as they are composed for it."""

    remote_id: str
    number: str
    name: str
    party: str
    is_listed: bool
    refusal: str

    def __str__(self) -> str:
        return f"{self.number} · {self.name}" if self.number else self.name

    @property
    def is_eligible(self) -> bool:
        return self.is_listed and not self.refusal


# By hand, since every claim asks it.
_TARGETS = """
    SELECT mapping.account_id, mapping.is_required, account.is_trust, account.type, target.classification,
        target.remote_id, target.number, target.name, target.party, target.is_listed, target.refusal
    FROM integrations_accountmapping mapping
    JOIN ledger_account account ON account.id = mapping.account_id
    LEFT JOIN integrations_chartaccount target ON target.id = mapping.target_id
    WHERE mapping.connection_id = %s
"""


def targets(connection: Connection) -> dict[int, Target] | None:
    """The targets by our accounts' ids. None while a required account has been given none that may stand: nothing is
    sent before. One that broke since holds up its own entries only.
    """
    with database.cursor() as cursor:
        cursor.execute(_TARGETS, [connection.pk])
        rows = cursor.fetchall()
    found = {}
    for account_id, is_required, is_trust, account_type, classification, *target in rows:
        is_mapped = classification is not None
        if is_required and (not is_mapped or breaks_trust(is_trust, account_type, classification)):
            return None
        if is_mapped:
            found[account_id] = Target(*target)
    return found
