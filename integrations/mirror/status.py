"""What an operator asks of the mirror: who is there to send, and for each connection what waits, how long, and why."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet

from integrations.mirror import heartbeat
from integrations.mirror.reports import Standing, standings
from integrations.models import Connection, Heartbeat, SyncMode

# Live promises thirty seconds; twice that, with nothing known to stand in the way, is worth a look.
_LATE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class ConnectionStatus:
    """Ages are in whole seconds. `held_by` says in a word what keeps entries waiting; empty when nothing does."""

    organization: str
    provider: str
    company: str
    state: str
    reason: str
    mode: str
    held_by: str
    waiting: int
    oldest_waiting_seconds: int | None
    sending: int
    needs_attention: dict[str, int]
    unconfirmed: int
    last_success_at: datetime | None
    next_attempt_at: datetime | None
    calls_left_today: int | None
    is_late: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class MirrorStatus:
    workers_alive: bool
    beat_alive: bool
    connections: list[ConnectionStatus]

    @property
    def is_well(self) -> bool:
        """Nothing that an operator should look at: someone is there to send, and no connection is late."""
        return self.workers_alive and self.beat_alive and not any(each.is_late for each in self.connections)


def mirror_status(connections: QuerySet[Connection] | None = None) -> MirrorStatus:
    """Of every current connection, or of those given."""
    chosen = Connection.objects.current() if connections is None else connections
    ordered = chosen.select_related("organization").order_by("organization__slug", "provider_name")
    return MirrorStatus(
        workers_alive=heartbeat.is_alive(Heartbeat.Kind.WORKER),
        beat_alive=heartbeat.is_alive(Heartbeat.Kind.BEAT),
        connections=[_status(standing) for standing in _in_order(list(ordered))],
    )


def nothing_sent_since(standing: Standing) -> datetime | None:
    """Since when due entries have waited with nothing known to stand in their way; None while all goes well."""
    connection, chosen, oldest = standing.connection, standing.chosen, standing.oldest_due_at
    if oldest is None or held_by(standing):
        return None
    # What held them until a moment ago is not ours to mend.
    freed = (connection.connected_at, connection.slowed_until, standing.mapping.saved_at)
    stirred = max(filter(None, (oldest, connection.last_sync_at, *freed, chosen.changed_at, chosen.resumed_at)))
    return (connection.last_sync_at or oldest) if standing.now - stirred > _LATE_AFTER else None


def held_by(standing: Standing) -> str:
    """What keeps this connection from sending, the weightiest first; empty when nothing is known to."""
    connection, mode = standing.connection, standing.chosen.mode
    reasons = {
        connection.status: not connection.is_connected,
        "start date": connection.mirror_from is None,
        "paused": standing.chosen.paused_at is not None,
        "off": mode == SyncMode.OFF,
        "mapping": standing.mapping.unmapped > 0,
        "provider limit": connection.slowed_until is not None and connection.slowed_until > standing.now,
        "provider trouble": connection.troubled_since is not None or standing.is_provider_closed,
        "next batch": mode == SyncMode.BATCHED and standing.oldest_due_at is None,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _in_order(connections: list[Connection]) -> list[Standing]:
    found = standings(connections)
    return [found[connection.pk] for connection in connections]


def _status(standing: Standing) -> ConnectionStatus:
    connection, figures, oldest = standing.connection, standing.queue, standing.oldest_waiting_at
    causes = connection.queue.needing_attention().values_list("cause").annotate(Count("pk")).order_by()
    return ConnectionStatus(
        organization=connection.organization.slug,
        provider=connection.provider_name,
        company=connection.company_name,
        state=connection.status,
        reason=connection.status_reason,
        mode=standing.chosen.mode,
        held_by=held_by(standing) if figures.waiting or figures.sending else "",
        waiting=figures.waiting,
        oldest_waiting_seconds=int((standing.now - oldest).total_seconds()) if oldest else None,
        sending=figures.sending,
        needs_attention=dict(causes),
        unconfirmed=figures.unconfirmed,
        last_success_at=connection.last_sync_at,
        next_attempt_at=_next_attempt_at(standing),
        calls_left_today=connection.calls_left_today,
        is_late=nothing_sent_since(standing) is not None,
    )


def _next_attempt_at(standing: Standing) -> datetime | None:
    """When something is tried next, where that is known and still to come: a delivery again, a probe, the end of a
    limit, the batch."""
    connection, waits = standing.connection, standing.queue.waiting
    again = connection.deliveries.open().with_next_try().values_list("next_try_at", flat=True)
    known = [*again, connection.next_probe_at]
    if waits:
        known += [connection.next_send_at, connection.slowed_until, standing.chosen.next_flush_at]
    return min((at for at in known if at and at > standing.now), default=None)
