"""Settings ▸ Integrations ▸ Sync activity: the list, its filters, its causes, its file."""

import csv
import io
import re
from datetime import date, timedelta
from html import unescape

import pytest
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from integrations.mirror import schedule
from integrations.models import Connection, QueueRow, SyncMode
from integrations.providers.base import Cause
from tests.pages.firms import make_connection, make_firm, make_person, mark_sent, park, post

PAGE = "/settings/integrations/activity/"
FILE = "/settings/integrations/activity/csv/"
RETRY = "/settings/integrations/activity/retry/"


def seen(browser, **asked) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", browser.get(PAGE, asked).content.decode())).split())


def entries_on(browser, **asked) -> list[str]:
    markup = browser.get(PAGE, asked).content.decode()
    return re.findall(r'<th scope="row"><a href="[^"]*">(JE-\d+)', markup)


def file_rows(browser, **asked) -> list[dict[str, str]]:
    text = b"".join(browser.get(FILE, asked).streaming_content).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_each_entry_stands_there_with_its_state_the_last_posted_first(owner, firm):
    post(firm, 3)
    connection = make_connection(firm)
    mark_sent(connection, 1)
    park(connection, 1)
    assert entries_on(owner) == ["JE-3", "JE-2", "JE-1"]
    page = seen(owner)
    assert "All 3 Waiting 1 Sent 1 Needs attention 1" in page
    assert "1,250.00" in page


def test_both_systems_are_listed_and_told_apart(owner, firm):
    post(firm, 1)
    make_connection(firm)
    make_connection(firm, "xero")
    assert entries_on(owner) == ["JE-1", "JE-1"]
    assert entries_on(owner, provider="xero") == ["JE-1"]
    assert "JE-1 to Xero" in seen(owner, provider="xero")
    assert "JE-1 to QuickBooks" not in seen(owner, provider="xero")


def test_a_status_filter_leaves_the_counts_of_the_others(owner, firm):
    post(firm, 5)
    mark_sent(make_connection(firm), 2)
    assert entries_on(owner, status="sent") == ["JE-2", "JE-1"]
    assert "All 5 Waiting 3 Sent 2" in seen(owner, status="sent")


def test_dates_filter_by_the_entrys_own_date_both_ends_included(owner, firm):
    for day in (3, 4, 5, 6):
        post(firm, on=date(2025, 11, day))
    make_connection(firm)
    assert entries_on(owner, first="2025-11-04", last="2025-11-05") == ["JE-3", "JE-2"]
    assert "All 2 Waiting 2" in seen(owner, first="2025-11-04", last="2025-11-05")


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"first": "soon"}, "Dated from: Enter a date such as 2026-03-31."),
        ({"first": "2025-11-05", "last": "2025-11-04"}, "Dated to: This day is before the first one."),
        ({"status": "gone"}, "Select a valid choice"),
    ],
)
def test_a_filter_that_can_not_be_read_is_said_so_and_shows_everything(owner, firm, asked, complaint):
    post(firm, 2)
    make_connection(firm)
    response = owner.get(PAGE, asked)
    assert response.status_code == 422
    assert complaint in unescape(response.content.decode())
    assert owner.get(FILE, asked).status_code == 422


def test_entries_of_every_state_are_counted_within_the_filter(owner, firm):
    early, late = date(2025, 11, 3), date(2025, 12, 3)
    post(firm, 7, on=early)
    post(firm, 2, on=late)
    quickbooks, xero = make_connection(firm), make_connection(firm, "xero")
    park(quickbooks, 1)
    mark_sent(quickbooks, 3)
    for state in ("sending", "unconfirmed"):
        quickbooks.queue.filter(pk=quickbooks.queue.waiting().earliest("pk").pk).update(state=state)
    mark_sent(xero, 8)
    assert "All 18 Waiting 4 Sending 1 Sent 11 Needs attention 1 Unconfirmed 1" in seen(owner)
    assert "All 9 Waiting 3 Sending 1 Sent 3 Needs attention 1 Unconfirmed 1" in seen(owner, provider="quickbooks")
    assert "All 14 Waiting 1 Sending 1 Sent 10 Needs attention 1 Unconfirmed 1" in seen(owner, last=early)
    assert "All 2 Waiting 1 Sent 1 Needs attention 0" in seen(owner, provider="xero", first=late)


