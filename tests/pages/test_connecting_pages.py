"""Connect, the way back, and the choice of a company: through the sandbox's real OAuth conversation."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.urls import reverse

from integrations.connections import connect, kms
from integrations.models import ConnectAttempt, Connection, SealedGrant
from tests.pages.firms import make_connection
from tests.sandbox_server import Sandbox, point_at

INDEX = "/settings/integrations/"
COMPANY = "Park & Lowe LLP"


@pytest.fixture
def sandbox(started_sandbox, settings, tmp_path) -> Iterator[Sandbox]:
    started_sandbox.reset()
    point_at(settings, started_sandbox.url)
    started_sandbox.register(connect.redirect_uri("quickbooks"), connect.redirect_uri("xero"))
    settings.KMS_LOCAL_KEY_FILE = str(tmp_path / "kms.key")
    kms.key_management.cache_clear()
    yield started_sandbox
    kms.key_management.cache_clear()


def press_connect(browser, provider_name: str) -> str:
    response = browser.post(reverse("integrations:connect", args=[provider_name]))
    assert response.status_code == 302
    return response.headers["Location"]


def come_back(browser, address: str, **extra):
    """Follow the provider's redirect to our callback, as the browser does."""
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}", **extra)


def callback(provider_name: str, **parameters: str) -> str:
    return f"{reverse(f'integrations:{provider_name}_callback')}?{urlencode(parameters)}"


def assert_redirect_only(response) -> None:
    assert response.status_code == 302
    assert response.content == b""
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]
    assert "code=" not in response.headers["Location"]


@pytest.mark.parametrize("provider_name", ["quickbooks", "xero"])
def test_connecting_lands_on_the_card_with_the_company_named(owner, sandbox, provider_name):
    back = sandbox.consent(press_connect(owner, provider_name), COMPANY)
    response = come_back(owner, back)
    assert_redirect_only(response)
    assert response.headers["Location"] == f"{INDEX}?tab=connections#{provider_name}"
    page = owner.get(INDEX).content.decode()
    assert "Connected to Park &amp; Lowe LLP. Next: choose the start date and map your accounts." in page
    assert "Reading the" in page
    connection = Connection.objects.get()
    assert connection.status == "connected"
    tokens = bytes(connection.grant.tokens)
    assert not any(issued.encode() in tokens for issued in sandbox.tokens_issued())


def test_pressing_connect_twice_leaves_two_attempts_and_one_connection(owner, sandbox):
    first, second = press_connect(owner, "quickbooks"), press_connect(owner, "quickbooks")
    come_back(owner, sandbox.consent(first, COMPANY))
    come_back(owner, sandbox.consent(second, COMPANY))
    assert Connection.objects.count() == 1


def test_connect_while_connected_says_to_disconnect_first(owner, firm):
    make_connection(firm)
    page = owner.post(reverse("integrations:connect", args=["quickbooks"]), follow=True).content.decode()
    assert "QuickBooks Online is connected already. Disconnect it first." in page
    assert not ConnectAttempt.objects.exists()


def test_a_denied_consent_changes_nothing_and_says_so(owner, sandbox):
    state = parse_qs(urlsplit(press_connect(owner, "quickbooks")).query)["state"][0]
    response = come_back(owner, callback("quickbooks", error="access_denied", state=state))
    assert_redirect_only(response)
    page = owner.get(INDEX).content.decode()
    reference = ConnectAttempt.objects.get().reference
    assert f'access. Nothing has changed. <span class="reference">Reference {reference}</span>' in page
    assert not Connection.objects.exists()


def refused(browser, address) -> None:
    """The way back did not work: a redirect, one sentence, and nothing written."""
    response = come_back(browser, address)
    assert_redirect_only(response)
    page = browser.get(INDEX).content.decode()
    assert "This sign-in took too long or was started in another window. Start again." in page
    assert not SealedGrant.objects.exists()


@pytest.mark.parametrize("parameters", [{}, {"state": ""}, {"state": "made up", "code": "x", "realmId": "1"}])
def test_a_state_that_is_not_ours_is_refused(owner, parameters):
    refused(owner, callback("quickbooks", **parameters))
    assert not Connection.objects.exists()


