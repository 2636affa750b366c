"""What stands in the way of connecting: each failure has its sentence, changes nothing, and can be put right."""

import html
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from athenty.organizations.models import Organization
from audit.actions import Action
from audit.models import AuditEvent
from integrations.connections import attempts, returning, start
from integrations.connections import connect as connecting
from integrations.mapping import chart
from integrations.models import ConnectAttempt, Connection, GrantToReturn, SealedGrant
from tests.connections.sign_in import COMPANIES, allow, deny, parameters
from tests.mirror.conftest import _key_file, firm, make_firm, map_everything, provider_name, sandbox, visitor
from tests.security.conftest import browser, browser_of, come_back, connect, press_connect

__all__ = ["_key_file", "browser", "firm", "provider_name", "sandbox"]

INDEX = "/settings/integrations/"
PARK, OTHER, DEMO = "Park & Lowe LLP", "Other & Sons LLP", "Demo Company (US)"
SHORT = {"quickbooks": "QuickBooks", "xero": "Xero"}


def banner(browser) -> str:
    """The banner of the next page view."""
    page = browser.get(INDEX).content.decode()
    start = page.index('<div class="banners">')
    sentence = re.sub(r"</?span[^>]*>", "", page[start : page.index("</p>", start)].split("<p>")[1])
    return html.unescape(" ".join(sentence.split()))


def failed(browser) -> str:
    """The sentence, after making sure that nothing changed and that it names the attempt."""
    said = banner(browser)
    assert not Connection.objects.connected().filter(organization__slug="harbor-law").exists()
    assert not SealedGrant.objects.filter(connection__organization__slug="harbor-law").exists()
    reference = ConnectAttempt.objects.order_by("-pk").first().reference
    assert said.endswith(f" Reference {reference}")
    return said.removesuffix(f" Reference {reference}")


def test_cancelled_consent(browser, provider_name, sandbox):
    come_back(browser, deny(press_connect(browser, provider_name)))
    assert failed(browser) == "You did not give Athenty access. Nothing has changed."


def test_an_invalid_scope(browser, sandbox):
    url = press_connect(browser, "quickbooks")
    come_back(browser, deny(url).replace("error=access_denied", "error=invalid_scope"))
    assert failed(browser) == "QuickBooks ended the sign-in. Start again; if it happens twice, contact support."


def test_a_permission_left_out(browser, sandbox):
    url = press_connect(browser, "xero").replace("+accounting.manualjournals", "")
    come_back(browser, allow(url, PARK))
    assert failed(browser) == (
        "You did not give Athenty every permission it needs in Xero. Start again and allow all that is listed."
    )
    returning.give_back(GrantToReturn.objects.get().pk)
    assert [call["status"] for call in sandbox.requests("xero", "revoke")] == [200]


def test_the_wrong_kind_of_xero_tenant(browser, sandbox):
    practice = '[{"id":"c","tenantId":"t","tenantType":"PRACTICE","tenantName":"Park Practice"}]'
    sandbox.arm(
        provider="xero", call="connections", do="status", status=200, body=practice, content_type="application/json",
        times=2,
    )  # fmt: skip
    come_back(browser, allow(press_connect(browser, "xero"), PARK))
    assert failed(browser) == (
        "What you chose in Xero keeps no books of its own, as a practice does. Start again and choose a company."
    )


def test_another_currency(browser, firm, provider_name, sandbox):
    name, currency = {"quickbooks": ("in pounds", "GBP"), "xero": ("in New Zealand dollars", "NZD")}[provider_name]
    come_back(browser, allow(press_connect(browser, provider_name), name))
    said = failed(browser)
    assert f"keeps its books in {currency}; your ledger is in USD. Choose a company in the same currency." in said
    Organization.objects.filter(pk=firm.organization.pk).update(currency=currency)
    come_back(browser, allow(press_connect(browser, provider_name), name))
    assert Connection.objects.get().is_connected


