"""Law firms by the hundred, connected and mapped on both sides, without the minute that each takes a person."""

import secrets
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from athenty.organizations.models import Membership, Organization, User
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.models import AccountMapping, ChartAccount, Connection, SealedGrant
from integrations.providers.base import Classification, TokenSet
from integrations.sandbox import grants as their_grants
from integrations.sandbox import seed as their_seed
from integrations.sandbox.companies import Company, account_row, add_account_rows, add_company
from integrations.sandbox.store import Store
from integrations.sandbox.xero import connections as their_connections
from integrations.sandbox.xero.tokens import access_token as xero_access_token
from ledger.models import Account
from ledger.posting import EntryDraft, EntryLine
from tests.bench import hurry

_CHART = [
    ("1000", "Operating Bank", Account.Type.ASSET, False),
    ("1100", "Trust Bank", Account.Type.ASSET, True),
    ("2100", "Client Trust", Account.Type.LIABILITY, True),
    ("4000", "Revenue", Account.Type.REVENUE, False),
]
_TARGETS = {
    "quickbooks": ["Other Current Asset", "Other Current Asset", "Other Current Liability", "Income"],
    "xero": ["CURRENT", "CURRENT", "CURRLIAB", "REVENUE"],
}
_LIFE_OF_ACCESS = {"quickbooks": 3600, "xero": 1800}
_SCOPE = {
    "quickbooks": "com.intuit.quickbooks.accounting",
    "xero": "openid offline_access accounting.settings.read accounting.manualjournals",
}


class Firm:
    """One organization with one connection. Not to be shared by threads that post at once."""

    def __init__(self, connection: Connection, owner: User, accounts: Sequence[Account]) -> None:
        self.connection, self.owner, self.accounts = connection, owner, accounts
        self.organization = connection.organization
        self._count = 0

    def draft(self, lines: int = 2, *, on: date | None = None) -> EntryDraft:
        """An entry of so many lines, an even number, under a key of its own."""
        self._count += 1
        half, cents = lines // 2, Decimal(100 + self._count % 9_900) / 100
        debits = [EntryLine(self.accounts[1], cents, None, "Retainer received") for _ in range(half)]
        credits = [EntryLine(self.accounts[2], None, cents, "Held for the client") for _ in range(half)]
        day = on or date(2026, 11, 2)
        return EntryDraft(
            on=day, memo=f"Retainer {self._count}", lines=debits + credits, key=f"{uuid.uuid4()}", reference="R-1"
        )


def make(store_path: Path, provider: str, count: int, *, mirrored: bool = True, name: str = "Firm") -> list[Firm]:
    """Before the sandbox opens its store. One grant for each company, as each firm's own person would give it."""
    companies = [_company(provider, f"{name} {number:04}") for number in range(1, count + 1)]
    issued = _grant_there(store_path, companies)
    owner, _ = User.objects.get_or_create(email="owner@bench.test", defaults={"name": "Ada Park"})
    organizations = Organization.objects.bulk_create(
        Organization(name=company.name, slug=f"{provider}-{company.name.lower().replace(' ', '-')}")
        for company in companies
    )
    Membership.objects.bulk_create(
        Membership(organization=each, user=owner, role=Membership.Role.OWNER) for each in organizations
    )
    accounts = Account.objects.bulk_create(
        Account(organization=each, number=number, name=label, type=kind, is_trust=is_trust)
        for each in organizations
        for number, label, kind, is_trust in _CHART
    )
    now = database_now()
    connections = Connection.objects.bulk_create(
        Connection(
            organization=each, provider_name=provider, company_id=company.tenant_id, company_name=company.name,
            company_country="US", home_currency="USD", refuses_duplicate_numbers=provider == "quickbooks",
            status_changed_at=now, connected_at=now, connected_by=owner, chart_read_at=now,
            mirror_from=date(2026, 1, 1) if mirrored else None,
        )
        for each, company in zip(organizations, companies, strict=True)
    )  # fmt: skip
    _grant_here(connections, issued)
    per_firm = [accounts[start : start + len(_CHART)] for start in range(0, len(accounts), len(_CHART))]
    _map(connections, per_firm, companies)
    return [Firm(connection, owner, chart) for connection, chart in zip(connections, per_firm, strict=True)]


