"""Which of our accounts must have a target before a connection sends anything.

From the start date on, what an entry uses is required in the statement that queues it: see `mirror.queue`.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection as database

from integrations import by_hand
from integrations.models import Connection
from integrations.models.chart import breaks_trust

# By hand, as one statement where the ORM takes six: every start and every reconnect waits for it.
_REQUIRED_FROM_START = """
    INSERT INTO integrations_accountmapping AS mapping (connection_id, account_id, is_required)
    SELECT %(connection)s, account.id, true
    FROM ledger_account account
    WHERE account.organization_id = %(organization)s AND (
        (account.is_core AND account.is_active)
        OR account.id IN (
            SELECT line.account_id
            FROM ledger_journalline line
            JOIN ledger_journalentry entry ON entry.id = line.entry_id
            WHERE entry.organization_id = %(organization)s AND entry.posted_at IS NOT NULL
                AND entry.date >= %(mirror_from)s
        )
    )
    ORDER BY account.id
    ON CONFLICT (connection_id, account_id) DO UPDATE SET is_required = true WHERE NOT mapping.is_required
"""


def require_from_start(connection: Connection) -> None:
    """Require what the start date makes so: accounts with a posted line from then on, and active core accounts."""
    parameters: dict[str, Any] = {
        "connection": connection.pk,
        "organization": connection.organization_id,
        "mirror_from": connection.mirror_from,
    }
    with database.cursor() as cursor:
        cursor.execute(_REQUIRED_FROM_START, parameters)


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


# By hand, since every claim asks it. Each account by its id, which OFFSET 0 holds Postgres to: a plan made while few
# firms were there is kept, and read everybody's accounts once there are many.
_TARGETS = """
    SELECT mapping.account_id, mapping.is_required, account.is_trust, account.type, target.classification,
        target.remote_id, target.number, target.name, target.party, target.is_listed, target.refusal
    FROM integrations_accountmapping mapping
    CROSS JOIN LATERAL (SELECT * FROM ledger_account WHERE id = mapping.account_id OFFSET 0) account
    LEFT JOIN LATERAL (SELECT * FROM integrations_chartaccount WHERE id = mapping.target_id OFFSET 0) target ON true
    WHERE mapping.connection_id = %s
"""


def targets(connection: Connection) -> dict[int, Target] | None:
    """The targets by our accounts' ids. None while a required account has been given none that may stand: nothing is
    sent before. One that broke since holds up its own entries only.
    """
    found = {}
    rows = by_hand.rows(_TARGETS, [connection.pk])
    for account_id, is_required, is_trust, account_type, classification, *target in rows:
        is_mapped = classification is not None
        if is_required and (not is_mapped or breaks_trust(is_trust, account_type, classification)):
            return None
        if is_mapped:
            found[account_id] = Target(*target)
    return found
