"""The only writer of `journal_sync_queue`.

A row is created in the transaction that posts its entry, and leaves the waiting states only when the provider has
answered for it or a person has decided.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from integrations import by_hand
from integrations.mapping import requirements
from integrations.mirror import waking
from integrations.models import Connection, Delivery, DeliveryItem, QueueRow
from integrations.providers.base import Cause, Refused
from ledger.models import JournalEntry, JournalLine

# Large enough that an import of any size is a handful of statements, small enough for each to be short.
_CHUNK = 10_000
_NO_CAUSE = {"cause": "", "provider_code": "", "provider_message": "", "blamed_account_id": ""}


def enqueue(organization: Organization, entries: Sequence[JournalEntry]) -> None:
    """Queue newly posted entries for every connection of the organization, in the posting transaction."""
    _add(organization, [entry.pk for entry in entries])


def backfill(connection: Connection) -> None:
    """Queue every posted entry from the start date on that has no row yet, in the caller's transaction.

    The caller holds the organization's postings (`ledger.posting.hold_postings`): an entry whose transaction is still
    open would otherwise be seen by neither this nor `enqueue`.
    """
    entries = JournalEntry.objects.filter(
        organization=connection.organization, posted_at__isnull=False, date__gte=connection.mirror_from
    ).exclude(queue_rows__connection=connection)
    requirements.require_from_start(connection)
    _add(connection.organization, list(entries.order_by("number").values_list("pk", flat=True)))


def _add(organization: Organization, entry_ids: list[int]) -> None:
    """By a function of the database, since every posting waits for it (`migrations/0009_enqueue_by_id.py`)."""
    for start in range(0, len(entry_ids), _CHUNK):
        with database.cursor() as cursor:
            cursor.execute("SELECT mirror_enqueue(%s, %s)", [organization.pk, entry_ids[start : start + _CHUNK]])
            for (connection_id,) in cursor.fetchall():
                waking.wake_on_commit(connection_id)


class TakenLine(NamedTuple):
    """Exactly one of `debit` and `credit` is an amount, the other None."""

    account_id: int
    debit: Decimal | None
    credit: Decimal | None
    description: str


class TakenEntry(NamedTuple):
    """An entry about to be sent, as it is read for that: its own id and number, its lines in their order."""

    row_id: int
    pk: int
    number: int
    on: date
    memo: str
    lines: list[TakenLine]


# Moved and read in one statement, and no instances made of it: these are most of a claim. The ids are an array, since a
# join with what was locked may be planned as a scan of the whole table.
_TAKE = """
    WITH taken AS (
        UPDATE journal_sync_queue SET state = %(sending)s, changed_at = statement_timestamp()
        WHERE id = ANY(ARRAY(
            SELECT id FROM journal_sync_queue
            WHERE connection_id = %(connection)s AND state = %(waiting)s AND id = ANY(%(rows)s::bigint[])
            ORDER BY id
            FOR NO KEY UPDATE SKIP LOCKED
        ))
        RETURNING id, entry_id
    )
    SELECT taken.id, entry.id, entry.number, entry.date, entry.memo,
        line.account_id, line.debit, line.credit, line.description
    FROM taken
    JOIN ledger_journalentry entry ON entry.id = taken.entry_id
    JOIN ledger_journalline line ON line.entry_id = entry.id
    ORDER BY taken.id, line.position
"""


def take(connection: Connection, row_ids: Sequence[int]) -> list[TakenEntry]:
    """Move these waiting rows to sending and return their entries, oldest first, in the caller's transaction.

    Rows that another transaction holds are passed over. Moves the connection's `queue_from` up; the caller saves it.
    """
    values = {
        "connection": connection.pk,
        "rows": list(row_ids),
        "waiting": QueueRow.State.WAITING,
        "sending": QueueRow.State.SENDING,
    }
    found = by_hand.rows(_TAKE, values)
    taken = [
        TakenEntry(row_id, entry_id, number, on, memo, [TakenLine._make(line[5:]) for line in lines])
        for (row_id, entry_id, number, on, memo), lines in groupby(found, key=itemgetter(0, 1, 2, 3, 4))
    ]
    if taken:
        # Ids follow the order of commits here: who posts or backfills holds the organization's books until commit.
        connection.queue_from = taken[-1].row_id + 1
    return taken


def settle_sent(row_ids: dict[int, str]) -> None:
    """The provider has these, under the given ids of its own."""
    if not row_ids:
        return
    with database.cursor() as cursor:
        # One statement, whatever the number: the ORM's own words for fifty rows take longer than the rest of a pass.
        cursor.execute(
            """
            UPDATE journal_sync_queue row
            SET state = %s, remote_id = answer.remote_id,
                sent_at = statement_timestamp(), changed_at = statement_timestamp()
            FROM unnest(%s::bigint[], %s::text[]) AS answer (row_id, remote_id)
            WHERE row.id = answer.row_id AND row.state = %s
            """,
            [QueueRow.State.SENT, list(row_ids), list(row_ids.values()), QueueRow.State.SENDING],
        )


def settle_late(row_ids: dict[int, str]) -> None:
    """Refused at first, and written by the same bytes when they went again for another entry's sake."""
    for row_id, remote_id in row_ids.items():
        _move(
            [row_id],
            QueueRow.State.NEEDS_ATTENTION,
            state=QueueRow.State.SENT,
            remote_id=remote_id,
            sent_at=Now(),
            **_NO_CAUSE,
        )


