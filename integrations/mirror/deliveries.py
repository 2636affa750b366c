"""Sealing deliveries, and holding them.

A delivery is committed before its first byte leaves and never re-composed: a retry is the same bytes under the same
key. Who may send and settle it holds its lease token; the lease runs by the database's clock.
"""

import hashlib
import logging
import uuid
from base64 import b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Now

from integrations.mirror import failures, queue
from integrations.models import (
    Attempt,
    ChartAccount,
    Connection,
    Delivery,
    DeliveryItem,
    QueueRow,
    SyncMode,
)
from integrations.providers.base import Cause, DraftLine, JournalDraft, Party, Refused, SealedBody, SealedSend
from ledger.models import JournalEntry

logger = logging.getLogger(__name__)

# What a worker needs beside the send itself: a token refresh, and settling.
_LEASE_MARGIN = timedelta(seconds=30)
_NOT_COMPOSED = "Entry %s could not be composed for connection %s."


Drafted = tuple[QueueRow, JournalDraft]


@dataclass(frozen=True)
class Lease:
    """The right to send and settle one delivery until it runs out."""

    delivery: Delivery
    token: uuid.UUID
    sealed: SealedSend


def reference(connection: Connection, entry: JournalEntry) -> str:
    """What the provider knows the entry by: readable, at most 21 characters, the same every time.

    The entry's number is for the bookkeeper. The hash of the connection's random id is what makes it ours alone: a
    company's books may hold the numbers of another firm's mirror, or of an older one, and a match with those must not
    be taken for our own entry.
    """
    digest = hashlib.sha256(f"{connection.pk}:{entry.pk}".encode()).digest()
    return f"ATH-{entry.number}-{b32encode(digest[:5]).decode()}"


def seal(connection: Connection, rows: Sequence[QueueRow], now: datetime) -> Lease | None:
    """Compose one delivery of rows that `queue.take` gave, in the same transaction, and hold it. None when no entry
    could be composed.

    An entry that can't be composed is parked alone, with its traceback in the log: it holds up no other.
    """
    mappings = connection.mappings.select_related("target")
    targets = {mapping.account_id: mapping.target for mapping in mappings if mapping.target}
    usable = _set_aside_unusable(connection, rows, targets)
    parties = _named_parties(connection, targets)
    drafted = [(row, draft) for row in usable if (draft := _draft_or_park(connection, row, targets, parties))]
    composed, sealed = _compose(connection, drafted)
    if sealed is None:
        return None
    delivery = Delivery(connection=connection, body=sealed.body)
    delivery.idempotency_key = delivery.pk.hex
    token = _hold(delivery, now)
    delivery.save(force_insert=True)
    items = [
        DeliveryItem(
            delivery=delivery,
            row=row,
            position=position,
            item_id=item_id,
            reference=draft.reference,
            targets={str(line.account_id): targets[line.account_id].remote_id for line in row.entry.lines.all()},
        )
        for position, ((row, draft), item_id) in enumerate(zip(composed, sealed.item_ids, strict=True))
    ]
    DeliveryItem.objects.bulk_create(items)
    return Lease(delivery, token, _sealed_send(delivery, items))


def _named_parties(connection: Connection, targets: dict[int, ChartAccount]) -> dict[str, str]:
    """Who is named on the lines of accounts that want a name: few connections have any."""
    if not any(target.party for target in targets.values()):
        return {}
    return dict(connection.parties.values_list("party", "remote_id"))


def _set_aside_unusable(
    connection: Connection, rows: Sequence[QueueRow], targets: dict[int, ChartAccount]
) -> list[QueueRow]:
    """Entries on an account whose target takes no journals any more wait for another target; the others go."""
    usable, failed = [], []
    for row in rows:
        used = (targets[line.account_id] for line in row.entry.lines.all() if line.account_id in targets)
        blamed = next((target for target in used if not target.is_eligible), None)
        if blamed is None:
            usable.append(row)
            continue
        message = f"{blamed} takes no journals any more."
        queue.park([row.pk], Refused("", Cause.ACCOUNT, "target-unusable", message, blamed.remote_id))
        failed.append((row.entry, "target-unusable", message))
    failures.report(connection, failed)
    return usable


