"""Saying that a sync failed: one audit event per cause and delivery, naming the entries."""

from collections import defaultdict
from collections.abc import Iterable

from audit import recording
from audit.actions import Action
from integrations.models import Connection


def report(connection: Connection, failed: Iterable[tuple[int | None, str, str]]) -> None:
    """`failed`: each entry's number, with the provider's code and message. In the transaction that sets them aside."""
    causes: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for number, code, message in failed:
        causes[code, message].append(number)
    for (code, message), numbers in causes.items():
        recording.record(
            Action.SYNC_FAILED,
            connection.organization,
            obj=str(connection),
            data={
                "provider": connection.provider_name,
                "entries": numbers,
                "provider_code": code,
                "provider_error": message,
            },
        )
