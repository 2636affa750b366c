"""What a lost wake-up left: one look at every connection, however long its queue."""

from django.db.models import Exists, OuterRef, Q

from integrations.clock import database_now
from integrations.mirror import waking
from integrations.models import Connection, Delivery, QueueRow, SyncMode


def wake_what_is_due() -> None:
    now = database_now()
    sending = Connection.objects.current().connected().filter(mirror_from__isnull=False)
    sending = sending.exclude(organization__sync_settings__mode=SyncMode.OFF)
    sending = sending.exclude(organization__sync_settings__paused_at__isnull=False)
    waiting = QueueRow.objects.waiting().filter(connection=OuterRef("pk"), pk__gte=OuterRef("queue_from"))
    batched = Q(organization__sync_settings__mode=SyncMode.BATCHED)
    work = (
        Q(troubled_since__isnull=False, next_probe_at__lte=now)
        | (~batched & Exists(waiting))
        | (batched & Exists(waiting.filter(queued_at__lt=OuterRef("flush_before"))))
        | Exists(
            Delivery.objects.open()
            .filter(connection=OuterRef("pk"), next_attempt_at__lte=now)
            .filter(Q(leased_until=None) | Q(leased_until__lte=now))
        )
    )
    room = Q(next_send_at=None) | Q(next_send_at__lte=now)
    for connection_id in sending.filter(work, room).values_list("pk", flat=True):
        waking.wake(connection_id)
    for connection_id in Connection.objects.askable().filter(chart_due_at__lte=now).values_list("pk", flat=True):
        waking.wake_for_chart(connection_id)
