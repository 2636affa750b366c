"""Sealing deliveries, and holding them.

A delivery is committed before its first byte leaves and never re-composed: a retry is the same bytes under the same
key. Who may send and settle it holds its lease token; the lease runs by the database's clock.
"""

import hashlib
import logging
import uuid
from base64 import b32encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import orjson
from django.db.models.functions import Now

from integrations import by_hand
from integrations.mapping.requirements import Target
from integrations.mirror import failures, queue
from integrations.mirror.queue import TakenEntry
from integrations.models import Attempt, Connection, Delivery
from integrations.providers.base import Cause, DraftLine, JournalDraft, Party, Refused, SealedBody, SealedSend

logger = logging.getLogger(__name__)

# What a worker needs beside the send itself: a token refresh, and settling.
_LEASE_MARGIN = timedelta(seconds=30)
_NOT_COMPOSED = "Entry %s could not be composed for connection %s."


Drafted = tuple[TakenEntry, JournalDraft]


@dataclass(frozen=True)
class Lease:
    """The right to send and settle one delivery until it runs out."""

    delivery: Delivery
    token: uuid.UUID
    sealed: SealedSend


class NumberedEntry(Protocol):
    """A journal entry, however it was read."""

    @property
    def pk(self) -> int: ...
    @property
    def number(self) -> int | None: ...


def reference(connection: Connection, entry: NumberedEntry) -> str:
    """What the provider knows the entry by: readable, at most 21 characters, the same every time.

    The entry's number is for the bookkeeper. The hash of the connection's random id is what makes it ours alone: a
    company's books may hold the numbers of another firm's mirror, or of an older one, and a match with those must not
    be taken for our own entry.
    """
    [only] = references(connection, [entry])
    return only


def references(connection: Connection, entries: Sequence[NumberedEntry]) -> list[str]:
    """The reference of each. Five bytes are eight digits of base 32, so those of all are written in one go."""
    ours = str(connection.pk)
    hashes = [hashlib.sha256(f"{ours}:{entry.pk}".encode()).digest()[:5] for entry in entries]
    digits = b32encode(b"".join(hashes)).decode()
    return [f"ATH-{entry.number}-{digits[8 * place : 8 * place + 8]}" for place, entry in enumerate(entries)]


@dataclass(frozen=True)
class Composed:
    """What one delivery will be: its bytes, whose they are, and the targets by our accounts' ids."""

    drafted: Sequence[Drafted]
    sealed: SealedBody
    targets: Mapping[int, Target]


def compose(connection: Connection, entries: Sequence[TakenEntry], targets: Mapping[int, Target]) -> Composed | None:
    """One delivery of what `queue.take` gave, in the same transaction. None when no entry could be composed.

    An entry that can't be composed is parked alone, with its traceback in the log: it holds up no other.
    """
    usable = _set_aside_unusable(connection, entries, targets)
    parties = _named_parties(connection, targets)
    named = zip(usable, references(connection, usable), strict=True)
    drafted = [
        (entry, draft) for entry, name in named if (draft := _draft_or_park(connection, entry, name, targets, parties))
    ]
    fit, sealed = _fit_together(connection, drafted)
    return Composed(fit, sealed, targets) if sealed else None


def seal(connection: Connection, composed: Composed, now: datetime) -> Lease:
    """Write the delivery down and hold it, and with it what this send changes of its connection."""
    sealed = composed.sealed
    delivery = Delivery(connection=connection, body=sealed.body, sealed_at=now, next_attempt_at=now)
    delivery.idempotency_key = delivery.pk.hex
    token = _hold(delivery, now)
    _keep(delivery, composed)
    items = zip((draft.reference for _, draft in composed.drafted), sealed.item_ids, strict=True)
    return Lease(delivery, token, _sealed_send(delivery, items))


