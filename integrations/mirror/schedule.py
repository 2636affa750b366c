"""Live, Batched, Off: when queue rows are due. Switching changes nothing else."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.mirror import waking
from integrations.models import Connection, QueueRow, SyncMode, SyncSettings


def sync_settings(organization: Organization) -> SyncSettings:
    """The organization's settings; unsaved and Live when it never chose."""
    found = SyncSettings.objects.filter(organization=organization).select_related("changed_by").first()
    return found or SyncSettings(organization=organization, mode=SyncMode.LIVE)


# The ids of the oldest waiting rows that the organization's mode lets go now. Bounds and order are in the words of the
# index of waiting rows: with `connection_id = ...` and `ORDER BY id` Postgres may go through all rows by their ids
# instead, past those of everybody else, since it expects ours to be spread among them.
DUE = """
    SELECT id FROM journal_sync_queue
    WHERE (connection_id, id) >= (%(connection)s, %(from)s) AND connection_id <= %(connection)s AND state = 'waiting'
        AND CASE coalesce((SELECT mode FROM integrations_syncsettings WHERE organization_id = %(organization)s), 'live')
            WHEN 'live' THEN true
            WHEN 'batched' THEN queued_at < %(flush_before)s
            ELSE false
        END
    ORDER BY connection_id, id
"""


def due_values(connection: Connection) -> dict[str, Any]:
    """What `DUE` asks for."""
    return {
        "connection": connection.pk,
        "organization": connection.organization_id,
        "from": connection.queue_from,
        "flush_before": connection.flush_before,
    }


def is_any_due(connection: Connection) -> bool:
    with database.cursor() as cursor:
        cursor.execute(f"{DUE} LIMIT 1", due_values(connection))
        return cursor.fetchone() is not None


@transaction.atomic
def set_mode(organization: Organization, mode: SyncMode, *, actor: User, ip: str | None = None) -> bool:
    """Choose when entries are sent. Touches no connection. False when that was the mode already."""
    current, _ = SyncSettings.objects.select_for_update(no_key=True).get_or_create(organization=organization)
    if current.mode == mode:
        return False
    before, now = current.mode, database_now()
    current.mode, current.changed_at, current.changed_by = mode, now, actor
    current.next_flush_at = next_flush(organization, now) if mode == SyncMode.BATCHED else None
    current.save()
    recording.record(
        Action.SYNC_MODE_UPDATED, organization, actor=actor, obj="Sync Mode", ip=ip, data={"from": before, "to": mode}
    )
    for connection in _mirrored(organization):
        waking.wake_on_commit(connection.pk)
    return True


def next_flush(organization: Organization, after: datetime) -> datetime:
    """The first of the organization's own moments after this one. They are spread over the interval, so that firms
    don't flush together, and stay the same from day to day."""
    interval = settings.MIRROR_BATCH_INTERVAL
    digest = sha256(str(organization.pk).encode()).digest()
    offset = interval * (int.from_bytes(digest[:4]) / 2**32)
    elapsed = timedelta(seconds=after.timestamp()) - offset
    return after + interval - elapsed % interval


@transaction.atomic
def flush_due_organizations() -> None:
    """Make what waits due for every Batched organization whose time has come."""
    now = database_now()
    due = SyncSettings.objects.filter(mode=SyncMode.BATCHED, next_flush_at__lte=now)
    for chosen in due.select_for_update(skip_locked=True, of=("self",), no_key=True).select_related("organization"):
        _flush(chosen, now)
        chosen.next_flush_at = next_flush(chosen.organization, now)
        chosen.save(update_fields=["next_flush_at"])


@transaction.atomic
def flush_now(organization: Organization, *, actor: User | None, ip: str | None = None) -> int:
    """Make what waits due at once, in Batched mode. Returns how many entries that are; 0 in another mode."""
    chosen = SyncSettings.objects.filter(organization=organization, mode=SyncMode.BATCHED).first()
    if chosen is None:
        return 0
    waiting = QueueRow.objects.waiting().filter(connection__in=_mirrored(organization)).count()
    _flush(chosen, database_now())
    recording.record(
        Action.FLUSHED, organization, actor=actor, obj="Sync Mode", ip=ip, data={"entries_waiting": waiting}
    )
    return waiting


@transaction.atomic
def set_paused(organization: Organization, *, paused: bool, actor: User | None = None, ip: str | None = None) -> bool:
    """Stop or resume an organization's mirror, whatever its mode: support's own switch. False when it was so already.

    Nothing new is sent once this has committed; what is under way is finished and recorded.
    """
    SyncSettings.objects.get_or_create(organization=organization)
    chosen = SyncSettings.objects.filter(organization=organization, paused_at__isnull=paused)
    now = database_now()
    if not chosen.update(**({"paused_at": now} if paused else {"paused_at": None, "resumed_at": now})):
        return False
    recording.record(Action.PAUSED if paused else Action.RESUMED, organization, actor=actor, obj="Mirror", ip=ip)
    for connection in _mirrored(organization):
        waking.wake_on_commit(connection.pk)
    return True


def _mirrored(organization: Organization) -> QuerySet[Connection]:
    return Connection.objects.for_organization(organization).mirrored()


def _flush(chosen: SyncSettings, now: datetime) -> None:
    connections = _mirrored(chosen.organization)
    connections.update(flush_before=now)
    for connection in connections:
        waking.wake_on_commit(connection.pk)
