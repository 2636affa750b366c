"""Which key-encryption keys our stored access depends on: the check at the start, and the move to another key."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.db import transaction

from integrations.connections import tokens, vault
from integrations.connections.attempts import Candidate
from integrations.connections.kms import KeyUnavailable, SealBroken, key_management
from integrations.mirror.crash_points import crash_point
from integrations.models import ConnectAttempt, GrantToReturn, SealedGrant

logger = logging.getLogger(__name__)

_AT_THE_START = {"purpose": "checking at the start"}


def check_start(*, opens: bool) -> None:
    """Refuse to run without the keys that the stored access depends on. Raises KeyUnavailable with what to mend.

    `opens`: this process is to open tokens (a worker); a web process only seals, and may be denied more than that.
    """
    keys = key_management()
    fresh = keys.new_data_key(_AT_THE_START)
    if opens and keys.open_data_key(fresh.wrapped, _AT_THE_START) != fresh.plaintext:
        raise KeyUnavailable("The key-management boundary opens a data key as another one.")
    missing = in_use().keys() - set(keys.key_ids())
    if missing:
        raise KeyUnavailable(
            f"Stored access depends on {', '.join(sorted(missing))}, which this process is not set up with. Configure "
            "that key again, among the old ones if it was replaced on purpose, and run manage.py rotate_keys."
        )


def in_use() -> Counter[str]:
    """How many stored records depend on each key."""
    found: Counter[str] = Counter(SealedGrant.objects.values_list("key_id", flat=True))
    found.update(GrantToReturn.objects.exclude(tokens=None).values_list("key_id", flat=True))
    for attempt in ConnectAttempt.objects.exclude(candidates=[]):
        found.update(stored["key_id"] for stored in attempt.candidates)
    return found


def move_to_present_key() -> Iterator[bool]:
    """Wrap every stored data key anew under the present key, a record at a time: whether each could be moved.

    Tokens are not opened, and nobody reconnects. May be stopped at any point and run again; workers and web go on
    meanwhile. Raises KeyUnavailable when the boundary does not answer.
    """
    present = key_management().key_ids()[0]
    for grant_id in SealedGrant.objects.exclude(key_id=present).values_list("pk", flat=True):
        yield _moved(SealedGrant, grant_id, present)
    for returned_id in GrantToReturn.objects.exclude(key_id__in=[present, ""]).values_list("pk", flat=True):
        yield _moved(GrantToReturn, returned_id, present)
    for attempt_id in ConnectAttempt.objects.exclude(candidates=[]).values_list("pk", flat=True):
        yield _moved(ConnectAttempt, attempt_id, present)


def _moved(model: type[SealedGrant | GrantToReturn | ConnectAttempt], pk: Any, present: str) -> bool:
    """False when the record does not open where it belongs: it stays as it is, for somebody to look at."""
    try:
        with transaction.atomic():
            row = model.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if row is not None:  # else it ended meanwhile
                _move(row, present)
            crash_point("rotating")
    except SealBroken:
        logger.error("%s %s does not open where it belongs; it was not moved to the present key.", model.__name__, pk)
        return False
    return True


def _move(row: SealedGrant | GrantToReturn | ConnectAttempt, present: str) -> None:
    if isinstance(row, ConnectAttempt):
        candidates = [Candidate.from_json(stored) for stored in row.candidates]
        row.candidates = [_candidate(row, each, present).as_json() for each in candidates]
    elif isinstance(row, GrantToReturn):
        where = tokens.place(row.organization_id, row.provider_name, row.sealed_for)
        sealed = vault.rewrap(bytes(row.tokens or b""), where)
        row.tokens, row.key_id = sealed.record, sealed.key_id
    else:
        connection = row.connection
        where = tokens.place(connection.organization_id, connection.provider_name, connection.pk)
        sealed = vault.rewrap(bytes(row.tokens), where)
        if row.previous_tokens is not None:
            beside = replace(where, field="previous_tokens")
            row.previous_tokens = vault.rewrap(bytes(row.previous_tokens), beside).record
        row.tokens, row.key_id = sealed.record, sealed.key_id
    row.save()


def _candidate(attempt: ConnectAttempt, candidate: Candidate, present: str) -> Candidate:
    if candidate.key_id == present:
        return candidate
    where = tokens.place(attempt.organization_id, attempt.provider_name, candidate.connection_id)
    sealed = vault.rewrap(candidate.sealed_tokens.record, where)
    return replace(candidate, sealed=sealed.record.hex(), key_id=sealed.key_id)
