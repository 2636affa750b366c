"""What operators may do: each act shows first what will change, and is recorded under their name."""

import re

import pytest

from audit.models import AuditEvent
from integrations.models import QueueRow, SyncSettings
from tests.admin.test_lists import LISTS, text
from tests.pages.firms import make_connection, make_firm, park, post

OPS_IP = "203.0.113.9"


def choose(ops, which: str, action: str, *rows):
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return ops.post(LISTS[which], form, REMOTE_ADDR=OPS_IP)


def agree(ops, which: str, asked):
    """Press the button of the page that asks."""
    page = asked.content.decode()
    chosen = re.findall(r'name="_selected_action" value="([^"]+)"', page)
    action = re.search(r'name="action" value="([^"]+)"', page)[1]
    form = {"action": action, "_selected_action": chosen, "confirmed": "yes"}
    form["concerned"] = re.findall(r'name="concerned" value="([^"]+)"', page)
    return ops.post(LISTS[which], form, REMOTE_ADDR=OPS_IP, follow=True)


def last_event() -> AuditEvent:
    return AuditEvent.objects.order_by("pk").last()


def test_retrying_entries_names_them_first_and_then_queues_them(ops, operator, connection):
    parked = list(connection.queue.needing_attention().order_by("pk"))
    asked = choose(ops, "queue", "retry_entries", *connection.queue.all())
    assert "Send 3 entries again?" in text(asked)
    assert "Park &amp; Lowe LLP → QuickBooks Online (Park &amp; Lowe LLP): JE-5, JE-6, JE-7" in text(asked)
    assert connection.queue.needing_attention().count() == 3
    done = agree(ops, "queue", asked)
    assert "3 queued." in text(done)
    assert not connection.queue.needing_attention().exists()
    event = last_event()
    assert (event.action, event.actor, event.ip) == ("integration.entry_retried", operator, OPS_IP)
    assert event.data["entries"] == [row.entry.number for row in parked]
    assert "Nothing was changed." in text(agree(ops, "queue", asked))
    assert AuditEvent.objects.filter(action="integration.entry_retried").count() == 1


def test_retrying_connections_takes_all_that_needs_attention_there(ops, connection):
    other = make_firm("Other Firm", slug="other")
    post(other, 2)
    others = make_connection(other, "xero", company="Other Books", company_id="77")
    park(others, 2)
    asked = choose(ops, "connections", "retry_connections", connection, others)
    assert "Send 5 entries again?" in text(asked)
    assert "Other Firm → Xero (Other Books): JE-1, JE-2" in text(asked)
    assert "5 queued." in text(agree(ops, "connections", asked))
    retried = AuditEvent.objects.filter(action="integration.entry_retried")
    assert set(retried.values_list("organization__slug", flat=True)) == {"other", "park-lowe"}


def test_what_came_to_need_attention_meanwhile_is_not_retried(ops, connection):
    asked = choose(ops, "connections", "retry_connections", connection)
    [later] = park(connection, 1)
    assert "3 queued." in text(agree(ops, "connections", asked))
    assert list(connection.queue.needing_attention()) == [later]


def test_a_firm_is_paused_and_resumed(ops, operator, firm, connection):
    asked = choose(ops, "firms", "pause_firms", firm)
    assert "Pause the mirror of 1 firm?" in text(asked)
    assert "Park &amp; Lowe LLP: nothing new is sent" in text(asked)
    assert not SyncSettings.objects.exists()
    assert "1 firm paused." in text(agree(ops, "firms", asked))
    assert SyncSettings.objects.get(organization=firm).paused_at
    assert (last_event().action, last_event().actor, last_event().ip) == ("integration.paused", operator, OPS_IP)
    again = choose(ops, "firms", "pause_firms", firm)
    assert "All of them are paused already. Nothing was changed." in text(ops.get(again["Location"]))
    assert "1 firm resumed." in text(agree(ops, "firms", choose(ops, "firms", "resume_firms", firm)))
    assert SyncSettings.objects.get(organization=firm).paused_at is None
    assert last_event().action == "integration.resumed"


def test_access_is_revoked_and_what_waits_stays(ops, operator, connection):
    asked = choose(ops, "connections", "revoke", connection)
    assert "Disconnect 1 connection?" in text(asked)
    connection.refresh_from_db()
    assert connection.is_connected
    assert "1 connection disconnected." in text(agree(ops, "connections", asked))
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("disconnected", "person")
    assert connection.queue.waiting().count() == 3
    assert (last_event().action, last_event().actor, last_event().ip) == ("integration.disconnected", operator, OPS_IP)


@pytest.mark.parametrize(
    ("which", "action"), [("queue", "retry_entries"), ("connections", "retry_connections"), ("connections", "revoke")]
)
def test_an_act_that_would_change_nothing_says_so(ops, connection, which, action):
    connection.queue.update(state=QueueRow.State.SENT)
    type(connection).objects.update(status="disconnected", is_current=False)
    row = connection if which == "connections" else connection.queue.first()
    answer = ops.get(choose(ops, which, action, row)["Location"])
    assert "Nothing was changed." in text(answer)


def test_more_than_a_person_can_be_shown_is_not_done_at_once(ops, connection):
    post(connection.organization, 501)
    park(connection, 501)
    answer = ops.get(choose(ops, "connections", "retry_connections", connection)["Location"])
    assert "Choose at most 500 entries at a time. Nothing was changed." in text(answer)
    assert connection.queue.needing_attention().count() == 504


def test_an_operators_act_stands_in_the_firms_own_log(ops, firm, connection, client):
    agree(ops, "firms", choose(ops, "firms", "pause_firms", firm))
    client.force_login(firm.people.get())
    shown = text(client.get("/settings/audit-log/"))
    assert "Mirror paused by support" in shown
    assert "Oda Ops" in shown
