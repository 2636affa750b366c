"""Firms, their books and their connections, as a simulation needs them."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database

from athenty.organizations.models import Membership, Organization, User
from integrations import clock
from integrations.connections import connect, keeping, kms, returning, start, telling
from integrations.connections.attempts import Visitor
from integrations.mapping import chart, saving
from integrations.mirror import drain, outcomes, probing, schedule, sweeping, waking
from integrations.models import Connection
from ledger.models import Account, JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.sandbox_server import point_at
from tests.simulation.clock import DatabaseClock, StandingClock
from tests.simulation.keeping import KeptTables
from tests.simulation.provider import ADDRESS, Provider, wired_to
from tests.simulation.stage import Stage, pass_step

BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMPANIES = {
    "quickbooks": ("9341450000000011", "9341450000000044"),
    "xero": ("5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b01", "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b04"),
}
_CHART = [
    ("1000", "Operating Bank", "asset", False),
    ("1100", "Trust Bank", "asset", True),
    ("2100", "Client Trust", "liability", True),
    ("4000", "Revenue", "revenue", False),
]


_BUSY = """
    SELECT EXISTS (
        SELECT FROM integrations_connection each
        WHERE status = 'connected' AND (
            troubled_since IS NOT NULL
            OR EXISTS (SELECT FROM journal_sync_queue WHERE connection_id = each.id AND state IN ('waiting', 'sending'))
            OR EXISTS (SELECT FROM integrations_delivery WHERE connection_id = each.id AND state = 'open')
        )
    )
"""


@dataclass
class Firm:
    """An organization and its owner. `connections` are those that were ever made, oldest first."""

    organization: Organization
    owner: User
    accounts: dict[str, Account]
    connections: list[Connection] = field(default_factory=list)
    posted: int = 0

    @property
    def visitor(self) -> Visitor:
        return Visitor(user=self.owner, organization=self.organization, session_key=self.organization.slug)

    def post(self, amounts: list[str], *, on: date) -> list[JournalEntry]:
        drafts = []
        for amount in amounts:
            self.posted += 1
            debited, credited = [("1100", "2100"), ("1000", "4000"), ("2100", "1100")][self.posted % 3]
            lines = [
                EntryLine(self.accounts[debited], Decimal(amount), None),
                EntryLine(self.accounts[credited], None, Decimal(amount)),
            ]
            drafts.append(EntryDraft(on=on, memo="Retainer", lines=lines, key=f"entry-{self.posted}"))
        return post_entries(self.organization, drafts, actor=self.owner)


Body = Callable[[], object]


class Alarm:
    """The broker, as the mirror sees it."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def publish(self, task: str, connection_id: Any, delay: timedelta | None) -> None:
        pass_step()
        act = {
            "integrations.mirror.tasks.drain": drain.run_pass,
            "integrations.mirror.tasks.read_chart": chart.read_if_due,
            "integrations.connections.tasks.give_back_grant": returning.give_back,
            "integrations.connections.tasks.renew": keeping.renew_if_idle,
            "integrations.connections.tasks.send_mail": telling.send_due,
        }[task]
        seconds = delay.total_seconds() if delay else 0.0
        for late in self._world.delivered():
            self._world.wake(partial(act, connection_id), f"{task} {connection_id}", seconds + late)


