"""What was queued and what was sealed stays: Postgres refuses the rest, whoever asks."""

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database

from integrations.mirror import claiming

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal_sync_queue",
        "DELETE FROM integrations_delivery",
        "DELETE FROM integrations_deliveryitem",
        "TRUNCATE journal_sync_queue",
        "TRUNCATE integrations_delivery CASCADE",
        "TRUNCATE integrations_deliveryitem",
        "UPDATE journal_sync_queue SET id = id + 1000",
        "UPDATE journal_sync_queue SET entry_id = entry_id + 1000",
        "UPDATE journal_sync_queue SET connection_id = gen_random_uuid()",
        "UPDATE integrations_delivery SET id = gen_random_uuid()",
        "UPDATE integrations_delivery SET connection_id = gen_random_uuid()",
        "UPDATE integrations_delivery SET idempotency_key = 'another'",
        "UPDATE integrations_delivery SET body = body || 'more'::bytea",
        "UPDATE integrations_deliveryitem SET row_id = row_id + 1000",
        "UPDATE integrations_deliveryitem SET reference = 'another'",
    ],
)
def test_what_was_queued_or_sealed_is_never_deleted_or_changed(firm, connection, statement):
    firm.post(("1100", "2100", "1.00"))
    assert claiming.claim(connection.pk).lease
    with pytest.raises(IntegrityError) as refusal, transaction.atomic(), database.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")
    assert refusal.value.__cause__.diag.constraint_name == "sealed_is_final"