def _draft_or_park(
    connection: Connection, row: QueueRow, targets: dict[int, ChartAccount], parties: dict[str, str]
) -> JournalDraft | None:
    """The journal to send. None when our own code fails on it: then it is parked alone, with the traceback logged."""
    try:
        return _draft(connection, row, targets, parties)
    except Exception:
        logger.exception(_NOT_COMPOSED, row.entry_id, connection.pk)
        _park_uncomposed(connection, row)
        return None


def _compose(connection: Connection, drafted: Sequence[Drafted]) -> tuple[Sequence[Drafted], SealedBody | None]:
    """Their bytes, and whose they are: what fails alone is parked and takes nothing else along. None when all fail."""
    if not drafted:
        return [], None
    try:
        return drafted, connection.provider.seal([draft for _, draft in drafted], connection.company)
    except Exception:
        if len(drafted) == 1:
            row, _ = drafted[0]
            logger.exception(_NOT_COMPOSED, row.entry_id, connection.pk)
            _park_uncomposed(connection, row)
            return [], None
    fit = [each for each in drafted if _compose(connection, [each])[1]]
    return fit, connection.provider.seal([draft for _, draft in fit], connection.company) if fit else None


def _park_uncomposed(connection: Connection, row: QueueRow) -> None:
    refusal = Refused("", Cause.OTHER, "not-composed", "Athenty could not prepare this entry.")
    queue.park([row.pk], refusal)
    failures.report(connection, [(row.entry, refusal.code, refusal.message)])


def _draft(
    connection: Connection, row: QueueRow, targets: dict[int, ChartAccount], parties: dict[str, str]
) -> JournalDraft:
    entry = row.entry
    lines = []
    for line in entry.lines.all():
        target = targets[line.account_id]
        lines.append(
            DraftLine(
                account_id=target.remote_id,
                account_number=target.number,
                debit=line.debit,
                credit=line.credit,
                description=line.description,
                party=Party(target.party) if target.party else None,
                party_id=parties.get(target.party, ""),
            )
        )
    return JournalDraft(reference=reference(connection, entry), on=entry.date, memo=entry.memo, lines=tuple(lines))


def lease(delivery: Delivery, now: datetime) -> Lease:
    """Take hold of a delivery that nobody holds, in the caller's transaction and under the connection's lock."""
    token = _hold(delivery, now)
    delivery.save(update_fields=["lease_token", "leased_until"])
    return Lease(delivery, token, _sealed_send(delivery, delivery.items.order_by("position")))


def _hold(delivery: Delivery, now: datetime) -> uuid.UUID:
    delivery.lease_token = token = uuid.uuid4()
    delivery.leased_until = now + delivery.connection.provider.limits.send_timeout + _LEASE_MARGIN
    return token


def _sealed_send(delivery: Delivery, items: Iterable[DeliveryItem]) -> SealedSend:
    """`items` in their order."""
    placed = list(items)
    return SealedSend(
        company_id=delivery.connection.company_id,
        idempotency_key=delivery.idempotency_key,
        body=bytes(delivery.body),
        references=tuple(item.reference for item in placed),
        item_ids=tuple(item.item_id for item in placed),
    )


def begin_attempt(lease: Lease) -> Attempt | None:
    """Write down, and commit, that bytes may leave from now on.

    None when they may not: the lease no longer covers a whole send, the provider would soon not recognise a repeat, or
    somebody has switched the mirror off since, or paused it, or disconnected. So nothing starts once such a switch has
    returned.
    """
    connection = lease.delivery.connection
    in_window = Q()
    if connection.replay_window is not None:
        in_window = Q(first_sent_at=None) | Q(first_sent_at__gt=Now() - connection.replay_window)
    stopped = Connection.objects.filter(
        ~Q(status=Connection.Status.CONNECTED)
        | Q(organization__sync_settings__mode=SyncMode.OFF)
        | Q(organization__sync_settings__paused_at__isnull=False),
        pk=OuterRef("connection"),
    )
    held = Delivery.objects.open().filter(
        in_window,
        ~Exists(stopped),
        pk=lease.delivery.pk,
        lease_token=lease.token,
        leased_until__gt=Now() + connection.provider.limits.send_timeout,
    )
    if not held.update(first_sent_at=Coalesce("first_sent_at", Now()), attempts=F("attempts") + 1):
        return None
    return Attempt.objects.create(delivery=lease.delivery)


def finish_attempt(attempt: Attempt, outcome: str, **details: object) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(outcome=outcome, finished_at=Now(), **details)
