"""Pages that help when something can't be done."""

import gzip
import logging

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client

HTMX = {"HX-Request": "true"}
ASKED = "/settings/audit-log/?page=2"


def failing(*_, **__):
    raise RuntimeError("the password is swordfish")


def test_a_failure_gives_a_reference_that_the_log_has_too(parts, monkeypatch, caplog):
    monkeypatch.setattr("audit.views.LogFilter", failing)
    browser = parts["owner"].client
    browser.raise_request_exception = False
    with caplog.at_level(logging.ERROR, logger="athenty"):
        response = browser.get("/settings/audit-log/")
    reference = response["X-Error-Reference"]
    assert reference in response.content.decode()
    [line] = [record.getMessage() for record in caplog.records if record.name == "athenty.error_pages"]
    assert line == f"{reference}: GET /settings/audit-log/, RuntimeError"
    assert "Content-Security-Policy" in response


def test_the_failure_page_needs_no_database(monkeypatch):
    """This test has none: whoever asks for it is refused."""
    browser = Client(raise_request_exception=False)
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a session that can't be looked up"
    response = browser.get("/settings/audit-log/")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.content.decode()
    assert "Content-Security-Policy" in response


def test_a_failure_page_that_fails_itself_still_gives_the_reference(parts, monkeypatch, caplog):
    monkeypatch.setattr("audit.views.LogFilter", failing)
    monkeypatch.setattr("athenty.error_pages.loader.render_to_string", failing)
    parts["owner"].client.raise_request_exception = False
    response = parts["owner"].client.get("/settings/audit-log/")
    assert response.status_code == 500
    assert response["X-Error-Reference"] in response.content.decode()
    assert "swordfish" not in response.content.decode()


def test_a_form_without_this_sessions_token_says_that_nothing_was_saved(parts):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(parts["owner"].user)
    browser.get("/settings/audit-log/")
    here = "http://testserver/settings/audit-log/?action=audit.exported"
    response = browser.post("/settings/audit-log/export/", headers={"Referer": here})
    assert response.status_code == 403
    page = response.content.decode()
    assert "<title>Nothing was saved – Athenty</title>" in page
    assert 'href="/settings/audit-log/?action=audit.exported"' in page


def test_a_browser_that_keeps_no_cookies_is_told_so(db):
    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"email": "a@b.example", "password": "x"})
    assert "Allow cookies for this site" in response.content.decode()


@pytest.mark.parametrize("referer", ["https://evil.example/settings/", "//evil.example/", "javascript:alert(1)", ""])
def test_a_form_from_elsewhere_leads_home(db, referer):
    response = Client(enforce_csrf_checks=True).post("/sign-in/", headers={"Referer": referer})
    assert '<a class="button" href="/">' in response.content.decode()


def test_a_form_sent_after_the_session_ended_comes_back_to_its_page_and_says_that_nothing_was_saved(parts):
    browser = parts["visitor"].client
    response = browser.post("/settings/audit-log/export/", headers={"Referer": f"http://testserver{ASKED}"})
    assert response["Location"] == "/sign-in/?next=/settings/audit-log/%3Fpage%3D2"
    assert "You were signed out, so nothing was saved." in browser.get(response["Location"]).content.decode()


def test_an_htmx_form_after_the_session_ended_does_the_same(parts):
    browser = parts["visitor"].client
    headers = HTMX | {"HX-Current-URL": f"http://testserver{ASKED}"}
    response = browser.post("/settings/audit-log/export/", headers=headers)
    assert response["HX-Redirect"] == "/sign-in/?next=%2Fsettings%2Faudit-log%2F%3Fpage%3D2"
    assert "You were signed out" in browser.get(response["HX-Redirect"]).content.decode()


def test_reading_after_the_session_ended_says_nothing_of_saving(parts):
    browser = parts["visitor"].client
    assert "signed out" not in browser.get(ASKED, follow=True).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_refusal_from_within_a_page_is_the_same_403(parts, monkeypatch, headers):
    def refuse(*_, **__):
        raise PermissionDenied

    monkeypatch.setattr("audit.views.LogFilter", refuse)
    response = parts["owner"].client.get("/settings/audit-log/", headers=headers)
    assert response.status_code == 403
    assert "<title>No access – Athenty</title>" in response.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_what_is_not_there_is_a_whole_page_for_htmx_too(parts, headers):
    response = parts["owner"].client.get("/settings/trust-accounting/entries/9/", headers=headers)
    assert response.status_code == 404
    assert response.content.decode().startswith("<!doctype html>")


def test_pages_travel_compressed(parts):
    response = parts["owner"].client.get("/settings/audit-log/", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert "Audit Log" in gzip.decompress(response.content).decode()
