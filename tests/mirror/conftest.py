"""A firm with books, connected to the sandbox through the real OAuth conversation."""

import copy
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from athenty.organizations.models import Membership, Organization, User
from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.connections import connect, start, tokens
from integrations.connections.attempts import Visitor
from integrations.mapping import chart, saving
from integrations.mirror import drain
from integrations.models import ConnectAttempt, Connection, Delivery
from ledger.models import Account, JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.mirror.kept_rows import KeptRows
from tests.sandbox_server import Sandbox, point_at

COMPANY = "Park & Lowe LLP"
CHART = [
    ("1000", "Operating Bank", "asset", False),
    ("1100", "Trust Bank", "asset", True),
    ("2100", "Client Trust", "liability", True),
    ("4000", "Revenue", "revenue", False),
]


@pytest.fixture
def sandbox(started_sandbox, settings) -> Sandbox:
    started_sandbox.reset()
    # What takes minutes in a firm's life takes milliseconds here: the limits have tests of their own.
    started_sandbox.set_limits(enabled=False)
    point_at(settings, started_sandbox.url)
    started_sandbox.register(connect.redirect_uri("quickbooks"), connect.redirect_uri("xero"))
    return started_sandbox


@pytest.fixture(autouse=True)
def _key_file(settings, tmp_path) -> None:
    from integrations.connections import kms

    settings.KMS_LOCAL_KEY_FILE = str(tmp_path / "kms.key")
    kms.key_management.cache_clear()


@dataclass
class Firm:
    """An organization, its owner, and its accounts by number."""

    organization: Organization
    owner: User
    accounts: dict[str, Account]

    def post(
        self, *entries: tuple[str, str, str], on: date | None = None, memo: str = "Retainer"
    ) -> list[JournalEntry]:
        """Post (debited number, credited number, amount) each as an entry; today unless `on` is given."""
        before = JournalEntry.objects.filter(organization=self.organization).count()
        drafts = [
            EntryDraft(
                on=on or timezone.localdate(),
                memo=memo,
                lines=[
                    EntryLine(self.accounts[debited], Decimal(amount), None),
                    EntryLine(self.accounts[credited], None, Decimal(amount)),
                ],
                key=f"test-{before + index}",
            )
            for index, (debited, credited, amount) in enumerate(entries)
        ]
        return post_entries(self.organization, drafts, actor=self.owner)


def make_firm(name: str = "Harbor Law", *, currency: str = "USD") -> Firm:
    slug = name.lower().replace(" ", "-")
    organization = Organization.objects.create(name=name, slug=slug, currency=currency, time_zone="UTC")
    owner = User.objects.create_user(f"owner@{slug}.test", "a long password", name="Ada Park")
    Membership.objects.create(user=owner, organization=organization, role=Membership.Role.OWNER)
    accounts = [
        Account.objects.create(
            organization=organization, number=number, name=name, type=kind, is_trust=trust, is_core=True
        )
        for number, name, kind, trust in CHART
    ]
    return Firm(organization, owner, {account.number: account for account in accounts})


_kept: dict[str, tuple[KeptRows, Any]] = {}
"""By what they are of: "firm", or the provider's name for a connection of that firm."""


@pytest.fixture
def firm(db) -> Firm:
    if "firm" not in _kept:
        made = make_firm()
        of = {"organization": made.organization}
        _kept["firm"] = (
            KeptRows(
                Organization.objects.filter(pk=made.organization.pk),
                User.objects.filter(pk=made.owner.pk),
                Membership.objects.filter(**of),
                Account.objects.filter(**of),
            ),
            made,
        )
    else:
        rows, made = _kept["firm"]
        rows.restore()
    # A test may add to its firm, the first one too.
    return copy.deepcopy(made)


@pytest.fixture(params=["quickbooks", "xero"])
def provider_name(request) -> str:
    return request.param


def visitor(firm: Firm) -> Visitor:
    return Visitor(user=firm.owner, organization=firm.organization, session_key=f"session-of-{firm.owner.email}")


