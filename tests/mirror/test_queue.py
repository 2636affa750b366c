"""What is posted is queued in the same transaction, for the right connections, once."""

from datetime import date, timedelta

import pytest
from django.db import connection as database
from django.db import connections as databases
from django.db import transaction
from django.utils import timezone

from integrations.connections import start
from integrations.mirror import claiming, queue
from integrations.models import QueueRow
from ledger.models import JournalEntry

from .conftest import connect_firm, make_firm, states
from .plans import pages_read, plan_of, stepped_over
from .unguarded import unguarded


def test_a_posted_entry_is_queued_once_for_each_connection(firm, sandbox):
    both = [connect_firm(firm, name, sandbox) for name in ("quickbooks", "xero")]
    for connection in both:
        start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    [entry] = firm.post(("1100", "2100", "500.00"))
    assert {row.connection_id for row in entry.queue_rows.all()} == {connection.pk for connection in both}
    queue.enqueue(firm.organization, [entry])
    assert entry.queue_rows.count() == 2


def test_a_plan_that_was_kept_since_the_books_were_empty_does_not_read_all_of_them(firm, provider_name, sandbox):
    """Postgres keeps what `mirror_enqueue` was planned like, for as long as nobody analyzes the tables."""
    connection = connect_firm(firm, provider_name, sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE; DISCARD PLANS")
    firm.post(("1100", "2100", "1.00"))
    early = _pages_read_to_queue(*firm.post(("1100", "2100", "2.00")))
    firm.post(*[("1100", "2100", "3.00")] * 900)
    late = _pages_read_to_queue(*firm.post(("1100", "2100", "4.00")))
    assert late < early + 15


def _pages_read_to_queue(entry):
    with unguarded(QueueRow):
        entry.queue_rows.all().delete()
    with database.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT mirror_enqueue(%s, %s)", [entry.organization_id, [entry.pk]]
        )
        [explained] = cursor.fetchone()[0]
    assert entry.queue_rows.count() == 1
    return pages_read(explained["Plan"])


def test_a_claim_steps_over_nothing_that_waits_for_others(firm, sandbox):
    """Half of what waits is its own, so Postgres would expect some soon, whichever way it goes: all come last."""
    first, last = connect_firm(firm, "quickbooks", sandbox), connect_firm(firm, "xero", sandbox)
    start.start_mirroring(first, date(2026, 1, 1), actor=firm.owner)
    firm.post(*[("1100", "2100", "1.00")] * 900)
    start.start_mirroring(last, date(2026, 1, 1), actor=firm.owner)
    assert last.queue.count() == first.queue.count() == 900
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = plan_of(lambda: claiming.claim(last.pk))
    assert stepped_over(plan, "journal_sync_queue") == 0


def test_a_rolled_back_posting_leaves_no_queue_row(firm, connection):
    with transaction.atomic():
        firm.post(("1100", "2100", "500.00"))
        transaction.set_rollback(True)
    assert not QueueRow.objects.exists()


def test_a_failed_enqueue_undoes_the_posting(firm, connection, monkeypatch):
    def fail(*_):
        raise RuntimeError("no queue today")

    monkeypatch.setattr(queue, "enqueue", fail)
    with pytest.raises(RuntimeError):
        firm.post(("1100", "2100", "500.00"))
    assert not JournalEntry.objects.exists()


def test_nothing_is_queued_before_a_start_date_is_chosen(firm, provider_name, sandbox):
    connect_firm(firm, provider_name, sandbox)
    firm.post(("1100", "2100", "500.00"))
    assert not QueueRow.objects.exists()


def test_entries_dated_before_the_start_date_are_never_queued(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    today = timezone.localdate()
    firm.post(("1100", "2100", "1.00"), on=today - timedelta(days=1))
    firm.post(("1100", "2100", "2.00"), on=today)
    assert start.start_mirroring(connection, today, actor=firm.owner) == 1
    firm.post(("1100", "2100", "3.00"), on=today - timedelta(days=1))
    assert [row.entry.memo and row.entry.date for row in connection.queue.all()] == [today]


def test_a_start_date_is_chosen_once(firm, connection):
    with pytest.raises(start.AlreadyStarted):
        start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)


def test_another_firms_posting_queues_nothing_here(firm, connection):
    make_firm("Other Law").post(("1100", "2100", "500.00"))
    assert states(connection) == []


@pytest.mark.django_db(transaction=True)
def test_an_entry_still_uncommitted_when_the_start_date_is_chosen_is_not_missed(firm, provider_name, sandbox):
    """The posting holds the books until it commits; choosing the start date waits for it, then finds it."""
    import threading

    connection = connect_firm(firm, provider_name, sandbox)
    posted, may_commit = threading.Event(), threading.Event()

    def post_slowly():
        try:
            with transaction.atomic():
                firm.post(("1100", "2100", "500.00"))
                posted.set()
                may_commit.wait(timeout=10)
        finally:
            databases["default"].close()

    def choose():
        try:
            start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
        finally:
            databases["default"].close()

    threads = [threading.Thread(target=post_slowly), threading.Thread(target=choose)]
    threads[0].start()
    assert posted.wait(timeout=10)
    threads[1].start()
    threads[1].join(timeout=0.3)
    assert threads[1].is_alive(), "choosing did not wait for the posting under way"
    may_commit.set()
    for thread in threads:
        thread.join(timeout=10)
    assert states(connection) == ["waiting"]