def test_the_navigation_counts_what_needs_a_person_whatever_the_filter(owner, firm, other_firms_connection):
    post(other_firms_connection.organization, 1)
    park(other_firms_connection, 1)
    post(firm, 4)
    left = make_connection(firm, company_id="left")
    park(left, 1)
    Connection.objects.filter(pk=left.pk).update(is_current=False, status="disconnected", status_reason="person")
    park(make_connection(firm), 1)
    xero = make_connection(firm, "xero")
    park(xero, 1)
    xero.queue.filter(pk=xero.queue.waiting().earliest("pk").pk).update(state="unconfirmed")
    asked = [{}, {"status": "sent"}, {"provider": "quickbooks"}, {"first": "2026-01-01"}, {"last": "2025-01-01"}]
    assert ["Integrations 3 need attention" in seen(owner, **each) for each in asked] == [True] * len(asked)


def test_no_index_of_the_queue_leads_past_what_other_firms_have_posted(db):
    """With one that begins with the entry, Postgres would take it for the order of a quiet firm's list."""
    with database.cursor() as cursor:
        found = database.introspection.get_constraints(cursor, QueueRow._meta.db_table)
    indexes = [each for each in found.values() if each["index"] or each["unique"]]
    assert {each["columns"][0] for each in indexes} == {"id", "connection_id"}


def test_pages_hold_fifty_and_keep_the_filter(owner, firm):
    post(firm, 60)
    make_connection(firm)
    assert len(entries_on(owner)) == 50
    assert entries_on(owner, page=2) == [f"JE-{number}" for number in range(10, 0, -1)]
    assert "?status=waiting&amp;page=2" in owner.get(PAGE, {"status": "waiting"}).content.decode()
    assert len(entries_on(owner, rows="all")) == 60
    for odd in ("0", "-1", "99", "x", "9" * 30):
        assert owner.get(PAGE, {"page": odd}).status_code == 200


def test_htmx_gets_the_list_alone_and_a_word_for_the_status_line(owner, firm):
    post(firm, 2)
    make_connection(firm)
    answer = owner.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    # HTMX takes a title only where it stands at the root of the answer.
    assert answer.strip().startswith("<title>Sync activity – Integrations – Athenty</title>")
    assert "<html" not in answer
    assert "2 entries found." in answer


def test_nothing_yet_is_said_for_what_it_is(owner, firm):
    assert "No accounting system is connected." in seen(owner)
    make_connection(firm)
    assert "No entries yet." in seen(owner)
    assert "No entries match these filters." in seen(owner, status="sent")


def test_a_sent_entry_links_to_its_journal_at_the_provider(owner, firm, settings):
    settings.QUICKBOOKS_JOURNAL_URL = "https://books.example/journal?txnId={journal_id}"
    post(firm, 1)
    connection = make_connection(firm)
    mark_sent(connection, 1)
    connection.queue.update(remote_id="309")
    markup = owner.get(PAGE).content.decode()
    assert 'href="https://books.example/journal?txnId=309" target="_blank" rel="noopener noreferrer">#309' in markup


def test_what_waits_for_one_account_says_so_and_leads_to_the_mapping(owner, firm):
    post(firm, 4)
    connection = make_connection(firm)
    connection.mappings.filter(account__number="2100").update(target=None)
    assert "QuickBooks: 4 entries wait on one thing: 2100 Client Trust has no QuickBooks account." in seen(owner)
    assert (
        f'href="{reverse("integrations:mapping", args=[connection.pk])}">Fix mapping'
        in owner.get(PAGE).content.decode()
    )
    connection.mappings.filter(account__number="1100").update(target=None)
    assert "4 entries wait on 2 accounts that have no QuickBooks account: 1100 Trust Bank, 2100 Client Trust." in seen(
        owner
    )


