"""What operators may look at, and that nothing there can be changed or gives a secret away."""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone

from audit import recording
from audit.actions import Action
from integrations.models import Attempt, ConnectAttempt, Connection, Delivery, DeliveryItem, QueueRow, SealedGrant
from integrations.models.grant import GrantToReturn
from tests.pages.firms import make_connection, make_firm, make_person, mark_sent, park, post

INLINE = re.compile(r"<script(?![^>]*(src=|type=\"application/json\"))|<style|\sstyle=|\son\w+=")
SECRET = "marker-of-a-secret"
LISTS = {
    "connections": "/ops/integrations/connection/",
    "connect attempts": "/ops/integrations/connectattempt/",
    "queue": "/ops/integrations/queuerow/",
    "deliveries": "/ops/integrations/delivery/",
    "attempts": "/ops/integrations/attempt/",
    "audit": "/ops/audit/auditevent/",
    "firms": "/ops/organizations/organization/",
}


def text(response) -> str:
    return " ".join(response.content.decode().split())


def everything(connection: Connection, number: int = 1) -> None:
    """Rows of every kind, with a marker in each field that no page may show."""
    user = connection.organization.people.get()
    recording.record(Action.FLUSHED, connection.organization, actor=user, obj="Sync Mode")
    now = timezone.now()
    SealedGrant.objects.filter(connection=connection).delete()
    SealedGrant.objects.create(
        connection=connection,
        tokens=SECRET.encode(),
        previous_tokens=SECRET.encode(),
        key_id="key",
        access_expires_at=now,
        refresh_expires_at=now,
        refreshed_at=now,
    )
    rows = list(connection.queue.order_by("pk")[:number])
    for n, row in enumerate(rows):
        ConnectAttempt.objects.create(
            organization=connection.organization,
            user=user,
            provider_name="xero",
            reference=f"AT-{connection.queue.first().pk}-{n}"[:12],
            state_hash=f"{SECRET}-{connection.pk}-{n}"[:64],
            session_hash=SECRET,
            code_verifier=SECRET,
            candidates=[{"tokens": SECRET}],
            started_at=now,
        )
        delivery = Delivery.objects.create(
            connection=connection, idempotency_key=f"{connection.pk}-{n}", body=SECRET.encode(), attempts=1
        )
        DeliveryItem.objects.create(
            delivery=delivery, row=row, position=0, item_id="1", reference=f"ATH-{row.entry.number}-ABCD", targets={}
        )
        Attempt.objects.create(delivery=delivery, outcome="RateLimited", http_status=429, request_id=f"req-{n}")
    GrantToReturn.objects.create(
        organization=connection.organization,
        provider_name="xero",
        sealed_for=connection.pk,
        tokens=SECRET.encode(),
        companies=[],
        began_at=now,
        next_try_at=now,
    )


def pages_of_rows() -> list[str]:
    """The page of one row of each list."""
    models = [model for model in admin.site._registry if model._meta.app_label != "auth"]
    return [
        reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_change", args=[model._default_manager.first().pk])
        for model in models
    ]


def test_connections_show_what_waits_what_fails_and_what_is_next(ops, connection):
    Delivery.objects.create(connection=connection, idempotency_key="k", body=b"", next_attempt_at=timezone.now())
    cells = dict(re.findall(r'<t[dh] class="field-(\w+)[^"]*">(.*?)</t[dh]>', text(ops.get(LISTS["connections"]))))
    assert cells["waiting"] == "3"
    assert cells["failing"] == "3"
    assert cells["state"] == "Connected"
    assert cells["provider_name"] == "QuickBooks Online"
    assert cells["organization"] == "Park &amp; Lowe LLP"
    assert cells["next_attempt"] == f"{Delivery.objects.get().next_attempt_at:%Y-%m-%d %H:%M:%S}"
    assert cells["last_success"].startswith("20")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status__exact": "connected"}, 1),
        ({"status__exact": "error"}, 0),
        ({"provider_name__exact": "quickbooks"}, 1),
        ({"provider_name__exact": "xero"}, 0),
        ({"reason": "grant_lost"}, 0),
        ({"age": "never"}, 0),
        ({"age": "hour"}, 0),
        ({"entries": "failing"}, 1),
        ({"entries": "waiting"}, 1),
        ({"q": "Park"}, 1),
        ({"q": "park-lowe"}, 1),
        ({"q": "Hart"}, 0),
    ],
)
def test_connections_are_filtered_and_searched(ops, connection, query, found):
    assert text(ops.get(LISTS["connections"], query)).count('class="action-select"') == found