def connect_firm(firm: Firm, provider_name: str, sandbox: Sandbox, company: str = COMPANY) -> Connection:
    """The whole OAuth conversation, and the chart read as the worker would."""
    back = sandbox.consent(connect.begin(provider_name, visitor(firm)), company)
    connection = connect.finish(provider_name, visitor(firm), parameters(back))
    assert isinstance(connection, Connection)
    chart.read_if_due(connection.pk)
    connection.refresh_from_db()
    return connection


def parameters(url: str) -> dict[str, str]:
    from urllib.parse import parse_qsl, urlsplit

    return dict(parse_qsl(urlsplit(url).query))


def map_everything(firm: Firm, connection: Connection) -> None:
    """Each account to its own eligible target of its class."""
    free = list(connection.chart.eligible())
    choices = {}
    for account in firm.accounts.values():
        target = next(row for row in free if row.classification == account.type)
        free.remove(target)
        choices[account.pk] = target.pk
    saving.save_mapping(connection, choices, actor=firm.owner)


@pytest.fixture
def connection(firm, provider_name, sandbox) -> Connection:
    """Connected a while ago, started a year back, and mapped: ready to send."""
    if provider_name in _kept:
        rows, connection_id = _kept[provider_name]
        rows.restore()
        connection = Connection.objects.get(pk=connection_id)
        consent_anew(connection, sandbox)
        return connection
    connection = connect_firm(firm, provider_name, sandbox)
    start.start_mirroring(connection, timezone.localdate().replace(month=1, day=1), actor=firm.owner)
    map_everything(firm, connection)
    Connection.objects.filter(pk=connection.pk).update(next_send_at=None)
    connection.refresh_from_db()
    _kept[provider_name] = (
        KeptRows(
            Connection.objects.filter(pk=connection.pk),
            ConnectAttempt.objects.filter(organization=firm.organization),
            connection.chart.all(),
            connection.mappings.all(),
            AuditEvent.objects.filter(organization=firm.organization),
        ),
        connection.pk,
    )
    return connection


def consent_anew(connection: Connection, sandbox: Sandbox) -> None:
    """The sandbox has forgotten the connection's grant, and this test's key opens no other's."""
    provider, redirect_uri = connection.provider, connect.redirect_uri(connection.provider_name)
    request = provider.authorization_request(redirect_uri=redirect_uri, state="again")
    back = parameters(sandbox.allow(request.url, connection.company_id))
    given = provider.exchange_code(
        code=back["code"], redirect_uri=redirect_uri, code_verifier=request.code_verifier, callback_parameters=back
    )
    [company] = provider.companies(given, back)
    connection.adopt(company)
    connection.save()
    where = tokens.place(connection.organization_id, connection.provider_name, connection.pk)
    tokens.keep_grant(
        connection, tokens.seal_tokens(given, where), tokens.Lifetimes.of(given), person_id=given.person_id
    )


def pass_over(connection: Connection) -> bool:
    """One pass, as if the pacer's next slot had come."""
    Connection.objects.filter(pk=connection.pk).update(next_send_at=None, coalesce_until=None)
    return drain.run_pass(connection.pk)


def read_chart_if_due(connection: Connection) -> None:
    """As the worker does, and as if the pacer's next slot had come, and has come again afterwards."""
    one = Connection.objects.filter(pk=connection.pk)
    one.update(next_send_at=None, coalesce_until=None)
    chart.read_if_due(connection.pk)
    one.update(next_send_at=None)


WRITE_CALL = {"quickbooks": "batch", "xero": "manualjournals"}


def later(connection, **delta):
    """Let time pass for this connection's deliveries: their moments move into the past."""
    by = timedelta(**delta)
    Delivery.objects.filter(connection=connection).update(
        first_sent_at=F("first_sent_at") - by,
        rests_until=F("rests_until") - by,
        leased_until=F("leased_until") - by,
        next_attempt_at=F("next_attempt_at") - by,
    )
    Connection.objects.filter(pk=connection.pk).update(slowed_until=None)


def probe_now(connection):
    """Let the time for a probe come."""
    Connection.objects.filter(pk=connection.pk, troubled_since__isnull=False).update(next_probe_at=database_now())
    pass_over(connection)


def states(connection: Connection) -> list[str]:
    return list(connection.queue.order_by("id").values_list("state", flat=True))
