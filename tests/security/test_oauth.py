"""S01 to S09 of the security checklist: signing in at a provider, through the browser."""

import logging
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from athenty.organizations.models import Membership
from integrations.clock import database_now
from integrations.connections import connect as connecting
from integrations.connections import disconnect, returning, start, telling, tokens
from integrations.mapping import chart
from integrations.models import ConnectAttempt, Connection, GrantToReturn, SealedGrant
from integrations.providers import PROVIDERS
from integrations.providers.errors import GrantLost
from tests.connections.sign_in import COMPANIES, allow, parameters
from tests.mirror.conftest import make_firm, map_everything
from tests.security.conftest import browser_of, come_back, connect, press_connect, token_calls

INDEX = "/settings/integrations/"


def nothing_was_stored() -> bool:
    return not (Connection.objects.exists() or SealedGrant.objects.exists() or GrantToReturn.objects.exists())


@pytest.mark.parametrize("wrong", ["missing", "foreign", "expired", "session", "person", "organization"])
def test_s01_a_state_that_is_not_this_persons_sessions_and_firms_costs_no_token_call(
    browser, firm, provider_name, sandbox, wrong
):
    back = allow(press_connect(browser, provider_name), "Park & Lowe LLP")
    state = parameters(back)["state"]
    assert len(state) * 6 >= 128
    if wrong == "missing":
        back = back.replace(f"state={state}", "")
    elif wrong == "foreign":
        back = back.replace(state, "a" * len(state))
    elif wrong == "expired":
        ConnectAttempt.objects.update(started_at=F("started_at") - timedelta(minutes=11))
    elif wrong == "session":
        browser = browser_of(firm)
    elif wrong == "person":
        browser = browser_of(make_firm("Other Law"))
    elif wrong == "organization":
        other = make_firm("Other Law").organization
        Membership.objects.create(user=firm.owner, organization=other, role="owner")
        browser.post("/organization/", {"organization": other.pk})
    response = come_back(browser, back)
    assert response.status_code == 302
    assert token_calls(sandbox) == 0
    assert nothing_was_stored()


def test_s01_a_state_is_good_once(browser, provider_name, sandbox):
    back = allow(press_connect(browser, provider_name), "Park & Lowe LLP")
    come_back(browser, back)
    calls, sealed = token_calls(sandbox), bytes(SealedGrant.objects.get().tokens)
    come_back(browser, back)
    assert (token_calls(sandbox), bytes(SealedGrant.objects.get().tokens)) == (calls, sealed)


def test_s02_the_verifier_stays_on_the_server_and_a_wrong_one_fails(browser, sandbox, caplog):
    with caplog.at_level(logging.DEBUG):
        url = press_connect(browser, "xero")
        query = parse_qs(urlsplit(url).query)
        assert query["code_challenge_method"] == ["S256"]
        attempt = ConnectAttempt.objects.get()
        assert 43 <= len(attempt.code_verifier) <= 128
        page = browser.get(INDEX)
        seen = page.content.decode() + caplog.text + url + str(browser.cookies) + str(dict(browser.session))
        assert attempt.code_verifier not in seen
        ConnectAttempt.objects.update(code_verifier="w" * 64)
        come_back(browser, allow(url, "Park & Lowe LLP"))
    assert nothing_was_stored()
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.code_verifier) == ("failed", "")


@pytest.mark.parametrize(("began", "ended"), [("quickbooks", "xero"), ("xero", "quickbooks")])
def test_s03_one_providers_code_is_refused_at_the_others_callback_before_any_token_call(browser, sandbox, began, ended):
    query = urlsplit(allow(press_connect(browser, began), "Park & Lowe LLP")).query
    come_back(browser, f"{reverse(f'integrations:{ended}_callback')}?{query}")
    assert token_calls(sandbox) == 0
    assert nothing_was_stored()
    callbacks = {connecting.redirect_uri(name) for name in PROVIDERS}
    assert len(callbacks) == len(PROVIDERS)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "127.0.0.1"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_PORT": "81"},
        {"HTTP_FORWARDED": "host=evil.example"},
    ],
)
def test_s04_the_redirect_uri_is_the_settings_whatever_the_request_says(browser, settings, provider_name, headers):
    url = press_connect(browser, provider_name, **headers)
    [uri] = parse_qs(urlsplit(url).query)["redirect_uri"]
    assert uri == f"{settings.SITE_URL}/settings/integrations/{provider_name}/callback/"


def test_s04_a_host_that_is_not_ours_is_refused_and_no_next_leads_away(client, browser, provider_name):
    refused = browser.post(reverse("integrations:connect", args=[provider_name]), HTTP_HOST="evil.example")
    assert refused.status_code == 400
    for away in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = browser.get(f"/sign-in/?{urlencode({'next': away})}")
        assert "evil.example" not in page.headers.get("Location", "")
        back = come_back(browser, f"{reverse('integrations:xero_callback')}?{urlencode({'next': away})}")
        assert urlsplit(back.headers["Location"]).netloc == ""


def test_s05_the_way_back_is_a_redirect_to_a_clean_address_that_nobody_keeps(browser, provider_name, sandbox, caplog):
    with caplog.at_level(logging.DEBUG):
        back = allow(press_connect(browser, provider_name), "Park & Lowe LLP")
        response = come_back(browser, back)
    assert (response.status_code, response.content) == (302, b"")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.headers["Location"] == f"{INDEX}?tab=connections#{provider_name}"
    code = parameters(back)["code"]
    assert code not in caplog.text
    assert "code=" not in caplog.text


