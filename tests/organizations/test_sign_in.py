"""Signing in and out: right and wrong passwords, guessing, and where one lands."""

from datetime import timedelta

import pytest
from django.test import Client

from athenty.organizations.models import SignInFailure, User
from audit.models import AuditEvent
from tests.organizations.parts import PASSWORD


@pytest.fixture
def ada(parts) -> User:
    user = parts["owner"].user
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, user: User, password: str = PASSWORD, **more):
    return client.post("/sign-in/", {"email": user.email, "password": password, **more})


def test_the_right_password_signs_in_and_is_recorded_in_the_firms_log(ada, client, organization):
    response = client.post("/sign-in/", {"email": ada.email.upper(), "password": PASSWORD}, REMOTE_ADDR="203.0.113.7")
    assert response["Location"] == "/"
    assert client.get("/")["Location"] == "/settings/integrations/"
    event = AuditEvent.objects.filter(action="account.signed_in", ip="203.0.113.7").get()
    assert (event.organization, event.actor) == (organization, ada)


@pytest.mark.parametrize("email", ["owner@park-lowe.example", "nobody@park-lowe.example"])
def test_a_wrong_password_and_an_unknown_e_mail_get_the_same_answer(ada, client, email):
    response = client.post("/sign-in/", {"email": email, "password": "wrong"})
    assert response.status_code == 422
    assert "This e-mail and password do not go together." in response.content.decode()
    assert "<title>Error: Sign in – Athenty</title>" in response.content.decode()
    assert client.get("/").status_code == 302


def test_ten_wrong_passwords_close_the_e_mail_for_this_address_only(ada, client):
    for _ in range(10):
        assert sign_in(client, ada, "wrong").status_code == 422
    closed = sign_in(client, ada)
    assert closed.status_code == 422
    assert "Wait 15 minutes" in closed.content.decode()
    from_elsewhere = client.post("/sign-in/", {"email": ada.email, "password": PASSWORD}, REMOTE_ADDR="203.0.113.7")
    assert from_elsewhere.status_code == 302


def test_a_closed_e_mail_opens_after_fifteen_minutes(ada, client):
    for _ in range(10):
        sign_in(client, ada, "wrong")
    for failure in SignInFailure.objects.all():
        failure.failed_at -= timedelta(minutes=15, seconds=1)
        failure.save()
    assert sign_in(client, ada).status_code == 302


def test_signing_in_forgets_earlier_failures(ada, client):
    for _ in range(9):
        sign_in(client, ada, "wrong")
    sign_in(client, ada)
    assert not SignInFailure.objects.exists()


@pytest.mark.parametrize("email", ["a\0b@park-lowe.example", "", "not an e-mail", "x" * 300 + "@example.com"])
def test_an_e_mail_that_is_none_is_refused_by_name(db, client, email):
    response = client.post("/sign-in/", {"email": email, "password": "x"})
    assert response.status_code == 422
    assert "E-mail:" in response.content.decode()


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:///evil.example"],
)
def test_no_next_leads_off_the_site(ada, client, elsewhere):
    assert sign_in(client, ada, next=elsewhere)["Location"] == "/"
    assert client.get("/sign-in/", {"next": elsewhere})["Location"] == "/"
    assert client.post("/organization/", {"organization": "park-lowe", "next": elsewhere})["Location"] == "/"


def test_next_leads_back_to_the_page_that_was_asked_for(ada, client):
    assert sign_in(client, ada, next="/settings/audit-log/?page=2")["Location"] == "/settings/audit-log/?page=2"


def test_signing_out_needs_a_post(parts):
    client = parts["owner"].client
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/settings/audit-log/")["Location"].startswith("/sign-in/")


def test_signing_in_and_out_is_protected_against_forged_forms(ada):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, ada).status_code == 403


def test_signing_in_starts_a_new_session(ada, client):
    client.get("/sign-in/")
    session = client.session
    session["left by someone else"] = True
    session.save()
    before = session.session_key
    sign_in(client, ada)
    assert client.session.session_key != before


def test_behind_our_proxy_only_the_address_it_added_counts(ada, client, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for guess in range(10):
        headers = {"X-Forwarded-For": f"198.51.100.{guess}, 203.0.113.7"}
        client.post("/sign-in/", {"email": ada.email, "password": "wrong"}, headers=headers)
    assert set(SignInFailure.objects.values_list("ip", flat=True)) == {"203.0.113.7"}
