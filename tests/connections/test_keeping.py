"""Access that nobody uses stays alive, and people are told before it ends and when it has."""

import inspect
import re
from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from celery import Task
from celery.local import PromiseProxy
from django.core import mail
from django.db.models import F

from athenty.organizations.models import Membership, User
from audit.actions import Action
from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.connections import disconnect, keeping, tasks, telling, tokens
from integrations.connections.tokens import StoredAccessBroken
from integrations.mirror import schedule, waking
from integrations.mirror import tasks as mirror_tasks
from integrations.models import AccessNotice, Connection, SealedGrant, SyncMode
from integrations.providers.errors import CompanyGone, GrantLost
from tests.mirror.conftest import (
    _key_file,
    connect_firm,
    firm,
    make_firm,
    provider_name,
    read_chart_if_due,
    sandbox,
)

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]

DAY = timedelta(days=1)


def pass_time(sandbox, length: timedelta) -> None:
    """At the provider by its clock; here by moving back what is measured from."""
    sandbox.advance_clock(length.total_seconds())
    ends = ["access_expires_at", "refresh_expires_at", "grant_expires_at", "refreshed_at"]
    SealedGrant.objects.update(**{name: F(name) - length for name in ends})
    Connection.objects.update(chart_due_at=F("chart_due_at") - length)


def beat(connection: Connection) -> None:
    """What beat starts, and the workers that it wakes."""
    tasks.care()
    keeping.renew_if_idle(connection.pk)
    telling.send_due(connection.pk)


def days_until_end(connection: Connection, days: int) -> None:
    """The present grant ends in so many days, whatever is refreshed: as at the end of Intuit's five years."""
    SealedGrant.objects.filter(connection=connection).update(
        grant_expires_at=database_now() + timedelta(days=days), refresh_expires_at=database_now() + timedelta(days=days)
    )


def test_ninety_nine_days_of_nobody_doing_anything_leave_it_connected(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    for _ in range(11):
        pass_time(sandbox, 9 * DAY)
        beat(connection)
    connection.refresh_from_db()
    assert connection.is_connected
    assert connection.provider.company(tokens.access_token(connection), connection.company).name
    assert mail.outbox == []
    assert len(sandbox.requests(provider_name, "token")) == 12  # the code, and one refresh for each nine days


def test_without_that_care_it_would_have_ended(firm, sandbox):
    connection = connect_firm(firm, "xero", sandbox)
    pass_time(sandbox, 61 * DAY)
    keeping.renew_if_idle(connection.pk)
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("disconnected", "grant_lost")


def test_a_grant_in_use_is_not_refreshed_for_its_own_sake(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    before = len(sandbox.requests(provider_name, "token"))
    pass_time(sandbox, 6 * DAY)
    beat(connection)
    assert len(sandbox.requests(provider_name, "token")) == before


@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 500, "body": "<html>"}, {"status": 200, "body": "<p>"}])
def test_a_provider_that_is_away_ends_nothing(firm, provider_name, sandbox, answer):
    connection = connect_firm(firm, provider_name, sandbox)
    pass_time(sandbox, 8 * DAY)
    sandbox.arm(provider=provider_name, call="token", do="status", times=1, **answer)
    keeping.renew_if_idle(connection.pk)
    connection.refresh_from_db()
    assert connection.is_connected
    keeping.renew_if_idle(connection.pk)
    assert not tokens.idle().exists()


