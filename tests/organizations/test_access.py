"""Who may open which page: every role at every address, by GET and by POST, with htmx and without."""

import pytest
from django.test import Client

from athenty.organizations.models import Membership, Organization, User

ADMIN_PAGES = [
    ("get", "/settings/trust-accounting/"),
    ("post", "/settings/trust-accounting/"),
    ("get", "/settings/trust-accounting/entries/1/"),
    ("get", "/settings/trust-accounting/entries/1/reverse/"),
    ("post", "/settings/trust-accounting/entries/1/reverse/"),
    ("get", "/settings/audit-log/"),
    ("get", "/settings/audit-log/export/"),
    ("post", "/settings/audit-log/export/"),
    ("post", "/settings/audit-log/"),
    ("delete", "/settings/audit-log/"),
    ("get", "/settings/integrations/"),
]
HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize(("method", "address"), ADMIN_PAGES)
@pytest.mark.parametrize("role", ["member", "viewer"])
def test_members_and_viewers_get_403_with_the_people_who_can_help(parts, role, method, address, headers):
    response = getattr(parts[role].client, method)(address, headers=headers)
    assert response.status_code == 403
    page = response.content.decode()
    assert "<title>No access – Athenty</title>" in page
    assert "You do not have access to" in page
    assert "Owner Park or Admin Park" in " ".join(page.split())
    assert "Stranger" not in page


@pytest.mark.parametrize(("method", "address"), ADMIN_PAGES)
def test_a_visitor_is_sent_to_sign_in(parts, method, address):
    response = getattr(parts["visitor"].client, method)(address)
    assert response.status_code == 302
    back_to = address if method == "get" else "/"
    assert response["Location"] == f"/sign-in/?next={back_to}"


def test_a_session_that_expired_during_htmx_redirects_the_whole_page_and_comes_back(parts):
    headers = HTMX | {"HX-Current-URL": "http://testserver/settings/audit-log/?page=2"}
    response = parts["visitor"].client.get("/settings/audit-log/", headers=headers)
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fsettings%2Faudit-log%2F%3Fpage%3D2"


@pytest.mark.parametrize("address", ["/settings/trust-accounting/", "/settings/audit-log/"])
@pytest.mark.parametrize("role", ["owner", "admin", "stranger"])
def test_owners_and_admins_see_their_own_firms_pages(parts, role, address):
    response = parts[role].client.get(address)
    assert response.status_code == 200
    assert ("Stranger &amp; Co" if role == "stranger" else "Park &amp; Lowe LLP") in response.content.decode()


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_home_leads_owners_and_admins_to_integrations(parts, role):
    assert parts[role].client.get("/")["Location"] == "/settings/integrations/"


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_home_is_a_plain_page_without_settings_for_members_and_viewers(parts, role):
    page = parts[role].client.get("/").content.decode()
    assert f"{role.capitalize()} Park" in page
    assert "/settings/" not in page


def test_a_person_of_two_firms_chooses_one_and_can_switch(parts):
    owner = parts["owner"]
    other = Organization.objects.get(slug="stranger")
    Membership.objects.create(user=owner.user, organization=other, role="viewer")

    asked = owner.client.get("/settings/audit-log/")
    assert asked["Location"] == "/organization/?next=%2Fsettings%2Faudit-log%2F"
    assert "Stranger &amp; Co" in owner.client.get(asked["Location"]).content.decode()
    chosen = owner.client.post("/organization/", {"organization": "park-lowe", "next": "/settings/audit-log/"})
    assert chosen["Location"] == "/settings/audit-log/"
    assert owner.client.get("/settings/audit-log/").status_code == 200
    owner.client.post("/organization/", {"organization": "stranger"})
    assert owner.client.get("/settings/audit-log/").status_code == 403


def test_a_firm_one_does_not_belong_to_can_not_be_chosen(parts):
    assert parts["member"].client.post("/organization/", {"organization": "stranger"}).status_code == 404
    assert parts["member"].client.post("/organization/", {"organization": "a\0b"}).status_code == 404


def test_a_membership_that_ended_ends_access_at_once(parts):
    Membership.objects.filter(user=parts["admin"].user).delete()
    response = parts["admin"].client.get("/settings/audit-log/")
    assert response["Location"].startswith("/organization/")
    assert "You do not belong to a firm" in parts["admin"].client.get("/organization/").content.decode()


def test_a_person_who_was_deactivated_is_signed_out(parts):
    User.objects.filter(pk=parts["admin"].user.pk).update(is_active=False)
    assert parts["admin"].client.get("/settings/audit-log/")["Location"].startswith("/sign-in/")


def test_a_page_that_does_not_exist_is_a_404_in_the_frame(parts):
    response = parts["owner"].client.get("/nowhere/")
    assert response.status_code == 404
    assert "This page does not exist" in response.content.decode()
    assert "Sign out" in response.content.decode()


def test_a_failure_is_a_500_page_that_tells_nothing(parts, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("audit.views.LogFilter", fail)
    parts["owner"].client.raise_request_exception = False
    response = parts["owner"].client.get("/settings/audit-log/")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()
    assert "swordfish" not in response.content.decode()


def test_signed_in_pages_are_not_stored_and_run_no_inline_script(parts, settings):
    response = parts["owner"].client.get("/settings/audit-log/")
    assert "no-store" in response["Cache-Control"]
    assert "HX-Request" in response["Vary"]
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    for url in (settings.QUICKBOOKS_AUTHORIZE_URL, settings.XERO_AUTHORIZE_URL):
        assert "/".join(url.split("/")[:3]) in policy.split("form-action")[1].split(";")[0]


def test_the_health_check_is_open_and_asks_the_database(db, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
