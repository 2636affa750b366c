"""Sign in, connect, map, post, see it sent, meet a refusal, lift it, retry, tie out: by keys alone, and without script.

The provider is the sandbox, through its own pages; a thread does the workers' part.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from athenty.organizations.models import Membership, User
from integrations.connections import connect
from integrations.models import Connection
from tests.browser.work import worker
from tests.mirror.conftest import COMPANY, _key_file, sandbox
from tests.pages.firms import make_firm

__all__ = ["_key_file", "sandbox"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PASSWORD = "a long password"
CLOSES = {"quickbooks": "book_close_date", "xero": "period_lock_date"}
# Ours, and the sandbox's law firm's, by the label that the mapping's boxes take.
TARGETS = {
    "quickbooks": {"1000": "Operating", "1100": "Trust Bank", "2100": "Client Trust", "4000": "Legal Fees"},
    "xero": {"1000": "Operating", "1100": "Trust", "2100": "Client", "4000": "Legal Fees"},
}


@dataclass
class Keyboard:
    """Everything by Tab, Enter, Space and typing."""

    page: Any

    def press(self, selector: str) -> None:
        self._reach(selector)
        self.page.keyboard.press("Enter")

    def fill(self, selector: str, text: str) -> None:
        self._reach(selector)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def pick(self, selector: str, label: str) -> None:
        self.fill(selector, label)
        self.page.keyboard.press("Tab")

    def date(self, selector: str, on: Any) -> None:
        self._reach(selector)
        self.page.keyboard.type(on.strftime("%m%d%Y"))

    def open_tab(self, label: str) -> None:
        """The one beside that which is open: a list of tabs is one stop, within which arrows move."""
        self._reach("[role=tab][aria-selected=true]")
        self.page.keyboard.press("ArrowRight")
        assert self.page.evaluate("document.activeElement.textContent").strip() == label
        self.page.keyboard.press("Enter")

    def choose(self, mode: str) -> None:
        """The mode beside the one that is set."""
        self._reach("[name=mode]:checked")
        self.page.keyboard.press("ArrowDown")
        assert self.page.is_checked(f"#mode-{mode}")

    def until(self, selector: str) -> None:
        self.page.wait_for_selector(selector, timeout=20_000)

    def _reach(self, selector: str) -> None:
        wanted = self.page.locator(selector).first
        wanted.wait_for(timeout=10_000)
        for _ in range(150):
            if wanted.evaluate("(element) => element === document.activeElement"):
                ring = self.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
                assert float(ring.removesuffix("px")) >= 2, f"{selector} does not show that it has the focus"
                covered = wanted.evaluate(COVERED)
                assert not covered, f"{selector} is covered by {covered} while it has the focus"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {selector}")


# WCAG 2.4.11: what has the focus is not wholly hidden by what stands above it.
COVERED = """(element) => {
  const box = element.getBoundingClientRect();
  const points = [[0.5, 0.5], [0.02, 0.5], [0.98, 0.5]];
  const above = points.map(([x, y]) => document.elementFromPoint(box.left + box.width * x, box.top + box.height * y));
  const hides = (top) => top && top !== element && !element.contains(top) && !top.contains(element);
  return above.every(hides) ? above[0].outerHTML.slice(0, 80) : "";
}"""


@dataclass
class WithoutScript:
    """By mouse and keys, in a browser that runs no script; what changes by itself shows after a reload."""

    page: Any

    def press(self, selector: str) -> None:
        self.page.click(selector)

    def fill(self, selector: str, text: str) -> None:
        self.page.fill(selector, text)

    pick = fill

    def date(self, selector: str, on: Any) -> None:
        self.page.fill(selector, on.isoformat())

    def open_tab(self, label: str) -> None:
        self.page.click(f"[role=tab]:has-text('{label}')")

    def choose(self, mode: str) -> None:
        self.page.check(f"#mode-{mode}")

    def until(self, selector: str) -> None:
        for _ in range(40):
            if self.page.locator(selector).count():
                return
            self.page.wait_for_timeout(500)
            self.page.reload()
        raise AssertionError(f"{selector} does not come")


@pytest.fixture
def firm(live_server, sandbox, settings):
    settings.SITE_URL = live_server.url
    sandbox.register(connect.redirect_uri("quickbooks"), connect.redirect_uri("xero"))
    firm = make_firm(COMPANY)
    firm.time_zone = "UTC"
    firm.save()
    owner = User.objects.create_user("owner@park-lowe.test", PASSWORD, name="Ada Park")
    Membership.objects.create(user=owner, organization=firm, role=Membership.Role.OWNER)
    return firm


@pytest.mark.parametrize(("how", "provider_name"), [(Keyboard, "quickbooks"), (WithoutScript, "xero")])
def test_the_whole_path(how, provider_name, firm, sandbox, chromium, live_server):
    # The server was made before the sandbox had its address, which its policy for forms would have to name.
    context = chromium.new_context(
        viewport={"width": 1280, "height": 900}, bypass_csp=True, java_script_enabled=how is Keyboard, locale="en-US"
    )
    with worker():
        hand = how(context.new_page())
        hand.page.goto(live_server.url)
        hand.fill("#id_email", "owner@park-lowe.test")
        hand.fill("#id_password", PASSWORD)
        hand.press("main button:has-text('Sign in')")
        connect_and_map(hand, provider_name)
        post_entry(hand, "Lowe v. Hart: retainer", "1250.00")
        see(hand, "Sent", "Lowe v. Hart: retainer")

        connection = Connection.objects.get()
        yesterday = timezone.localdate() - timedelta(days=1)
        far = (timezone.localdate() + timedelta(days=30)).isoformat()
        sandbox.change_company(provider_name, connection.company_id, **{CLOSES[provider_name]: far})
        post_entry(hand, "Lowe v. Hart: filing fee", "47.25")
        see(hand, "Needs attention", "Lowe v. Hart: filing fee")
        sandbox.change_company(provider_name, connection.company_id, **{CLOSES[provider_name]: yesterday.isoformat()})
        hand.press("tr:has-text('filing fee') th a")
        hand.until("h3:has-text('What to do')")
        hand.press("main button:has-text('Retry')")
        see(hand, "Sent", "Lowe v. Hart: filing fee")

        hand.press("a:has-text('Integrations') >> nth=0")
        hand.press("main a:has-text('Tie-out')")
        hand.until("text=In agreement, to the cent.")
        filter_mode_and_disconnect(hand, provider_name)
    context.close()
    connection.refresh_from_db()
    assert connection.status == "disconnected"
    debits = [line["debit"] for journal in books(sandbox, connection) for line in journal["lines"]]
    assert sorted(filter(None, map(float, debits))) == [47.25, 1250.00]


def connect_and_map(hand: Any, provider_name: str) -> None:
    hand.press(".settings-nav a:has-text('Integrations')")
    hand.press(f"form[action$='/{provider_name}/connect/'] button")
    hand.press("button[value=allow]")
    hand.until(f"#{provider_name} .pill-connected")
    hand.date(f"#{provider_name}-from", timezone.localdate())
    hand.press(f"#{provider_name}-start button:has-text('Show count')")
    hand.press(f"#{provider_name}-start button:has-text('Start mirroring')")
    hand.until(f"#{provider_name}-mapping table")
    connection = Connection.objects.get()
    for number, name in TARGETS[provider_name].items():
        target = next(row for row in connection.chart.eligible().order_by("pk") if name in row.name)
        box = f"#{provider_name}-{connection.organization.accounts.get(number=number).pk}"
        hand.pick(box, str(target))
    hand.press(f"#{provider_name}-save")
    hand.until(".notice-success, #status:has-text('Mapping saved')")


def post_entry(hand: Any, memo: str, amount: str) -> None:
    hand.press(".settings-nav a:has-text('Trust Accounting')")
    hand.press("main a:has-text('Post an entry')")
    hand.fill("#id_memo", memo)
    hand.pick("[name=line-1-account]", "1100 Trust Bank")
    hand.fill("[name=line-1-debit]", amount)
    hand.pick("[name=line-2-account]", "2100 Client Trust")
    hand.fill("[name=line-2-credit]", amount)
    hand.press("main button:has-text('Post entry')")
    hand.until(f"text={memo}")


def see(hand: Any, status: str, memo: str) -> None:
    """In the list of Sync activity, which this reloads until the workers have done their part."""
    hand.press(".settings-nav a:has-text('Integrations')")
    hand.press("main a:has-text('View sync activity')")
    row = f"tr:has-text('{memo}'):has-text('{status}')"
    for _ in range(40):
        if hand.page.locator(row).count():
            return
        hand.page.wait_for_timeout(500)
        hand.page.reload()
    raise AssertionError(f"{memo} does not come to be {status}")


def filter_mode_and_disconnect(hand: Any, provider_name: str) -> None:
    hand.press(".settings-nav a:has-text('Audit Log')")
    hand.date("[name=first]", timezone.localdate())
    hand.press("main button:has-text('Apply')")
    hand.until("td:has-text('Journal entry posted')")
    hand.press(".settings-nav a:has-text('Integrations')")
    hand.open_tab("Sync Mode")
    hand.choose("batched")
    hand.press("main button:has-text('Save sync mode')")
    hand.until("text=Current: Batched")
    hand.press(".settings-nav a:has-text('Integrations')")
    hand.press(f"#{provider_name} a:has-text('Disconnect')")
    hand.press("main button:has-text('Disconnect')")
    hand.until(f"#{provider_name} .pill-disconnected")


def books(sandbox: Any, connection: Connection) -> list[dict[str, Any]]:
    return sandbox.journals(connection.provider_name, connection.company_id)
