"""One entry at one provider: what became of it, what to do, and deciding what only a person can."""

import re
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from integrations.mirror.deliveries import reference
from integrations.models import Attempt, Delivery, DeliveryItem, QueueRow
from integrations.providers.base import Cause
from tests.pages.firms import account, make_connection, make_firm, mark_sent, park, post


@pytest.fixture
def row(firm) -> QueueRow:
    post(firm, 1)
    return make_connection(firm).queue.get()


def address(row: QueueRow, act: str = "entry") -> str:
    return reverse(f"integrations:activity_{act}", args=[row.pk])


def seen(browser, row: QueueRow) -> str:
    return text_of(browser.get(address(row)))


def text_of(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def deliver(row: QueueRow, *outcomes: str, **targets: str) -> Delivery:
    """A delivery of the row alone, with a try for each outcome."""
    delivery = Delivery.objects.create(
        connection=row.connection,
        idempotency_key=f"key of {row.pk} {Delivery.objects.count()}",
        body=b"sealed-body",
        attempts=len(outcomes),
        first_sent_at=timezone.now(),
    )
    DeliveryItem.objects.create(
        delivery=delivery,
        row=row,
        position=0,
        item_id="1",
        reference=reference(row.connection, row.entry),
        targets={str(account(row.connection.organization, number[1:]).pk): there for number, there in targets.items()},
    )
    for outcome in outcomes:
        Attempt.objects.create(
            delivery=delivery, outcome=outcome, http_status=500, request_id="tid-1", finished_at=timezone.now()
        )
    return delivery


def move(row: QueueRow, **fields: object) -> None:
    QueueRow.objects.filter(pk=row.pk).update(**fields)


def test_a_waiting_entry_has_nothing_to_do(owner, row):
    page = seen(owner, row)
    assert "It waits to be sent to QuickBooks." in page
    assert "Nothing: it goes by itself." in page
    assert "1100 Trust Bank → 1100 · Trust Account" in page
    assert "No memo" not in page


def test_a_refused_entry_says_why_first_and_then_what_to_do(owner, row):
    row.connection.chart.filter(remote_id="61").update(refusal="inactive")
    park(row.connection, 1, Cause.ACCOUNT, blamed_account_id="61")
    page = seen(owner, row)
    assert page.index("6000 · Rent is inactive in QuickBooks.") < page.index("What to do")
    assert "QuickBooks said: “Invalid Reference Id" in page
    assert "Fix mapping" in page


def test_a_closed_period_names_both_dates(owner, row):
    park(row.connection, 1, Cause.PERIOD)
    type(row.connection).objects.update(closed_through="2025-12-31")
    assert "closed up to 31 Dec 2025; this entry is dated 3 Nov 2025." in seen(owner, row)


def test_a_sent_entry_shows_where_it_went_and_not_where_it_would_go_now(owner, row):
    deliver(row, "answered", n1100="42", n2100="81")
    mark_sent(row.connection, 1)
    move(row, remote_id="309")
    page = seen(owner, row)
    assert "QuickBooks has this entry as 309." in page
    assert "1100 Trust Bank → 1000 · Operating Cash" in page
    assert "Open it in QuickBooks" in page
    assert "QuickBooks answered." in page
    assert "Recorded as being in QuickBooks." in page


def test_each_try_is_told_in_words_and_kept_for_support(owner, row):
    deliver(row, "RateLimited", "OutcomeUnknown", "")
    page = seen(owner, row)
    assert "QuickBooks asked us to slow down. Nothing was written." in page
    assert "QuickBooks did not answer in a way that tells whether it was written." in page
    assert "QuickBooks was asked. No answer is recorded yet." in page
    assert "OutcomeUnknown HTTP 500 request tid-1" in page
    assert "sealed-body" not in page
    assert "key of" not in page


def test_of_very_many_tries_the_last_are_listed(owner, row):
    deliver(row, *["Unavailable"] * 25)
    page = seen(owner, row)
    assert "5 earlier attempts not listed." in page
    assert page.count("could not be reached") == 20


def test_a_retry_queues_the_entry_once(owner, row):
    park(row.connection, 1)
    page = text_of(owner.post(address(row, "retry"), follow=True))
    assert "1 entry queued: JE-1 goes to QuickBooks again." in page
    assert "Nothing to retry: JE-1 does not need attention any more." in text_of(
        owner.post(address(row, "retry"), follow=True)
    )
    assert AuditEvent.objects.filter(action="integration.entry_retried").count() == 1


class TestUnconfirmed:
    @pytest.fixture(autouse=True)
    def _unconfirmed(self, row):
        move(row, state="unconfirmed")

    def decide(self, browser, row, decision, **fields) -> str:
        return text_of(browser.post(address(row, "decide"), {"decision": decision, **fields}, follow=True))

    def test_the_page_says_what_to_look_for_and_where(self, owner, row):
        page = seen(owner, row)
        assert "Open Park & Lowe LLP in QuickBooks and go to its journals." in page
        assert f"Search for {reference(row.connection, row.entry)} , dated 3 Nov 2025" in page
        assert "1,250.00 USD" in page

    def test_an_entry_found_there_is_marked_as_sent(self, owner, row):
        assert "is marked as sent: you found it in QuickBooks." in self.decide(owner, row, "there", remote_id=" 309 ")
        row.refresh_from_db()
        assert (row.state, row.remote_id) == ("sent", "309")
        [event] = AuditEvent.objects.filter(action="integration.entry_confirmed")
        assert event.data["entries"] == [row.entry.number]

    def test_an_entry_not_found_there_goes_again_once(self, owner, row):
        assert "is queued to be sent to QuickBooks again." in self.decide(owner, row, "again")
        assert "was decided already: waiting." in self.decide(owner, row, "again")
        assert "was decided already: waiting." in self.decide(owner, row, "there")
        row.refresh_from_db()
        assert row.state == "waiting"
        assert AuditEvent.objects.filter(action="integration.entry_sent_again").count() == 1
        assert not AuditEvent.objects.filter(action="integration.entry_confirmed").exists()

    @pytest.mark.parametrize("decision", ["", "perhaps"])
    def test_without_a_decision_nothing_changes(self, owner, row, decision):
        response = owner.post(address(row, "decide"), {"decision": decision})
        assert response.status_code == 422
        assert "Choose whether the entry is there." in text_of(response)
        row.refresh_from_db()
        assert row.state == "unconfirmed"

    def test_a_text_that_no_column_takes_is_cut_to_what_it_takes(self, owner, row):
        self.decide(owner, row, "there", remote_id="\0" + "9" * 300)
        row.refresh_from_db()
        assert row.remote_id == "9" * 64


def test_another_firms_entry_is_not_there(owner):
    other = make_firm("Other LLP", slug="other")
    post(other, 1)
    row = make_connection(other, company_id="other-books").queue.get()
    move(row, state="unconfirmed")
    assert owner.get(address(row)).status_code == 404
    for act in ("retry", "decide"):
        assert owner.post(address(row, act), {"decision": "again"}).status_code == 404
    row.refresh_from_db()
    assert row.state == "unconfirmed"


def test_the_page_takes_few_queries(owner, row, django_assert_max_num_queries):
    deliver(row, "Unavailable", "Unavailable")
    deliver(row, "answered", n1100="47", n2100="81")
    mark_sent(row.connection, 1)
    with django_assert_max_num_queries(14):
        owner.get(address(row))