@pytest.mark.parametrize("who", ["signed out", "member"])
def test_s05_who_may_not_come_in_is_sent_off_without_the_code(browser, firm, provider_name, sandbox, who):
    """Sign-in would carry the code on in its own address; the page that refuses a member would stand at it."""
    back = allow(press_connect(browser, provider_name), "Park & Lowe LLP")
    if who == "signed out":
        browser.logout()
    else:
        Membership.objects.update(role="member")
    response = come_back(browser, back)
    assert response.status_code == 302
    assert response.headers["Location"] == urlsplit(back).path
    assert response.headers["Referrer-Policy"] == "no-referrer"
    landed = browser.get(response.headers["Location"])
    assert landed.status_code == (302 if who == "signed out" else 403)
    assert "code" not in landed.headers.get("Location", "")
    assert token_calls(sandbox) == 0


def test_s06_a_company_belongs_to_one_firm_and_another_one_is_asked_about(browser, firm, provider_name, sandbox):
    connect(browser, provider_name)
    other = browser_of(make_firm("Other Law"))
    connect(other, provider_name)
    assert "already connected to another Athenty firm" in other.get(INDEX).content.decode()
    assert Connection.objects.count() == 1

    connection = Connection.objects.get()
    disconnect.disconnect(connection, actor=firm.owner)
    response = come_back(browser, allow(press_connect(browser, provider_name), "Other & Sons LLP"))
    assert response.headers["Location"].startswith(f"{INDEX}choose/")
    assert Connection.objects.get().company_id == connection.company_id


def test_s06_a_realm_that_the_browser_altered_is_found_out(browser, sandbox):
    real, other = (COMPANIES["quickbooks"][name] for name in ("Park & Lowe LLP", "Other & Sons LLP"))
    back = allow(press_connect(browser, "quickbooks"), "Park & Lowe LLP")
    come_back(browser, back.replace(real, other))
    assert not Connection.objects.exists()
    assert "QuickBooks does not let this sign-in open the company." in browser.get(INDEX).content.decode()


def test_s07_the_scopes_asked_for_are_the_least(browser):
    asked = {name: parse_qs(urlsplit(press_connect(browser, name)).query)["scope"] for name in PROVIDERS}
    assert asked == {
        "quickbooks": ["com.intuit.quickbooks.accounting"],
        "xero": ["openid profile email offline_access accounting.manualjournals accounting.settings.read"],
    }


def test_s08_disconnecting_revokes_there_erases_here_and_keeps_the_history(browser, firm, provider_name, sandbox):
    connect(browser, provider_name)
    connection = Connection.objects.get()
    grant = SealedGrant.objects.get()
    where = tokens.place(connection.organization_id, provider_name, connection.pk)
    held = tokens.open_tokens(grant.tokens, where)
    browser.post(reverse("integrations:disconnect", args=[connection.pk]))
    assert not SealedGrant.objects.exists()
    returning.give_back(GrantToReturn.objects.get().pk)
    assert [call["status"] for call in sandbox.requests(provider_name, "revoke")] == [200]
    assert not GrantToReturn.objects.exists()
    with pytest.raises(GrantLost):
        PROVIDERS[provider_name].refresh(held.refresh)
    assert Connection.objects.get() == connection


@pytest.mark.parametrize("days", [99, 5 * 365 - 30])
def test_s09_access_outlives_its_refresh_tokens_and_warns_before_its_hard_end(firm, browser, sandbox, days):
    """The race and the crashes are in tests/connections/test_refreshing.py."""
    connect(browser, "quickbooks")
    connection = Connection.objects.get()
    grant = SealedGrant.objects.get()
    for _ in range(days // 90 + 1):
        step = timedelta(days=min(90, days))
        sandbox.advance_clock(step.total_seconds())
        SealedGrant.objects.update(access_expires_at=database_now(), grant_expires_at=F("grant_expires_at") - step)
        tokens.access_token(connection)
    grant.refresh_from_db()
    telling.warn_of_ends()
    is_near = grant.grant_expires_at - database_now() < timedelta(days=14)
    assert connection.notices.exists() is is_near
    ends = [grant.refresh_expires_at, grant.grant_expires_at]
    assert min(ends) > database_now()


def test_s09_the_card_warns_and_leads_to_the_reconnect_before_the_hard_end(firm, browser, sandbox):
    connect(browser, "quickbooks")
    connection = Connection.objects.get()
    chart.read_if_due(connection.pk)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    assert "ends our access" not in browser.get(INDEX).content.decode()
    SealedGrant.objects.update(grant_expires_at=database_now() + timedelta(days=13))
    page = browser.get(INDEX).content.decode()
    assert re.search(r"QuickBooks ends our access on \d+ \w+ \d+\. Reconnect before then", page)
    reconnect = reverse("integrations:reconnect", args=["quickbooks"])
    assert f'href="{reconnect}"' in page
    assert "The present access lasts until" in browser.get(reconnect).content.decode()
    back = browser.post(reverse("integrations:connect", args=["quickbooks"]), {"renew": "yes"}).headers["Location"]
    come_back(browser, allow(back, "Park & Lowe LLP"))
    assert SealedGrant.objects.get().grant_expires_at > database_now() + timedelta(days=1800)
    assert "ends our access" not in browser.get(INDEX).content.decode()