def test_a_replayed_callback_is_refused_and_leaves_the_connection_alone(owner, sandbox):
    back = sandbox.consent(press_connect(owner, "quickbooks"), COMPANY)
    come_back(owner, back)
    before = bytes(SealedGrant.objects.get().tokens)
    owner.get(INDEX)
    response = come_back(owner, back)
    assert_redirect_only(response)
    assert "Start again." in owner.get(INDEX).content.decode()
    assert bytes(SealedGrant.objects.get().tokens) == before
    assert Connection.objects.get().status == "connected"


def test_one_persons_way_back_is_not_anothers(people, sandbox):
    back = sandbox.consent(press_connect(people["owner"], "quickbooks"), COMPANY)
    refused(people["admin"], back)


def test_one_providers_way_back_is_not_the_others(owner, sandbox):
    query = urlsplit(sandbox.consent(press_connect(owner, "quickbooks"), COMPANY)).query
    refused(owner, f"{reverse('integrations:xero_callback')}?{query}")


def test_a_forged_code_is_refused_with_a_reference(owner, sandbox):
    state = parse_qs(urlsplit(press_connect(owner, "quickbooks")).query)["state"][0]
    come_back(owner, callback("quickbooks", code="forged", state=state, realmId="1"))
    page = owner.get(INDEX).content.decode()
    assert "QuickBooks did not complete the sign-in." in page
    assert f"Reference {ConnectAttempt.objects.get().reference}" in page
    assert not Connection.objects.exists()


def test_the_way_back_takes_no_post(owner):
    assert owner.post(reverse("integrations:quickbooks_callback")).status_code == 405


class TestAnotherCompanyThanBefore:
    """A reconnect that comes back with other books stops and asks."""

    @pytest.fixture
    def before(self, firm):
        return make_connection(firm, company="Old Books", status="disconnected", status_reason="person")

    @pytest.fixture
    def choice(self, owner, before, sandbox):
        response = come_back(owner, sandbox.consent(press_connect(owner, "quickbooks"), COMPANY))
        assert_redirect_only(response)
        return response.headers["Location"]

    def test_the_page_names_both_companies_and_chooses_none(self, owner, choice):
        page = owner.get(choice).content.decode()
        assert "Which QuickBooks company should Athenty send entries to?</h1>" in page
        assert "This connection was Old Books." in page
        assert "Park &amp; Lowe LLP" in page
        assert "checked" not in page
        assert "sealed" not in page

    def test_choosing_none_is_refused_in_words(self, owner, choice):
        response = owner.post(choice)
        assert response.status_code == 422
        assert "Choose the company to send entries to." in response.content.decode()

    def test_a_company_that_was_not_offered_is_refused(self, owner, choice, before):
        page = owner.post(choice, {"company": before.company_id}, follow=True).content.decode()
        assert "Choose one of the companies listed." in page
        assert not Connection.objects.connected().exists()

    def test_the_chosen_company_becomes_the_connection_with_an_empty_mapping(self, owner, choice, before):
        company_id = ConnectAttempt.objects.get().candidates[0]["company"]["id"]
        page = owner.post(choice, {"company": company_id}, follow=True).content.decode()
        assert "Connected to Park &amp; Lowe LLP." in page
        joined = Connection.objects.connected().get()
        assert joined != before
        assert not joined.mappings.exists()
        assert before.mappings.exists()

    def test_a_second_press_leads_to_the_card(self, owner, choice):
        company_id = ConnectAttempt.objects.get().candidates[0]["company"]["id"]
        owner.post(choice, {"company": company_id})
        response = owner.post(choice, {"company": company_id})
        assert response.headers["Location"] == f"{INDEX}?tab=connections#quickbooks"
        assert Connection.objects.connected().count() == 1

    def test_the_choice_is_only_open_to_the_browser_that_signed_in(self, people, choice):
        page = people["admin"].get(choice, follow=True).content.decode()
        assert "This sign-in took too long or was started in another window. Start again." in page
