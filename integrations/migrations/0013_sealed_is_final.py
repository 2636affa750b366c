"""What was queued and what was sealed stays, whoever asks; and sealing writes less.

A queue row is never deleted nor given to another entry, a delivery keeps its bytes and its key, and its items never
change. So nothing an item refers to can go, and its two foreign keys guard nothing any more: their checks, sixty for a
delivery of thirty, took as long as writing it. Nor is a key ever searched for by its beginning, for which `unique=True`
keeps an index of its own.
"""

import django.db.models.deletion
from django.db import migrations, models

SEALED_IS_FINAL = """
CREATE FUNCTION mirror_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was queued or sealed to be sent is never lost or changed: % of % is refused.',
        TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'sealed_is_final';
END $$;

CREATE TRIGGER refuse_delete BEFORE DELETE OR TRUNCATE ON journal_sync_queue
    EXECUTE FUNCTION mirror_refuse_change();
CREATE TRIGGER refuse_delete BEFORE DELETE OR TRUNCATE ON integrations_delivery
    EXECUTE FUNCTION mirror_refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON integrations_deliveryitem
    EXECUTE FUNCTION mirror_refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OF id, connection_id, entry_id ON journal_sync_queue
    FOR EACH ROW WHEN ((NEW.id, NEW.connection_id, NEW.entry_id) <> (OLD.id, OLD.connection_id, OLD.entry_id))
    EXECUTE FUNCTION mirror_refuse_change();
CREATE TRIGGER refuse_change BEFORE UPDATE OF id, connection_id, idempotency_key, body ON integrations_delivery
    FOR EACH ROW WHEN (
        (NEW.id, NEW.connection_id, NEW.idempotency_key, NEW.body)
        <> (OLD.id, OLD.connection_id, OLD.idempotency_key, OLD.body)
    )
    EXECUTE FUNCTION mirror_refuse_change();
"""

BACK = """
DROP TRIGGER refuse_delete ON journal_sync_queue;
DROP TRIGGER refuse_change ON journal_sync_queue;
DROP TRIGGER refuse_delete ON integrations_delivery;
DROP TRIGGER refuse_change ON integrations_delivery;
DROP TRIGGER refuse_change ON integrations_deliveryitem;
DROP FUNCTION mirror_refuse_change;
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0012_fewer_queue_indexes")]

    operations = [
        migrations.RunSQL(SEALED_IS_FINAL, BACK),
        migrations.AlterField(
            "deliveryitem",
            "delivery",
            models.ForeignKey(
                "integrations.delivery",
                django.db.models.deletion.PROTECT,
                related_name="items",
                db_index=False,
                db_constraint=False,
            ),
        ),
        migrations.AlterField(
            "deliveryitem",
            "row",
            models.ForeignKey(
                "integrations.queuerow", django.db.models.deletion.PROTECT, related_name="items", db_constraint=False
            ),
        ),
        migrations.AlterField("delivery", "idempotency_key", models.CharField(max_length=128)),
        migrations.AddConstraint(
            "delivery", models.UniqueConstraint(fields=["idempotency_key"], name="one_delivery_per_key")
        ),
    ]