def test_other_reasons_to_wait_are_named(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    assert "What holds entries up" not in seen(owner)
    person = make_person(firm, "owner", "Ada Park") if not firm.people.exists() else firm.people.first()
    schedule.set_mode(firm, SyncMode.BATCHED, actor=person)
    assert "2 entries wait for the next batch, at" in seen(owner)
    schedule.set_mode(firm, SyncMode.OFF, actor=person)
    assert "Paused: Sync Mode is Off. 2 posted entries are waiting and will be sent when you turn it on." in seen(owner)
    schedule.set_mode(firm, SyncMode.LIVE, actor=person)
    Connection.objects.update(slowed_until=timezone.now() + timedelta(minutes=5))
    assert "QuickBooks is limiting how fast we can send." in seen(owner)
    Connection.objects.update(status="disconnected", status_reason="grant_lost")
    assert "QuickBooks ended our access" in seen(owner)
    assert connection.queue.count() == 2


def test_entries_are_grouped_by_what_stopped_them(owner, firm):
    post(firm, 6)
    connection = make_connection(firm)
    park(connection, 3, Cause.ACCOUNT, blamed_account_id="61")
    connection.chart.filter(remote_id="61").update(refusal="inactive")
    park(connection, 1, Cause.PERIOD)
    park(connection, 1, Cause.OTHER, provider_code="77", provider_message="Odd <thing>")
    page = seen(owner)
    assert "3 entries stopped for the same reason: 6000 · Rent is inactive in QuickBooks." in page
    assert "1 entry stopped for this reason: The period is closed in QuickBooks." in page
    assert "QuickBooks said: “Odd <thing>” (77)" in page
    assert page.index("3 entries stopped") < page.index("1 entry stopped")


def group(connection, cause, **fields):
    return {"connection": connection.pk, "cause": cause, "account": "", "code": "", **fields}


def test_all_of_a_cause_are_retried_and_the_others_left(owner, firm):
    post(firm, 6)
    connection = make_connection(firm)
    park(connection, 3, Cause.ACCOUNT, blamed_account_id="61")
    park(connection, 1, Cause.ACCOUNT, blamed_account_id="12")
    park(connection, 1, Cause.OTHER, provider_code="77")
    fields = group(connection, "account", account="61", query="status=needs_attention&provider=quickbooks&x=1")
    response = owner.post(RETRY, fields, follow=True)
    assert "3 entries queued to be sent again." in response.content.decode()
    assert response.redirect_chain[-1][0] == f"{PAGE}?status=needs_attention&provider=quickbooks"
    assert connection.queue.needing_attention().count() == 2
    assert "Nothing to retry" in owner.post(RETRY, fields, follow=True).content.decode()
    assert AuditEvent.objects.filter(action="integration.entry_retried").count() == 1
    owner.post(RETRY, group(connection, "other", code="77"))
    assert connection.queue.needing_attention().get().blamed_account_id == "12"


@pytest.mark.parametrize("fields", [{}, {"connection": "x", "cause": "other"}, {"cause": "nothing"}])
def test_a_retry_of_no_cause_is_refused(owner, firm, fields):
    connection = make_connection(firm)
    assert owner.post(RETRY, {"connection": connection.pk, **fields}).status_code == 400


def test_another_firms_causes_are_not_retried(owner, other_firms_connection):
    post(other_firms_connection.organization, 1)
    park(other_firms_connection, 1)
    assert owner.post(RETRY, group(other_firms_connection, "account")).status_code == 404
    assert other_firms_connection.queue.needing_attention().count() == 1


def test_another_firms_entries_stay_out(owner, firm):
    other = make_firm("Other Firm", slug="other")
    post(other, 2)
    make_connection(other, company_id="other-books")
    post(firm, 1)
    make_connection(firm)
    assert len(entries_on(owner)) == 1
    assert len(file_rows(owner)) == 1


def test_the_file_holds_the_whole_filtered_set(owner, firm, settings):
    post(firm, 70)
    connection = make_connection(firm)
    mark_sent(connection, 60)
    rows = file_rows(owner, status="sent")
    assert [row["entry"] for row in rows] == [f"JE-{number}" for number in range(60, 0, -1)]
    assert {row["total debits"] for row in rows} == {"1250.00"}
    assert rows[0]["date"] == "2025-11-03"


def test_the_file_is_read_in_pieces_without_losing_or_doubling(firm):
    from integrations.mirror import activity

    post(firm, 23)
    connections = [make_connection(firm), make_connection(firm, "xero")]
    pieces = list(activity.in_pieces(connections, activity.Wanted(), size=7))
    keys = [each.row_id for piece in pieces for each in piece]
    assert len(pieces) == 7
    assert len(keys) == len(set(keys)) == 46


def test_no_cell_of_the_file_is_taken_for_a_formula(owner, firm):
    post(firm, 1)
    connection = make_connection(firm, company="=cmd()")
    park(connection, 1, provider_message="@sum(1)", provider_code="-1")
    [row] = file_rows(owner)
    assert row["company"] == "'=cmd()"
    assert row["provider message"] == "'@sum(1)"
    assert row["provider code"] == "'-1"
    assert row["total debits"] == "1250.00"


def test_the_page_takes_the_same_few_queries_however_many_entries_there_are(owner, firm, django_assert_max_num_queries):
    post(firm, 10)
    connections = [make_connection(firm), make_connection(firm, "xero")]
    for connection in connections:
        park(connection, 2, blamed_account_id="61")
        mark_sent(connection, 2)
    with django_assert_max_num_queries(14) as few:
        owner.get(PAGE)
    post(firm, 290)
    for connection in connections:
        park(connection, 100, blamed_account_id="61")
    with django_assert_max_num_queries(14) as many:
        owner.get(PAGE)
    assert len(few) == len(many)


def test_a_full_page_is_light(owner, firm):
    post(firm, 60)
    connection = make_connection(firm)
    QueueRow.objects.filter(connection=connection).update(state="sent", remote_id="f" * 36)
    assert len(owner.get(PAGE).content) < 100_000
