"""What a lost wake-up left: one look at every connection, however long its queue."""

from django.db import connection as database

from integrations.clock import database_now
from integrations.mirror import waking
from integrations.models import Connection

# By hand, as a claim's are: the ORM takes ten times as long to write it as Postgres to answer. What waits is found as a
# claim finds it (schedule.py): EXISTS would be taken as leave to look for a row of ours among everybody's.
_DUE = """
    SELECT connection.id
    FROM integrations_connection connection
    LEFT JOIN integrations_syncsettings settings ON settings.organization_id = connection.organization_id
    WHERE connection.is_current AND connection.status = 'connected' AND connection.mirror_from IS NOT NULL
        AND settings.mode IS DISTINCT FROM 'off' AND settings.paused_at IS NULL
        AND (connection.next_send_at IS NULL OR connection.next_send_at <= %(now)s)
        AND (
            (connection.troubled_since IS NOT NULL AND connection.next_probe_at <= %(now)s)
            OR (
                SELECT waiting.id FROM journal_sync_queue waiting
                WHERE (waiting.connection_id, waiting.id) >= (connection.id, connection.queue_from)
                    AND waiting.connection_id <= connection.id AND waiting.state = 'waiting'
                    AND (settings.mode IS DISTINCT FROM 'batched' OR waiting.queued_at < connection.flush_before)
                ORDER BY waiting.connection_id, waiting.id LIMIT 1
            ) IS NOT NULL
            OR EXISTS (
                SELECT FROM integrations_delivery delivery
                WHERE delivery.connection_id = connection.id AND delivery.state = 'open'
                    AND delivery.next_attempt_at <= %(now)s
                    AND (delivery.leased_until IS NULL OR delivery.leased_until <= %(now)s)
            )
        )
"""


def wake_what_is_due() -> None:
    now = database_now()
    with database.cursor() as cursor:
        cursor.execute(_DUE, {"now": now})
        due = cursor.fetchall()
    for (connection_id,) in due:
        waking.wake(connection_id)
    for connection_id in Connection.objects.askable().filter(chart_due_at__lte=now).values_list("pk", flat=True):
        waking.wake_for_chart(connection_id)