def test_books_linked_to_another_firm(browser, provider_name, sandbox):
    connect(browser_of(make_firm("Other Law")), provider_name)
    connect(browser, provider_name)
    assert failed(browser) == (f"This {SHORT[provider_name]} company is already connected to another Athenty firm.")


@pytest.mark.parametrize("call", ["token", "company"])
def test_a_provider_that_is_away(browser, provider_name, sandbox, call):
    call = {"company": {"quickbooks": "companyinfo", "xero": "organisation"}[provider_name]}.get(call, call)
    sandbox.arm(provider=provider_name, call=call, do="status", status=503)
    come_back(browser, allow(press_connect(browser, provider_name), PARK))
    short = SHORT[provider_name]
    assert failed(browser) == f"{short} is not responding. Nothing has changed. Start again in a few minutes."
    connect(browser, provider_name)
    assert Connection.objects.get().is_connected


def test_our_own_secret_is_wrong(browser, provider_name, sandbox, settings):
    settings.QUICKBOOKS_CLIENT_SECRET = settings.XERO_CLIENT_SECRET = "wrong"
    come_back(browser, allow(press_connect(browser, provider_name), PARK))
    assert failed(browser) == (
        f"{SHORT[provider_name]} does not accept Athenty's own access. This is ours to fix: contact support."
    )


class TestChoosingAmongSeveral:
    @pytest.fixture
    def page(self, browser, sandbox) -> str:
        back = come_back(browser, allow(press_connect(browser, "xero"), PARK, DEMO, "in New Zealand dollars"))
        return back.headers["Location"]

    def test_nothing_is_chosen_beforehand_and_demo_data_is_marked(self, browser, page):
        shown = browser.get(page).content.decode()
        assert shown.count('type="radio"') == 3
        assert "checked" not in shown
        assert "demo data, not for real books" in shown
        assert "NZD · NZ · your ledger is in USD" in " ".join(shown.split())

    def test_another_currency_is_refused_on_the_page_and_the_choice_stays_open(self, browser, page):
        kauri = COMPANIES["xero"]["in New Zealand dollars"]
        refused = browser.post(page, {"company": kauri})
        assert refused.status_code == 422
        shown = refused.content.decode()
        assert "Kauri Chambers Limited keeps its books in NZD; your ledger is in USD." in shown
        assert "<title>Error: " in shown
        browser.post(page, {"company": COMPANIES["xero"][PARK]})
        assert Connection.objects.get().company_name == PARK

    def test_cancel_connects_nothing_and_gives_everything_back(self, browser, page, sandbox):
        browser.post(page, {"cancel": "yes"})
        assert banner(browser) == "Nothing was connected, and nothing has changed."
        returning.give_back(GrantToReturn.objects.get().pk)
        assert [call["status"] for call in sandbox.requests("xero", "revoke")] == [200]
        again = browser.post(page, {"company": COMPANIES["xero"][PARK]}, follow=True).content.decode()
        assert "This sign-in took too long or was started in another window. Start again." in again
        assert not Connection.objects.exists()

    def test_a_company_that_was_taken_meanwhile_closes_the_choice(self, browser, page):
        connect(browser_of(make_firm("Other Law")), "xero")
        browser.post(page, {"company": COMPANIES["xero"][PARK]})
        assert "already connected to another Athenty firm" in banner(browser)

    def test_two_tabs_that_choose_differently_leave_one_connection(self, browser, page):
        browser.post(page, {"company": COMPANIES["xero"][PARK]})
        browser.post(page, {"company": COMPANIES["xero"][DEMO]})
        assert Connection.objects.get().company_name == PARK

    def test_a_cancel_that_comes_after_the_choice_changes_nothing(self, browser, page):
        attempt = ConnectAttempt.objects.get()  # as the cancelling tab has read it
        browser.post(page, {"company": COMPANIES["xero"][PARK]})
        returns = GrantToReturn.objects.count()
        connecting.choose_none(attempt)
        assert Connection.objects.get().is_connected
        assert ConnectAttempt.objects.get().outcome == "connected"
        assert GrantToReturn.objects.count() == returns

    def test_a_choice_that_comes_after_the_cancel_connects_nothing(self, browser, firm, page):
        attempt = ConnectAttempt.objects.get()
        browser.post(page, {"cancel": "yes"})
        with pytest.raises(attempts.ConnectFailed, match="or this one was cancelled"):
            connecting.choose(attempt, COMPANIES["xero"][PARK], visitor(firm))
        assert not Connection.objects.exists()

    def test_on_a_reconnect_the_company_of_before_is_named(self, browser, firm, sandbox):
        connect(browser, "xero", OTHER)
        connection = Connection.objects.get()
        browser.post(reverse("integrations:disconnect", args=[connection.pk]))
        back = come_back(browser, allow(press_connect(browser, "xero"), PARK, OTHER))
        shown = " ".join(browser.get(back.headers["Location"]).content.decode().split())
        assert "This connection was Other &amp; Sons LLP. Choose it again to go on with its mapping" in shown
        browser.post(back.headers["Location"], {"company": COMPANIES["xero"][OTHER]})
        assert Connection.objects.get().is_connected