def test_the_daily_reading_notices_a_disconnect_made_at_the_provider(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    sandbox.disconnect_there(provider_name, connection.company_id)
    pass_time(sandbox, DAY)
    read_chart_if_due(connection)
    connection.refresh_from_db()
    expected = {"quickbooks": ("disconnected", "grant_lost"), "xero": ("error", "company_gone")}
    assert (connection.status, connection.status_reason) == expected[provider_name]
    telling.send_due(connection.pk)
    assert len(mail.outbox) == 1


# Notices -------------------------------------------------------------------------------------------------------------


def test_owners_and_admins_are_told_at_fourteen_seven_and_two_days(firm, sandbox):
    for role in ("admin", "member", "viewer"):
        person = User.objects.create_user(f"{role}@harbor-law.test", name=role.title())
        Membership.objects.create(user=person, organization=firm.organization, role=role)
    connection = connect_firm(firm, "quickbooks", sandbox)
    told = {}
    for days in (15, 14, 13, 7, 6, 2, 1):
        days_until_end(connection, days)
        mail.outbox.clear()
        for _ in range(2):  # once each, however often beat looks
            telling.warn_of_ends()
            telling.send_due(connection.pk)
        told[days] = sorted(message.to[0] for message in mail.outbox)
    both = ["admin@harbor-law.test", "owner@harbor-law.test"]
    assert told == {15: [], 14: both, 13: both, 7: both, 6: both, 2: both, 1: both}


def test_one_end_is_told_three_times_in_all(firm, sandbox):
    connection = connect_firm(firm, "quickbooks", sandbox)
    days_until_end(connection, 16)
    subjects = []
    for _ in range(16):
        pass_time(sandbox, DAY)
        telling.warn_of_ends()
        AccessNotice.objects.update(about=F("about") - DAY)  # it is the same day that comes nearer
        telling.send_due(connection.pk)
    subjects = [message.subject for message in mail.outbox]
    assert len(subjects) == 3
    assert all(re.fullmatch(r"QuickBooks ends our access to Park & Lowe LLP on \d+ \w+ \d+", each) for each in subjects)


def test_the_message_names_what_waits_and_where_to_go_and_holds_no_secret(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    disconnect.stop(connection.pk, GrantLost("invalid_grant"))
    telling.send_due(connection.pk)
    [message] = mail.outbox
    short = connection.provider.short_name
    assert message.subject == f"{short} is disconnected from Harbor Law"
    assert f"{short} ended our access to Park & Lowe LLP on" in message.body
    assert "0 entries are waiting in Athenty, and your account mapping is kept." in message.body
    assert "/settings/integrations/" in message.body
    assert not [token for token in sandbox.tokens_issued() if token in message.body]


@pytest.mark.parametrize(
    ("error", "status", "action", "cause", "words"),
    [
        (GrantLost("gone"), "disconnected", Action.DISCONNECTED, "revoked_at_provider", "ended our access to"),
        (CompanyGone("gone"), "error", Action.SYNC_FAILED, "company_gone", "no longer lets Athenty reach"),
        (StoredAccessBroken("x"), "disconnected", Action.DISCONNECTED, "seal_broken", "could not open its stored"),
    ],
)
def test_a_connection_that_dies_is_recorded_and_told_with_its_cause(firm, sandbox, error, status, action, cause, words):
    connection = connect_firm(firm, "quickbooks", sandbox)
    disconnect.stop(connection.pk, error)
    disconnect.stop(connection.pk, error)  # a second worker has the same answer
    telling.send_due(connection.pk)
    connection.refresh_from_db()
    assert connection.status == status
    [event] = AuditEvent.objects.filter(action=action)
    assert (event.data["cause"], event.actor) == (cause, None)
    [message] = mail.outbox
    assert words in message.body


def test_a_grant_that_ran_out_is_told_from_one_that_was_revoked(firm, sandbox):
    connection = connect_firm(firm, "quickbooks", sandbox)
    days_until_end(connection, -1)
    disconnect.stop(connection.pk, GrantLost("gone"))
    assert AuditEvent.objects.get(action=Action.DISCONNECTED).data["cause"] == "expired"
    assert not SealedGrant.objects.exists()


def test_a_mail_server_that_is_away_is_tried_again(firm, sandbox, monkeypatch):
    connection = connect_firm(firm, "quickbooks", sandbox)
    disconnect.stop(connection.pk, GrantLost("gone"))
    send = mail.send_mail

    def away(*_, **__):
        raise SMTPServerDisconnected("away")

    monkeypatch.setattr(mail, "send_mail", away)
    telling.send_due(connection.pk)
    notice = AccessNotice.objects.get()
    assert (notice.failures, notice.sent_at) == (1, None)
    AccessNotice.objects.update(failures=60, next_try_at=database_now())
    telling.send_due(connection.pk)
    assert AccessNotice.objects.get().failures == 61, "it is told for three days, an hour apart"
    monkeypatch.setattr(mail, "send_mail", send)
    telling.send_due(connection.pk)
    assert mail.outbox == []  # not yet
    AccessNotice.objects.update(next_try_at=database_now())
    telling.send_due(connection.pk)
    telling.send_due(connection.pk)
    assert len(mail.outbox) == 1


def test_one_refused_mailbox_keeps_nobody_elses_message_back(firm, sandbox, monkeypatch):
    other = User.objects.create_user("b-admin@harbor-law.test", name="Ben")
    Membership.objects.create(user=other, organization=firm.organization, role="admin")
    connection = connect_firm(firm, "quickbooks", sandbox)
    disconnect.stop(connection.pk, GrantLost("gone"))
    send = mail.send_mail

    def choosy(subject, body, sender, to):
        if to == [firm.owner.email]:
            raise SMTPRecipientsRefused({})
        send(subject, body, sender, to)

    monkeypatch.setattr(mail, "send_mail", choosy)
    telling.send_due(connection.pk)
    assert [message.to for message in mail.outbox] == [["b-admin@harbor-law.test"]]


def test_a_firm_is_told_of_its_own_connection_only(firm, sandbox):
    connect_firm(make_firm("Other Law"), "xero", sandbox)
    connection = connect_firm(firm, "quickbooks", sandbox)
    disconnect.stop(connection.pk, GrantLost("gone"))
    for each in Connection.objects.all():
        telling.send_due(each.pk)
    assert [message.to for message in mail.outbox] == [[firm.owner.email]]


def test_the_five_years_are_read_from_the_token_reply_and_stay_put(firm, sandbox):
    connection = connect_firm(firm, "quickbooks", sandbox)
    first = SealedGrant.objects.get().grant_expires_at
    assert timedelta(days=1824) < first - database_now() <= timedelta(days=1825)
    pass_time(sandbox, timedelta(days=30))
    tokens.access_token(connection)
    moved = SealedGrant.objects.get().grant_expires_at
    assert moved == first - timedelta(days=30)


def test_every_task_that_is_woken_by_name_and_every_beat_entry_exists(settings):
    woken = set(re.findall(r'"(integrations\.[a-z_.]+)"', inspect.getsource(waking)))
    planned = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert "integrations.connections.tasks.care" in planned
    assert len(woken) >= 5
    assert woken | planned <= {
        task.name for module in (tasks, mirror_tasks) for task in vars(module).values() if is_task(task)
    }


def is_task(value: object) -> bool:
    return isinstance(value, Task | PromiseProxy)
