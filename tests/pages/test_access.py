"""Who may open which page, by every verb."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import ConnectAttempt, Connection, SyncSettings
from tests.pages.firms import make_connection, make_firm, make_person

GET_PAGES = ["index", "card", "disconnect", "quickbooks_callback", "xero_callback", "choose"]
GET_PAGES += ["mapping", "mapping_csv", "reconnect", "activity", "activity_csv", "activity_entry"]
GET_PAGES += ["tie_out", "tie_out_csv", "tie_out_entries", "trial_balance", "trial_balance_result"]
POST_ACTS = ["sync_mode", "connect", "start", "disconnect", "mapping", "refresh_chart", "choose"]
POST_ACTS += ["flush", "mapping_upload", "create_party", "activity_retry_all", "activity_retry", "activity_decide"]
POST_ACTS += ["trial_balance", "test"]
EVERY_REQUEST = [(name, method) for name in sorted({*GET_PAGES, *POST_ACTS}) for method in ("get", "post")]
OF_A_CONNECTION = ["card", "start", "disconnect", "mapping", "refresh_chart"]
OF_A_CONNECTION += ["mapping_csv", "mapping_upload", "trial_balance", "test"]


def address(name: str, connection: Connection) -> str:
    if name in OF_A_CONNECTION:
        return reverse(f"integrations:{name}", args=[connection.pk])
    arguments = {
        "connect": [connection.provider_name],
        "reconnect": [connection.provider_name],
        "choose": ["AT-NOBODY"],
        "create_party": [connection.pk, "customer"],
        "activity_entry": [1],
        "trial_balance_result": [connection.pk, 1],
        "activity_retry": [1],
        "activity_decide": [1],
    }
    return reverse(f"integrations:{name}", args=arguments.get(name))


def test_a_stranger_is_sent_to_sign_in(people, firm):
    connection = make_connection(firm)
    for name, method in EVERY_REQUEST:
        response = getattr(people["stranger"], method)(address(name, connection))
        assert response.status_code == 302, (name, method)
        assert response.headers["Location"].startswith(reverse("organizations:sign_in")), (name, method)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["plain", "htmx"])
@pytest.mark.parametrize("role", ["member", "viewer"])
def test_members_and_viewers_are_refused_without_a_hint(role, headers, people, firm):
    connection = make_connection(firm, company="Secret Books")
    for name, method in EVERY_REQUEST:
        response = getattr(people[role], method)(address(name, connection), headers=headers)
        page = response.content.decode()
        assert response.status_code == 403, (name, method)
        assert "<h1>You do not have access to Integrations</h1>" in page, (name, method)
        assert "Owner Person" in page, (name, method)
        assert "Secret Books" not in page, (name, method)
        assert "Sync Mode" not in page, (name, method)


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_what_members_and_viewers_post_changes_nothing(role, people, firm):
    connection = make_connection(firm)
    for name in POST_ACTS:
        people[role].post(address(name, connection), {"mode": "off", "on": "2025-01-01", "all": "yes"})
    connection.refresh_from_db()
    assert connection.status == "connected"
    assert not SyncSettings.objects.exists()
    assert not ConnectAttempt.objects.exists()


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_owners_and_admins_see_the_cards_and_the_modes(role, people, firm):
    make_connection(firm)
    page = people[role].get(reverse("integrations:index")).content.decode()
    assert "Park &amp; Lowe LLP" in page
    assert people[role].get(reverse("integrations:index"), {"tab": "sync-mode"}).status_code == 200


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_owners_and_admins_may_disconnect(role, people, firm):
    connection = make_connection(firm)
    people[role].post(address("disconnect", connection))
    connection.refresh_from_db()
    assert connection.status == "disconnected"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", OF_A_CONNECTION)
def test_another_firms_connection_does_not_exist(name, method, owner, other_firms_connection):
    response = getattr(owner, method)(address(name, other_firms_connection), {"on": "2025-01-01"})
    wrong_verb = (method == "get" and name not in GET_PAGES) or (method == "post" and name not in POST_ACTS)
    assert response.status_code == (405 if wrong_verb else 404)
    other_firms_connection.refresh_from_db()
    assert other_firms_connection.status == "connected"


def test_another_firms_company_choice_does_not_exist(owner, db):
    firm = make_firm("Other Firm", slug="other")
    person = make_person(firm, "owner")
    attempt = ConnectAttempt.objects.create(
        organization=firm,
        user=person,
        provider_name="xero",
        reference="AT-7K2M4P",
        state_hash="1",
        session_hash="2",
        outcome="choosing",
        started_at=firm.created_at,
    )
    assert owner.get(reverse("integrations:choose", args=[attempt.reference])).status_code == 404


def test_an_unknown_connection_and_an_unknown_provider_do_not_exist(owner):
    assert owner.get(reverse("integrations:disconnect", args=[uuid.uuid4()])).status_code == 404
    assert owner.post(reverse("integrations:connect", args=["sage"])).status_code == 404


@pytest.mark.parametrize("name", [name for name in POST_ACTS if name not in GET_PAGES])
def test_acts_are_not_done_by_following_a_link(name, owner, firm):
    assert owner.get(address(name, make_connection(firm))).status_code == 405


@pytest.mark.parametrize("name", POST_ACTS)
def test_every_form_needs_its_token(name, firm):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person(firm, "owner"))
    connection = make_connection(firm)
    assert browser.post(address(name, connection), {"mode": "off"}).status_code == 403
    connection.refresh_from_db()
    assert connection.status == "connected"
    assert not SyncSettings.objects.exists()


def test_the_page_carries_the_token_its_forms_need(firm):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person(firm, "owner"))
    browser.get(reverse("integrations:index"))
    token = browser.cookies["csrftoken"].value
    response = browser.post(reverse("integrations:sync_mode"), {"mode": "off"}, headers={"X-CSRFToken": token})
    assert response.status_code == 302
    assert SyncSettings.objects.get().mode == "off"