# By hand, since the ORM's own words for fifty items take longer than composing them. Nobody waits for the disk when it
# commits: it may be lost with the server until an attempt is begun, whose own commit is waited for and takes along all
# that was written before it. No byte leaves earlier.
_KEEP = """
    WITH marked AS (
        UPDATE integrations_connection
        SET next_send_at = %(next_send_at)s, coalesce_until = %(coalesce_until)s, queue_from = %(queue_from)s,
            woken_for = %(woken_for)s
        WHERE id = %(connection)s
        RETURNING set_config('synchronous_commit', 'off', true)
    ), delivery AS (
        INSERT INTO integrations_delivery
            (id, connection_id, state, idempotency_key, body, sealed_at, lease_token, leased_until, attempts, failures,
             next_attempt_at)
        VALUES (%(id)s, %(connection)s, %(state)s, %(key)s, %(body)s, %(now)s, %(token)s, %(until)s, 0, 0, %(now)s)
        RETURNING id
    )
    INSERT INTO integrations_deliveryitem (delivery_id, row_id, position, item_id, reference, targets)
    SELECT delivery.id, (item->>0)::bigint, place - 1, item->>1, item->>2, item->3
    FROM delivery, jsonb_array_elements(%(items)s::jsonb) WITH ORDINALITY AS listed (item, place)
"""


def _keep(delivery: Delivery, composed: Composed) -> None:
    """Each item with the targets that its lines were composed for."""
    items = [
        (
            entry.row_id,
            item_id,
            draft.reference,
            {line.account_id: composed.targets[line.account_id].remote_id for line in entry.lines},
        )
        for (entry, draft), item_id in zip(composed.drafted, composed.sealed.item_ids, strict=True)
    ]
    connection = delivery.connection
    values = {
        "id": delivery.pk,
        "connection": connection.pk,
        "next_send_at": connection.next_send_at,
        "coalesce_until": connection.coalesce_until,
        "queue_from": connection.queue_from,
        "woken_for": connection.woken_for,
        "state": delivery.state,
        "key": delivery.idempotency_key,
        "body": delivery.body,
        "token": delivery.lease_token,
        "until": delivery.leased_until,
        "now": delivery.sealed_at,
        "items": orjson.dumps(items, option=orjson.OPT_NON_STR_KEYS).decode(),
    }
    by_hand.execute(_KEEP, values)


def _named_parties(connection: Connection, targets: Mapping[int, Target]) -> dict[str, str]:
    """Who is named on the lines of accounts that want a name: few connections have any."""
    if not any(target.party for target in targets.values()):
        return {}
    return dict(connection.parties.values_list("party", "remote_id"))


def _set_aside_unusable(
    connection: Connection, entries: Sequence[TakenEntry], targets: Mapping[int, Target]
) -> Sequence[TakenEntry]:
    """Entries on an account whose target takes no journals any more wait for another target; the others go."""
    unusable = {account_id: target for account_id, target in targets.items() if not target.is_eligible}
    if not unusable:
        return entries
    usable, failed = [], []
    for entry in entries:
        blamed = next((unusable[line.account_id] for line in entry.lines if line.account_id in unusable), None)
        if blamed is None:
            usable.append(entry)
            continue
        message = f"{blamed} takes no journals any more."
        queue.park([entry.row_id], Refused("", Cause.ACCOUNT, "target-unusable", message, blamed.remote_id))
        failed.append((entry.number, "target-unusable", message))
    failures.report(connection, failed)
    return usable


def _draft_or_park(
    connection: Connection, entry: TakenEntry, name: str, targets: Mapping[int, Target], parties: dict[str, str]
) -> JournalDraft | None:
    """The journal to send. None when our own code fails on it: then it is parked alone, with the traceback logged."""
    try:
        return _draft(entry, name, targets, parties)
    except Exception:
        logger.exception(_NOT_COMPOSED, entry.pk, connection.pk)
        _park_uncomposed(connection, entry)
        return None


def _fit_together(connection: Connection, drafted: Sequence[Drafted]) -> tuple[Sequence[Drafted], SealedBody | None]:
    """Their bytes, and whose they are: what fails alone is parked and takes nothing else along. None when all fail."""
    if not drafted:
        return [], None
    try:
        return drafted, connection.provider.seal([draft for _, draft in drafted], connection.company)
    except Exception:
        if len(drafted) == 1:
            entry, _ = drafted[0]
            logger.exception(_NOT_COMPOSED, entry.pk, connection.pk)
            _park_uncomposed(connection, entry)
            return [], None
    fit = [each for each in drafted if _fit_together(connection, [each])[1]]
    return fit, connection.provider.seal([draft for _, draft in fit], connection.company) if fit else None


