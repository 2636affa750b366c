"""Queue what is posted by its ids alone, and keep no index that another one begins with.

0008's plan may have been made while the books were nearly empty, where any index is as good as one by id: one by date
then made every posting read all entries since the start date. What is posted is now read before anything is joined to
it (MATERIALIZED), and each entry's lines by that entry (OFFSET 0 keeps them from being joined in another way).
"""

from django.db import migrations, models

ENQUEUE = """
CREATE OR REPLACE FUNCTION mirror_enqueue(organization bigint, entries bigint[]) RETURNS SETOF uuid
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY WITH posted AS MATERIALIZED (
        SELECT id, number, date FROM ledger_journalentry WHERE id = ANY(entries)
    ), queued AS (
        INSERT INTO journal_sync_queue
            (connection_id, entry_id, state, remote_id, cause, provider_code, provider_message, blamed_account_id)
        SELECT connection.id, posted.id, 'waiting', '', '', '', '', ''
        FROM integrations_connection connection
        JOIN posted ON posted.date >= connection.mirror_from
        WHERE connection.organization_id = organization AND connection.is_current
        ORDER BY posted.number
        ON CONFLICT DO NOTHING
        RETURNING connection_id, entry_id
    ), used AS (
        SELECT DISTINCT queued.connection_id, line.account_id
        FROM queued, LATERAL (SELECT account_id FROM ledger_journalline WHERE entry_id = queued.entry_id OFFSET 0) line
    ), added AS (
        INSERT INTO integrations_accountmapping (connection_id, account_id, is_required)
        SELECT connection_id, account_id, true FROM used
        WHERE NOT EXISTS (
            SELECT FROM integrations_accountmapping mapping
            WHERE mapping.connection_id = used.connection_id AND mapping.account_id = used.account_id
        )
        ON CONFLICT DO NOTHING
    ), required AS (
        UPDATE integrations_accountmapping mapping SET is_required = true FROM used
        WHERE mapping.connection_id = used.connection_id AND mapping.account_id = used.account_id
            AND NOT mapping.is_required
    )
    SELECT DISTINCT connection_id FROM queued;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0008_enqueue")]

    operations = [
        migrations.RunSQL(ENQUEUE, migrations.RunSQL.noop),
        migrations.AlterField(
            "queuerow",
            "connection",
            models.ForeignKey(
                "integrations.connection", models.PROTECT, related_name="queue", db_index=False
            ),
        ),
        migrations.AlterField(
            "deliveryitem",
            "delivery",
            models.ForeignKey("integrations.delivery", models.PROTECT, related_name="items", db_index=False),
        ),
    ]
