"""A worker killed at the worst moment: the provider has the batch, and nobody here knows it yet."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from integrations.connections import start
from integrations.mirror import sweeping
from integrations.models import Connection, Delivery
from tests.faults.conftest import wait_until
from tests.mirror.conftest import connect_firm, map_everything

_WRITE_CALL = {"quickbooks": "batch", "xero": "manualjournals"}


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("provider_name", ["quickbooks", "xero"])
def test_a_worker_killed_in_mid_send_loses_and_doubles_nothing(firm, provider_name, sandbox, start_worker):
    connection = connect_firm(firm, provider_name, sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    # The second batch is in the provider's books at once, and its answer comes long after the worker is dead.
    sandbox.arm(provider=provider_name, call=_WRITE_CALL[provider_name], nth=2, do="delay", delay_seconds=20)
    entries = 2 * connection.provider.limits.batch_size + 7
    amounts = [f"{number}.{number % 100:02}" for number in range(1, entries + 1)]

    worker = start_worker()
    firm.post(*[("1100", "2100", amount) for amount in amounts])
    wait_until(lambda: len(sandbox.journals(provider_name, connection.company_id)) >= entries - 7, "two batches are in")
    worker.kill()
    assert connection.queue.sending().count() > 0

    # Three minutes pass: the dead worker's lease is over.
    ago = timedelta(minutes=3)
    times = ("leased_until", "first_sent_at", "rests_until")
    Delivery.objects.open().update(**{name: F(name) - ago for name in times})
    start_worker()

    def all_sent() -> bool:
        Connection.objects.update(next_send_at=None, coalesce_until=None)
        sweeping.wake_what_is_due()
        return not connection.queue.exclude(state="sent").exists()

    wait_until(all_sent, "everything is sent")
    books = sandbox.books(provider_name, connection.company_id)
    assert (books["journals"], books["duplicates"]) == (entries, [])
    assert books["totals"]["debits"] == f"{sum(map(float, amounts)):.2f}"