def _park_uncomposed(connection: Connection, entry: TakenEntry) -> None:
    refusal = Refused("", Cause.OTHER, "not-composed", "Athenty could not prepare this entry.")
    queue.park([entry.row_id], refusal)
    failures.report(connection, [(entry.number, refusal.code, refusal.message)])


def _draft(entry: TakenEntry, name: str, targets: Mapping[int, Target], parties: dict[str, str]) -> JournalDraft:
    lines = []
    for line in entry.lines:
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
    return JournalDraft(reference=name, on=entry.on, memo=entry.memo, lines=tuple(lines))


def lease(delivery: Delivery, now: datetime) -> Lease:
    """Take hold of a delivery that nobody holds, in the caller's transaction and under the connection's lock."""
    token = _hold(delivery, now)
    delivery.save(update_fields=["lease_token", "leased_until"])
    items = delivery.items.order_by("position").values_list("reference", "item_id")
    return Lease(delivery, token, _sealed_send(delivery, items))


def _hold(delivery: Delivery, now: datetime) -> uuid.UUID:
    delivery.lease_token = token = uuid.uuid4()
    delivery.leased_until = now + delivery.connection.provider.limits.send_timeout + _LEASE_MARGIN
    return token


def _sealed_send(delivery: Delivery, items: Iterable[tuple[str, str]]) -> SealedSend:
    """`items`: each reference and item id, in their order."""
    references, item_ids = zip(*items, strict=True)
    return SealedSend(
        company_id=delivery.connection.company_id,
        idempotency_key=delivery.idempotency_key,
        body=bytes(delivery.body),
        references=references,
        item_ids=item_ids,
    )


# By hand and one statement, since each send waits for it: the ORM takes longer to write it than Postgres to answer.
_BEGIN = """
    WITH begun AS (
        UPDATE integrations_delivery delivery
        SET first_sent_at = coalesce(first_sent_at, statement_timestamp()),
            rests_until = statement_timestamp() + %(rest)s, attempts = attempts + 1
        WHERE id = %(delivery)s AND state = 'open' AND lease_token = %(token)s
            AND leased_until > statement_timestamp() + %(send_takes)s
            AND (
                %(window)s::interval IS NULL OR first_sent_at IS NULL
                OR first_sent_at > statement_timestamp() - %(window)s::interval
            )
            AND EXISTS (
                SELECT FROM integrations_connection connection
                LEFT JOIN integrations_syncsettings settings ON settings.organization_id = connection.organization_id
                WHERE connection.id = delivery.connection_id AND connection.status = 'connected'
                    AND settings.mode IS DISTINCT FROM 'off' AND settings.paused_at IS NULL
            )
        RETURNING id
    )
    INSERT INTO integrations_attempt (delivery_id, outcome, request_id, provider_code, provider_message)
    SELECT id, '', '', '', '' FROM begun
    RETURNING id, delivery_id, started_at
"""


def begin_attempt(lease: Lease) -> Attempt | None:
    """Write down, and commit, that bytes may leave from now on.

    None when they may not: the lease no longer covers a whole send, the provider would soon not recognise a repeat, or
    somebody has switched the mirror off since, or paused it, or disconnected. So nothing starts once such a switch has
    returned.
    """
    connection = lease.delivery.connection
    limits = connection.provider.limits
    values = {
        "delivery": lease.delivery.pk,
        "token": lease.token,
        "send_takes": limits.send_timeout,
        "rest": limits.rest_after_unknown,
        "window": connection.replay_window,
    }
    return next(iter(by_hand.instances(Attempt, _BEGIN, values)), None)


# A repeat is begun this long before the provider may forget the first send: a probe has to be answered before it, and
# the repeats of others may take their turns. Who asked shortly before need not ask again.
_LAST_TRY_BEFORE, _ASKED_SHORTLY = timedelta(seconds=10), timedelta(seconds=15)


def before_forgotten(
    connection: Connection, first_sent: Iterable[datetime | None], at: datetime, now: datetime
) -> datetime:
    """`at`, or sooner, where a try at `at` would come too late for one of the sends that first left then."""
    window = connection.replay_window
    if window is None:
        return at
    last_tries = [each + window - _LAST_TRY_BEFORE for each in first_sent if each]
    return min([at, *(each for each in last_tries if each - now >= _ASKED_SHORTLY)])


def finish_attempt(attempt: Attempt, outcome: str, **details: object) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(outcome=outcome, finished_at=Now(), **details)
