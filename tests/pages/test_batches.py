"""Sending a batch early, and what support has stopped."""

from django.urls import reverse

from integrations.mirror import schedule
from integrations.models import SyncMode
from tests.pages.firms import make_connection, post

INDEX = "/settings/integrations/"


def test_a_batch_is_sent_early(owner, firm):
    post(firm, 2)
    connection = make_connection(firm)
    schedule.set_mode(firm, SyncMode.BATCHED, actor=connection.connected_by)
    tab = owner.get(f"{INDEX}?tab=sync-mode").content.decode()
    assert "Flush now" in tab
    assert "<dd>2 entries" in tab
    page = owner.post(reverse("integrations:flush"), follow=True).content.decode()
    assert "Sending 2 waiting entries now." in page
    assert not schedule.is_any_due(connection)
    connection.refresh_from_db()
    assert schedule.is_any_due(connection)


def test_a_mirror_paused_by_support_says_so(owner, firm):
    post(firm, 1)
    make_connection(firm)
    schedule.set_paused(firm, paused=True)
    assert "Paused by support. 1 entry is waiting." in owner.get(INDEX).content.decode()
