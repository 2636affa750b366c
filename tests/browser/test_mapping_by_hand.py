"""The real export's 68 accounts mapped by hand in a browser, from Connect to the first entry that was sent.

`make test ARGS="-m slow -n 0 -s -k by_hand"` prints how long it took, with how many clicks and keystrokes. A browser
driven by a script is faster than a person, so the time of a person is reckoned from the presses by the keystroke-level
model (Card, Moran and Newell): 0.28 s for a key, 1.3 s for pointing and clicking, and 1.35 s to think before each row.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from athenty.organizations.models import Membership, Organization, User
from integrations.connections import connect
from integrations.models import ChartAccount, Connection
from ledger.importing import import_ledger
from tests.browser.conftest import session
from tests.browser.work import worker
from tests.mapping.score import TRUTH
from tests.mirror.conftest import COMPANY, _key_file, sandbox

__all__ = ["_key_file", "sandbox"]

LEDGER = Path(__file__).resolve().parents[2] / "athenty" / "local" / "ledgers" / "consultancy"

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

KEY_SECONDS, CLICK_SECONDS, THINK_SECONDS = 0.28, 1.3, 1.35
FIVE_MINUTES = 300
# Where a bookkeeper puts what the chart has no account of its own for.
OTHERWISE = {
    "asset": "Client Costs Advanced",
    "liability": "Payables Control",
    "equity": "Partners' Capital",
    "revenue": "Legal Fees",
    "expense": "Office Supplies",
}


@dataclass
class Hand:
    """A person at the page, whose presses are counted."""

    page: Any
    clicks: int = 0
    keys: int = 0
    thoughts: int = 0

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self.page.keyboard.type(text)

    def fill_date(self, selector: str, day: str) -> None:
        """A date box takes a click and eight digits, in an order that depends on the person's own settings."""
        self.clicks += 1
        self.keys += 8
        self.page.fill(selector, day)

    def press(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    @property
    def seconds(self) -> float:
        """A person's, by the keystroke-level model."""
        return self.keys * KEY_SECONDS + self.clicks * CLICK_SECONDS + self.thoughts * THINK_SECONDS


@pytest.fixture
def firm(live_server, sandbox, settings) -> Organization:
    """A firm with the export's books, and the provider knowing our address."""
    settings.SITE_URL = live_server.url
    sandbox.register(connect.redirect_uri("quickbooks"), connect.redirect_uri("xero"))
    firm = Organization.objects.create(name=COMPANY, slug="by-hand", currency="USD", time_zone="UTC")
    owner = User.objects.create_user("owner@by-hand.test", name="Ada Park")
    Membership.objects.create(user=owner, organization=firm, role=Membership.Role.OWNER)
    import_ledger(LEDGER, firm, actor=owner, limit=100)
    return firm


@pytest.mark.parametrize("provider_name", ["quickbooks", "xero"])
def test_sixty_eight_accounts_are_mapped_by_hand_within_five_minutes(firm, chromium, live_server, provider_name):
    with worker():
        # The server was made before the sandbox had its address, which its policy for forms would have to name.
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
        owner = session(firm.memberships.get().user)
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": owner, "url": live_server.url}])
        hand = Hand(context.new_page())
        hand.page.goto(f"{live_server.url}/settings/integrations/")
        began = time.monotonic()
        connect_and_start(hand, provider_name)
        connection = Connection.objects.get(organization=firm)
        filled = map_every_account(hand, connection)
        until = time.monotonic() + 60
        while not connection.queue.filter(state="sent").exists() and time.monotonic() < until:
            time.sleep(0.1)
        took = time.monotonic() - began
        context.close()
    assert connection.mappings.exclude(target=None).count() == firm.accounts.count() == 68
    assert connection.queue.filter(state="sent").exists()
    sys.stdout.write(
        f"\n{connection.provider.name}: 68 accounts, {filled} filled in by one click; {hand.clicks} clicks and"
        f" {hand.keys} keys from Connect to the first entry sent. By script {took:.0f} s; a person"
        f" {hand.seconds:.0f} s by the keystroke-level model, beside what the pages take.\n"
    )
    assert hand.seconds + took < FIVE_MINUTES


def connect_and_start(hand: Hand, provider_name: str) -> None:
    hand.click(f"form[action$='/{provider_name}/connect/'] button")
    hand.page.wait_for_selector("input[name=company]")
    hand.thoughts += 1
    hand.click(f"label.choice:has-text('{COMPANY}') input >> nth=0")
    hand.click("button[value=allow]")
    hand.page.wait_for_selector(f"#{provider_name} .pill-connected")
    hand.thoughts += 1
    hand.fill_date(f"#{provider_name}-from", "2019-10-23")
    hand.click(f"#{provider_name}-start button:has-text('Show count')")
    hand.thoughts += 1
    hand.click(f"#{provider_name}-start button:has-text('Start mirroring')")
    hand.page.wait_for_selector(f"#{provider_name} dt:has-text('Mirrored from')")
    hand.page.wait_for_selector(f"#{provider_name}-mapping table")


def map_every_account(hand: Hand, connection: Connection) -> int:
    """Accept what is suggested, type the rest, save. Returns how many were suggested."""
    hand.click(f"#{connection.provider_name}-mapping a:has-text('page of its own')")
    hand.page.wait_for_selector("h1:has-text('Account mapping')")
    hand.click("button:has-text('Accept')")
    boxes = hand.page.locator("input.target").all()
    empty = [each for each in boxes if not each.input_value()]
    wanted = truth(connection)
    hand.click(f"#{empty[0].get_attribute('id')}")
    for each in empty:
        # A person goes on with Tab from row to row, over those that are filled: here with a click.
        if hand.page.evaluate("document.activeElement.id") != each.get_attribute("id"):
            hand.click(f"#{each.get_attribute('id')}")
        hand.thoughts += 1
        choose(hand, each, wanted[each.get_attribute("name")])
    hand.click(f"#{connection.provider_name}-save")
    hand.page.wait_for_selector(".notice-success")
    return len(boxes) - len(empty)


def choose(hand: Hand, box: Any, target: ChartAccount) -> None:
    """Type the start of its name, or its number where that finds another; take it with Tab."""
    hand.type(target.name[:4].lower())
    shown = hand.page.locator("#picker [aria-selected]")
    if shown.count() == 0 or shown.first.inner_text() != str(target):
        hand.press("Control+a")
        hand.type(target.number)
    hand.press("Tab")
    assert box.input_value() == str(target)


def truth(connection: Connection) -> dict[str, ChartAccount]:
    """Where each account belongs, by the name of its box."""
    eligible = {target.name: target for target in connection.chart.eligible()}
    with (TRUTH / "real_export.csv").open(encoding="utf-8") as lines:
        right = {row["name"]: row[f"{connection.provider_name} law firm"] for row in csv.DictReader(lines)}
    wanted = {}
    for account in connection.organization.accounts.all():
        names = [name.strip() for name in right[account.name].split("|")]
        name = next((name for name in names if name in eligible), OTHERWISE[account.type])
        wanted[f"account-{account.pk}"] = eligible[name]
    return wanted