def test_connections_that_have_long_sent_nothing_are_found(ops, connection):
    Connection.objects.update(last_sync_at=timezone.now() - timedelta(days=2))
    for age, is_found in (("day", True), ("week", False)):
        shown = text(ops.get(LISTS["connections"], {"age": age}))
        assert ('class="action-select"' in shown) is is_found


@pytest.mark.parametrize(("search", "found"), [("JE-2", 1), ("je-2", 1), ("2", 1), ("JE-99", 0), ("Park", 10)])
def test_the_queue_is_searched_by_firm_and_entry_number(ops, connection, search, found):
    assert text(ops.get(LISTS["queue"], {"q": search})).count('class="action-select"') == found


@pytest.mark.parametrize("which", ["queue", "deliveries", "attempts"])
def test_a_reference_leads_to_its_entry(ops, connection, which):
    everything(connection, 3)
    reference = DeliveryItem.objects.order_by("pk")[1].reference
    # An attempt's list has no acts, so its rows are counted by their links.
    shown = text(ops.get(LISTS[which], {"q": reference}))
    assert len(re.findall(r'<th class="field-\w+[^"]*"><a href', shown)) == 1
    assert "JE-2" in shown or which != "queue"


def test_a_support_reference_leads_to_its_attempt(ops, connection):
    everything(connection, 2)
    attempt = ConnectAttempt.objects.last()
    shown = text(ops.get(LISTS["connect attempts"], {"q": attempt.reference}))
    assert shown.count(f">{attempt.reference}</a>") == 1
    assert shown.count('<th class="field-reference">') == 1


@pytest.mark.parametrize("state", ["waiting", "needs_attention", "sent"])
def test_the_queue_is_filtered_by_state(ops, connection, state):
    rows = connection.queue.filter(state=state).count()
    assert text(ops.get(LISTS["queue"], {"state__exact": state})).count('class="action-select"') == rows