def park(row_ids: Iterable[int], refusal: Refused) -> None:
    """Set rows aside until a person lifts what stands in their way, with the provider's own words."""
    _move(
        row_ids,
        QueueRow.State.SENDING,
        state=QueueRow.State.NEEDS_ATTENTION,
        cause=refusal.cause,
        provider_code=refusal.code[:40],
        provider_message=refusal.message,
        blamed_account_id=refusal.account_id[:64],
    )


def put_back(connection: Connection, row_ids: Iterable[int]) -> None:
    """The provider turned these away unwritten, for a reason that is not their own: they wait for a new delivery."""
    if _move(row_ids, QueueRow.State.SENDING, state=QueueRow.State.WAITING):
        connection.queue_from = 0
        connection.save(update_fields=["queue_from"])


def leave_unconfirmed(row_ids: Iterable[int]) -> None:
    """Sent, outcome never learned, and the provider no longer recognises a repeat: only a person can say."""
    _move(row_ids, QueueRow.State.SENDING, state=QueueRow.State.UNCONFIRMED)


@transaction.atomic
def release(
    connection: Connection, cause: Cause, *, touching: Collection[int] = (), dated_after: date | None = None
) -> int:
    """Let rows that were parked for this cause go again, now that it is fixed. Returns how many.

    `touching` narrows it to entries with a line that is sent to one of these chart rows, `dated_after` to entries of
    later dates.
    """
    rows = connection.queue.needing_attention().filter(cause=cause)
    if touching:
        accounts = connection.mappings.filter(target__in=touching).values("account")
        rows = rows.filter(entry__in=JournalLine.objects.filter(account__in=accounts).values("entry"))
    if dated_after:
        rows = rows.filter(entry__date__gt=dated_after)
    return _release(connection, rows)


@transaction.atomic
def retry(connection: Connection, row_ids: Iterable[int], *, actor: User | None, ip: str | None = None) -> int:
    """Let these parked rows go again, as a person asked. A second click finds none left. Returns how many."""
    _hold(connection)
    rows = connection.queue.needing_attention().filter(pk__in=list(row_ids))
    numbers = list(rows.order_by("entry__number").values_list("entry__number", flat=True))
    if numbers:
        _record(connection, Action.ENTRY_RETRIED, numbers, actor=actor, ip=ip)
    return _release(connection, rows)


@transaction.atomic
def confirm(row: QueueRow, remote_id: str, *, actor: User, ip: str | None = None) -> bool:
    """A person has looked and found the unconfirmed entry at the provider, under this id (may be empty).

    False when somebody else decided meanwhile.
    """
    decided = _move(
        [row.pk], QueueRow.State.UNCONFIRMED, state=QueueRow.State.SENT, remote_id=remote_id[:64], sent_at=Now()
    )
    if decided:
        _record(row.connection, Action.ENTRY_CONFIRMED, [row.entry.number], actor=actor, ip=ip, remote_id=remote_id)
    return bool(decided)


@transaction.atomic
def send_again(row: QueueRow, *, actor: User, ip: str | None = None) -> bool:
    """A person has looked and not found the unconfirmed entry: it goes again, under a new key.

    False when somebody else decided meanwhile.
    """
    decided = _move([row.pk], QueueRow.State.UNCONFIRMED, state=QueueRow.State.WAITING)
    if decided:
        Connection.objects.filter(pk=row.connection_id).update(queue_from=0)
        _record(row.connection, Action.ENTRY_SENT_AGAIN, [row.entry.number], actor=actor, ip=ip)
        waking.wake_on_commit(row.connection_id)
    return bool(decided)


def _record(
    connection: Connection,
    action: Action,
    numbers: list[int | None],
    *,
    actor: User | None,
    ip: str | None,
    **details: str,
) -> None:
    data = {"provider": connection.provider_name, "entries": numbers, **details}
    recording.record(action, connection.organization, actor=actor, obj=str(connection), ip=ip, data=data)


def _release(connection: Connection, rows: QuerySet[QueueRow]) -> int:
    """An entry whose delivery is still in doubt goes with it, as sealed: under a key of its own it could be doubled."""
    _hold(connection)
    row_ids = list(rows.values_list("pk", flat=True))
    in_open = DeliveryItem.objects.filter(row__in=row_ids, delivery__state=Delivery.State.OPEN)
    held = set(in_open.values_list("row", flat=True))
    before = QueueRow.State.NEEDS_ATTENTION
    resumed = _move(held, before, state=QueueRow.State.SENDING, **_NO_CAUSE)
    released = _move(set(row_ids) - held, before, state=QueueRow.State.WAITING, **_NO_CAUSE)
    if released:
        Connection.objects.filter(pk=connection.pk).update(queue_from=0)
        waking.wake_on_commit(connection.pk)
    return resumed + released


def _hold(connection: Connection) -> None:
    """As a claim and a settlement do first: so neither sees half of a release, and none waits for another in a ring."""
    Connection.objects.select_for_update(no_key=True).get(pk=connection.pk)


def _move(row_ids: Iterable[int], before: QueueRow.State, **changes: object) -> int:
    """Only rows still in the state they are expected in change: whoever comes second changes nothing."""
    rows = QueueRow.objects.filter(pk__in=list(row_ids), state=before)
    return rows.update(changed_at=Now(), **changes)