def _company(provider: str, name: str) -> Company:
    if provider == "quickbooks":
        return their_seed.quickbooks_company(str(10**15 + secrets.randbelow(10**14)), name, "USD", "US")
    return their_seed.xero_company(str(uuid.uuid4()), name, "USD", "US", "EASTERNSTANDARDTIME", "!bEnC")


def _grant_there(store_path: Path, companies: Sequence[Company]) -> list[TokenSet]:
    store = Store(str(store_path))
    their_seed.seed(store)
    issued = []
    with store.transaction():
        for company in companies:
            add_company(store, company)
            chart = their_seed.CHARTS[company.provider, their_seed.LAW_FIRM](company)
            add_account_rows(store, [account_row(company, account) for account in chart])
            issued.append(_consent(store, company))
    store.close()
    return issued


def _consent(store: Store, company: Company) -> TokenSet:
    provider, now = company.provider, hurry.now()
    grant = their_grants.new_grant(
        store, provider=provider, client_id=f"demo-{provider}", user_id="pat", scope=_SCOPE[provider], now=now,
        tenant_id=company.tenant_id if provider == "quickbooks" else None,
    )  # fmt: skip
    life = _LIFE_OF_ACCESS[provider]
    if provider == "xero":
        their_connections.connect(
            store, client_id=grant.client_id, user_id="pat", tenant_id=company.tenant_id, event_id=grant.event_id,
            now=now,
        )  # fmt: skip
        access = xero_access_token(grant, scope=grant.scope, now=now, life_seconds=life)
    else:
        access = f"eyJhbGciOiJkaXIifQ..{secrets.token_urlsafe(420)}"
    refresh = secrets.token_urlsafe(32)
    their_grants.keep_token(store, grant, "access", access, now=now, life_seconds=life)
    their_grants.keep_token(store, grant, "refresh", refresh, now=now, life_seconds=60 * 86_400)
    return TokenSet(access, refresh, timedelta(seconds=life), timedelta(days=60))


def _grant_here(connections: Sequence[Connection], issued: Sequence[TokenSet]) -> None:
    grants = []
    for connection, pair in zip(connections, issued, strict=True):
        where = tokens.place(connection.organization_id, connection.provider_name, connection.pk)
        sealed = tokens.seal_tokens(pair, where)
        lives = tokens.Lifetimes.of(pair)
        grants.append(
            SealedGrant(
                connection=connection, tokens=sealed.record, key_id=sealed.key_id, refreshed_at=database_now(),
                access_expires_at=lives.access, refresh_expires_at=lives.refresh, grant_expires_at=lives.grant,
            )
        )  # fmt: skip
    SealedGrant.objects.bulk_create(grants)


def _map(connections: Sequence[Connection], charts: Sequence[Sequence[Account]], companies: Sequence[Company]) -> None:
    """Every account of ours to one of theirs of its class; only those four of their chart are kept here."""
    rows, mappings = [], []
    for connection, chart, company in zip(connections, charts, companies, strict=True):
        free = their_seed.CHARTS[company.provider, their_seed.LAW_FIRM](company)
        for account, kind in zip(chart, _TARGETS[company.provider], strict=True):
            target = next(each for each in free if _takes(each.body, kind))
            free.remove(target)
            row = ChartAccount(
                connection=connection, remote_id=target.account_id, number=target.number or "", name=target.name,
                kind=kind, classification=Classification(account.type), currency="USD",
            )  # fmt: skip
            rows.append(row)
            mappings.append(AccountMapping(connection=connection, account=account, target=row))
    ChartAccount.objects.bulk_create(rows)
    AccountMapping.objects.bulk_create(mappings)


def _takes(account: dict[str, object], kind: str) -> bool:
    is_of_kind = kind in (account.get("AccountType"), account.get("Type"))
    return is_of_kind and not account.get("SystemAccount") and account.get("Active", True) is True