class World:
    """Two firms, each connected to both providers: made once, and as new again for each run."""

    def __init__(self, clock: StandingClock) -> None:
        self.stage = Stage(clock, BEGINS)
        self._woken: set[tuple[str, int]] = set()
        self.provider = Provider(self.stage, (connect.redirect_uri("quickbooks"), connect.redirect_uri("xero")))
        self.worker: Callable[[Body], object] = lambda body: body()
        """Runs what a worker does; a seed may do something to it."""
        self.delivered: Callable[[], list[float]] = lambda: [0.0]
        """For each wake-up: after how many seconds its copies arrive."""
        self.firms = [self.make_firm(1), self.make_firm(2)]

    def settle_in(self) -> None:
        """Connect everybody, and keep all this for the runs to begin from."""
        for number, firm in enumerate(self.firms):
            for provider_name, company_ids in COMPANIES.items():
                self.connect(firm, provider_name, company_ids[number])
        self._kept = KeptTables()
        self.provider.keep()

    def begin(self, seed: int) -> random.Random:
        """Empty books and queues, no fault, everybody connected. Gives the dice that decide everything."""
        dice = random.Random(seed)
        outcomes._JITTER = probing._JITTER = random.Random(seed)  # type: ignore[assignment]
        self.stage.begin(BEGINS)
        self._woken.clear()
        self.provider.reset()
        self.worker, self.delivered = lambda body: body(), lambda: [0.0]
        self._kept.restore()
        for firm in self.firms:
            firm.posted = 0
        return dice

    def close(self) -> None:
        self.stage.close()
        self._kept.remove()

    def run(self, body: Body) -> None:
        """In a worker of its own; `worker` may do something to it first."""
        self.stage.work(partial(self.worker, body))

    def make_firm(self, number: int) -> Firm:
        organization = Organization.objects.create(name=f"Firm {number}", slug=f"firm-{number}", time_zone="UTC")
        owner = User.objects.create_user(f"owner@firm-{number}.test", None, name="Ada Park")
        Membership.objects.create(user=owner, organization=organization, role=Membership.Role.OWNER)
        accounts = Account.objects.bulk_create(
            Account(organization=organization, number=number, name=name, type=kind, is_trust=trust, is_core=True)
            for number, name, kind, trust in _CHART
        )
        return Firm(organization, owner, {account.number: account for account in accounts})

    def connect(self, firm: Firm, provider_name: str, company_id: str) -> Connection:
        """The whole OAuth conversation; started and mapped when the company is new to the firm."""
        back = self.provider.consent(connect.begin(provider_name, firm.visitor), company_id)
        joined = connect.finish(provider_name, firm.visitor, back)
        if not isinstance(joined, Connection):
            joined = connect.choose(joined, company_id, firm.visitor)
        if joined.mirror_from is None:
            chart.read_if_due(joined.pk)
            start.start_mirroring(joined, BEGINS.date() - timedelta(days=30), actor=firm.owner)
            self.map_everything(firm, joined)
            firm.connections.append(joined)
        joined.refresh_from_db()
        return joined

    def map_everything(self, firm: Firm, connection: Connection, *, shift: int = 0) -> None:
        """Each account to an eligible target of its class; `shift` picks another one."""
        choices = {}
        for account in firm.accounts.values():
            free = [
                row
                for row in connection.chart.eligible().order_by("pk")
                if row.classification == account.type and row.pk not in choices.values()
            ]
            choices[account.pk] = free[shift % len(free)].pk
        saving.save_mapping(connection, choices, actor=firm.owner)

    def wake(self, body: Body, name: str, seconds: float) -> None:
        """Two wake-ups of one name for the same second are one: most of what workers do is to find nothing to do."""
        moment = self.stage.now + timedelta(seconds=seconds)
        key = name, int(moment.timestamp())
        if key not in self._woken:
            self._woken.add(key)
            self.stage.at(moment, partial(self._awake, body, key))

    def _awake(self, body: Body, key: tuple[str, int]) -> None:
        self._woken.discard(key)
        self.run(body)

    def sweep(self) -> None:
        """What beat has a worker do every ten seconds."""
        schedule.flush_due_organizations()
        sweeping.wake_what_is_due()

    def is_quiet(self) -> bool:
        """Nothing is under way, and what is left waits for a person."""
        if self.stage.busy:
            return False
        with database.cursor() as cursor:
            cursor.execute(_BUSY)
            return cursor.fetchone() == (False,)

    def run_until_quiet(self, within: timedelta) -> timedelta | None:
        """Beat goes on until nothing is left to do. How long that took; None when it took longer than allowed.

        Beats get rarer, for speed: every one that is skipped would have found nothing, or be made up for.
        """
        began, pause = self.stage.now, timedelta(seconds=10)
        while self.stage.now - began <= within:
            if self.is_quiet():
                return self.stage.now - began
            self.run(self.sweep)
            self.stage.run_until(self.stage.now + pause)
            pause = min(pause * 2, timedelta(seconds=60))
        return None


@contextmanager
def simulated_world(key_file: str) -> Iterator[World]:
    """The world, with the product wired into it. Needs a database that it may empty."""
    with pytest.MonkeyPatch.context() as patch:
        point_at(_Settings(patch), ADDRESS)
        patch.setattr(settings, "KMS_LOCAL_KEY_FILE", key_file)
        kms.key_management.cache_clear()
        with moved_clock() as standing:
            world = World(standing)
            patch.setattr(waking, "_broker", Alarm(world))
            patch.setattr(drain, "time", world.stage)
            patch.setattr(clock, "connection", world.stage)
            try:
                with wired_to(world.provider):
                    world.settle_in()
                    yield world
            finally:
                world.close()


@contextmanager
def moved_clock() -> Iterator[StandingClock]:
    database_clock = DatabaseClock()
    database_clock.install()
    try:
        with database_clock.standing() as standing:
            yield standing
    finally:
        database_clock.remove()


class _Settings:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        object.__setattr__(self, "_patch", patch)

    def __setattr__(self, name: str, value: object) -> None:
        self._patch.setattr(settings, name, value)