def test_every_list_and_row_has_a_page_that_can_only_be_looked_at(ops, connection):
    everything(connection)
    before = {model: model._default_manager.count() for model in (Connection, QueueRow, Delivery, Attempt)}
    for address in [*LISTS.values(), *pages_of_rows()]:
        shown = ops.get(address)
        assert shown.status_code == 200, address
        page = shown.content.decode()
        assert SECRET not in page, address
        assert 'name="_save"' not in page, address
        assert "deletelink" not in page, address
        assert "addlink" not in page, address
    for address in pages_of_rows():
        assert ops.post(address, {"status": "error", "state": "sent"}).status_code == 403, address
        assert ops.post(address.replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403, address
    for address in LISTS.values():
        assert ops.get(f"{address}add/").status_code == 403, address
        assert ops.post(address, {"action": "delete_selected", "_selected_action": "1"}).status_code < 500
    assert {model: model._default_manager.count() for model in before} == before


def test_no_registered_field_holds_a_token():
    """Fields are named one by one; none of these may ever be among them."""
    registered = {model.__name__ for model in admin.site._registry}
    assert not {"SealedGrant", "GrantToReturn"} & registered
    shown = {str(field) for each in admin.site._registry.values() for field in (each.fields or ())}
    shown |= {str(name) for each in admin.site._registry.values() for name in each.list_display}
    assert "idempotency_key" in str(shown)
    for word in ("token", "code_verifier", "_hash", "candidates", "'body'", "password"):
        assert word not in str(shown), word


@pytest.mark.parametrize(
    ("which", "lookup"),
    [
        ("connect attempts", "code_verifier__startswith"),
        ("connect attempts", "session_hash"),
        ("connect attempts", "user__password__startswith"),
        ("connections", "grant__tokens__contains"),
        ("connections", "connected_by__password__startswith"),
        ("deliveries", "body__contains"),
        ("deliveries", "lease_token"),
        ("firms", "people__password__startswith"),
    ],
)
def test_what_is_not_shown_can_not_be_found_out_by_filtering(ops, connection, which, lookup):
    """Each answer would tell one more letter."""
    everything(connection)
    assert ops.get(LISTS[which], {lookup: SECRET[:3]}).status_code == 400


@pytest.mark.parametrize("which", ["queue", "connections", "firms"])
def test_a_chosen_row_that_can_not_be_is_refused(ops, connection, which):
    acts = {"queue": "retry_entries", "connections": "revoke", "firms": "pause_firms"}
    for nonsense in ("x", "\0", ""):
        form = {"action": acts[which], "_selected_action": [nonsense], "confirmed": "yes", "concerned": "x"}
        assert ops.post(LISTS[which], form).status_code == 400


def test_a_list_takes_the_same_few_queries_for_ten_entries_and_for_three_hundred(ops, connection):
    everything(connection, 5)
    few = {name: queries_of(ops, address) for name, address in LISTS.items()}
    post(connection.organization, 290)
    mark_sent(connection, 100)
    park(connection, 100)
    other = make_firm("Other Firm", slug="other")
    make_person(other, "owner")
    post(other, 10)
    everything(make_connection(other, company="Other Books", company_id="77"), 10)
    many = {name: queries_of(ops, address) for name, address in LISTS.items()}
    assert few == many
    assert max(many.values()) < 15


def test_a_deliverys_page_takes_the_same_few_queries_for_one_entry_and_for_ten(ops, connection):
    delivery = Delivery.objects.create(connection=connection, idempotency_key="k", body=b"")
    queries_of(ops, reverse("admin:integrations_delivery_change", args=[delivery.pk]))  # what a process asks for once
    counts = []
    rows = connection.queue.order_by("pk")
    for some in (rows[:1], rows[1:]):
        for row in some:
            position = delivery.items.count()
            delivery.items.create(row=row, position=position, item_id="1", reference=f"ATH-{row.pk}-AB", targets={})
            delivery.attempt_log.create(outcome="answered")
        counts.append(queries_of(ops, reverse("admin:integrations_delivery_change", args=[delivery.pk])))
    assert counts[0] == counts[1] < 15


def queries_of(ops, address: str) -> int:
    with CaptureQueriesContext(database) as queries:
        assert ops.get(address).status_code == 200
    return len(queries)


def addresses() -> list[str]:
    """Every address under /ops/, each with some argument where it takes one."""
    below = next(entry for entry in get_resolver().url_patterns if str(entry.pattern) == "ops/")
    found = []
    for name, ways in below.reverse_dict.items():
        if isinstance(name, str):
            path, arguments = ways[0][0]
            found.append("/ops/" + path % dict.fromkeys(arguments, "1"))
    return found


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_an_operator_finds_anything_there(firm, method):
    assert len(addresses()) > 20
    browsers = {role: Client() for role in ("owner", "viewer")}
    for role, browser in browsers.items():
        browser.force_login(make_person(firm, role))
    for address in addresses():
        for role, browser in browsers.items():
            assert getattr(browser, method)(address).status_code == 404, (address, role)
        response = getattr(Client(), method)(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith("/sign-in/?next=/ops/"), address


def test_an_operator_belongs_to_no_firm_by_that(ops, firm):
    for address in ("/settings/integrations/", "/settings/audit-log/", "/settings/trust-accounting/"):
        assert ops.get(address)["Location"].startswith("/organization/")
    assert "Open Athenty operations" in ops.get("/organization/").content.decode()


def test_an_operator_who_left_finds_nothing_any_more(ops, operator):
    operator.is_staff = False
    operator.save()
    assert ops.get("/ops/").status_code == 404


def test_nothing_inline_stands_on_the_operators_pages(ops, connection):
    everything(connection)
    for address in ["/ops/", *LISTS.values(), *pages_of_rows()]:
        page = ops.get(address)
        assert "unsafe" not in page["Content-Security-Policy"]
        assert not INLINE.search(page.content.decode()), address