def test_two_sign_ins_that_come_back_at_once_leave_the_first(browser, firm, sandbox):
    """Two tabs, two companies: each was sealed before the other had joined."""
    sealed = []
    for name in (PARK, OTHER):
        back = parameters(allow(connecting.begin("quickbooks", visitor(firm)), name))
        attempt = attempts.take("quickbooks", visitor(firm), back["state"])
        sealed.append((attempt, connecting._candidates(attempt, back)))
    (first, [park]), (second, [other]) = sealed
    assert connecting._join(first, park, [park], visitor(firm)).company_name == PARK
    with pytest.raises(attempts.ConnectFailed, match="Another sign-in was finished first"):
        connecting._join(second, other, [other], visitor(firm))
    assert Connection.objects.get().company_name == PARK


def test_the_pages_that_intuit_links_to(browser, firm, client, sandbox):
    there = reverse("integrations:disconnected_there", args=["quickbooks"])
    page = client.get(there, {"realmId": COMPANIES["quickbooks"][PARK]})
    assert page.status_code == 200
    assert "Athenty was disconnected in QuickBooks" in page.content.decode()
    reconnect = reverse("integrations:reconnect", args=["quickbooks"])
    assert client.get(reconnect).headers["Location"] == f"/sign-in/?next={reconnect}"
    assert "Connect QuickBooks?" in browser.get(reconnect).content.decode()
    connect(browser, "quickbooks")
    before = Connection.objects.values().get()
    client.get(there, {"realmId": COMPANIES["quickbooks"][PARK]})
    browser.get(there, {"realmId": COMPANIES["quickbooks"][PARK]})
    assert Connection.objects.values().get() == before  # anyone can call it: it changes nothing
    assert client.post(there).status_code == 405
    assert client.get(reverse("integrations:disconnected_there", args=["sage"])).status_code == 404
    assert browser.get(reverse("integrations:reconnect", args=["sage"])).status_code == 404


@pytest.mark.parametrize("forget", [False, True])
def test_disconnecting_keeps_the_mapping_unless_asked_to_delete_it(browser, firm, sandbox, forget):
    connect(browser, "quickbooks")
    connection = Connection.objects.get()
    chart.read_if_due(connection.pk)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    page = browser.get(reverse("integrations:disconnect", args=[connection.pk])).content.decode()
    assert 'name="forget_mapping" value="yes">' in page
    form = {"forget_mapping": "yes"} if forget else {}
    browser.post(reverse("integrations:disconnect", args=[connection.pk]), form)
    assert connection.mappings.filter(target__isnull=False).count() == (0 if forget else 4)
    assert banner(browser).startswith("Disconnected from Park & Lowe LLP.")
    changed = AuditEvent.objects.filter(action=Action.MAPPING_UPDATED).count()
    assert changed == (2 if forget else 1)
