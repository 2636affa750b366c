"""What enters the log, and that nothing leaves it."""

import re

import pytest
from django.db import IntegrityError, connection, transaction

from audit import recording
from audit.actions import Action
from audit.models import AuditEvent


def test_an_event_keeps_who_what_and_what_it_was_called(parts, organization):
    owner = parts["owner"].user
    event = recording.record(
        Action.SYNC_MODE_UPDATED,
        organization,
        actor=owner,
        obj=organization,
        data={"from": "live", "to": "off"},
        ip="::1",
    )
    event.refresh_from_db()
    assert (event.object_type, event.object_id) == ("organizations.organization", str(organization.pk))
    assert (event.object_label, event.who, event.ip) == ("Park & Lowe LLP", "Owner Park", "::1")
    assert event.data == {"from": "live", "to": "off"}


def test_an_event_without_an_actor_is_the_systems(organization):
    assert recording.record(Action.SYNC_FAILED, organization, obj="QuickBooks").who == "Athenty (system)"


@pytest.mark.parametrize(
    "data",
    [
        {"access_token": "x"},
        {"provider": {"RefreshToken": "x"}},
        {"changes": [{"client_secret": "x"}]},
        {"Authorization": "Bearer x"},
        {"code_verifier": "x"},
        {"code": "x"},
        {"password": "x"},
    ],
)
def test_no_secret_gets_in_at_any_depth(organization, data):
    before = AuditEvent.objects.count()
    with pytest.raises(recording.SecretOffered):
        recording.record(Action.CONNECTED, organization, data=data)
    assert AuditEvent.objects.count() == before


def test_a_providers_error_code_is_no_secret(organization):
    recording.record(Action.SYNC_FAILED, organization, data={"provider_code": "6240"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET action = 'audit.exported'",
        "UPDATE audit_auditevent SET occurred_at = now()",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_event(organization, statement):
    recording.record(Action.CONNECTED, organization)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; {statement}")


def test_the_database_refuses_an_action_that_is_not_on_the_list(organization):
    with pytest.raises(IntegrityError, match="audit_action_is_known"), transaction.atomic():
        recording.record("integration.invented", organization)


def test_the_list_holds_the_integrations_events_as_the_product_page_names_them():
    assert set(Action.values) >= {
        "integration.connected",
        "integration.disconnected",
        "integration.sync_mode_updated",
        "integration.mapping_updated",
        "integration.sync_failed",
    }


@pytest.mark.parametrize("action", Action)
def test_every_action_on_the_list_can_be_recorded_and_reads_in_plain_words(organization, action):
    event = recording.record(action, organization)
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", event.action)
    assert event.get_action_display()[0].isupper()
