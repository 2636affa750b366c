"""A firm with people, books and connections in any state, written straight to the database: the pages only show it."""

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from athenty.organizations.models import Membership, Organization, User
from integrations.mirror import queue
from integrations.models import AccountMapping, ChartAccount, Connection, QueueRow
from integrations.providers.base import Cause
from ledger.models import Account, JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entries

START = date(2025, 10, 1)
CHARTS = {
    "quickbooks": [
        # remote id, number, name, kind, classification, refusal
        ("42", "1000", "Operating Cash", "Bank", "asset", ""),
        ("47", "1100", "Trust Account", "Bank", "asset", ""),
        ("81", "2100", "Trust Liab", "Other Current Liability", "liability", ""),
        ("12", "4000", "Sales", "Income", "revenue", ""),
        ("61", "6000", "Rent", "Expense", "expense", ""),
        ("84", "1200", "Accounts Receivable", "Accounts Receivable", "asset", "needs_name"),
    ],
    "xero": [
        ("c1", "1050", "Operating clearing", "Current Asset", "asset", ""),
        ("c2", "1150", "Trust clearing", "Current Asset", "asset", ""),
        ("c3", "2100", "Client funds held", "Current Liability", "liability", ""),
        ("c4", "200", "Sales", "Revenue", "revenue", ""),
        ("c5", "469", "Rent", "Expense", "expense", ""),
        ("b1", "090", "Business Bank Account", "Bank", "asset", "bank"),
    ],
}
_ACCOUNTS = [
    ("1000", "Operating Bank", "asset", False, True),
    ("1100", "Trust Bank", "asset", True, True),
    ("2100", "Client Trust", "liability", True, True),
    ("4000", "Revenue", "revenue", False, True),
    ("6000", "Rent", "expense", False, False),
]
_TARGETS = {
    "quickbooks": {"1000": "42", "1100": "47", "2100": "81", "4000": "12"},
    "xero": {"1000": "c1", "1100": "c2", "2100": "c3", "4000": "c4"},
}


def make_firm(name: str = "Park & Lowe LLP", *, slug: str = "park-lowe") -> Organization:
    organization = Organization.objects.create(name=name, slug=slug, time_zone="America/New_York")
    Account.objects.bulk_create(
        Account(
            organization=organization, number=number, name=account_name, type=kind, is_trust=is_trust, is_core=is_core
        )
        for number, account_name, kind, is_trust, is_core in _ACCOUNTS
    )
    return organization


def make_person(organization: Organization, role: str, name: str = "") -> User:
    email = f"{role}@{organization.slug}.test"
    # Without a password, whose hashing would be most of these tests' time: browsers are signed in without one.
    person = User.objects.create_user(email, name=name or f"{role.title()} Person")
    Membership.objects.create(user=person, organization=organization, role=role)
    return person


def post(organization: Organization, number: int = 1, *, on: date = date(2025, 11, 3)) -> list[JournalEntry]:
    """Post so many retainers of 1,250.00, each from trust bank to client trust."""
    bank, client = (organization.accounts.get(number=account) for account in ("1100", "2100"))
    amount, before = Decimal("1250.00"), organization.journal_entries.count()
    drafts = [
        EntryDraft(
            on=on,
            memo="Lowe v. Hart – retainer",
            lines=[EntryLine(bank, amount, None), EntryLine(client, None, amount)],
            key=f"retainer-{before + index}",
        )
        for index in range(number)
    ]
    return post_entries(organization, drafts, actor=None)


def make_connection(
    organization: Organization,
    provider_name: str = "quickbooks",
    *,
    company: str = "Park & Lowe LLP",
    company_id: str = "",
    started: bool = True,
    mapped: bool = True,
    chart: bool = True,
    **fields: object,
) -> Connection:
    now = timezone.now()
    if started:
        fields["mirror_from"] = START
    connection = Connection.objects.create(
        organization=organization,
        provider_name=provider_name,
        company_id=company_id or f"books of {organization.slug}",
        company_name=company,
        home_currency="USD",
        **{"status_changed_at": now, "connected_at": now - timedelta(days=3), **fields},
    )
    if chart:
        add_chart(connection)
    if started:
        queue.backfill(connection)
    if mapped and chart:
        map_accounts(connection)
    return connection


def add_chart(connection: Connection) -> None:
    ChartAccount.objects.bulk_create(
        ChartAccount(
            connection=connection,
            remote_id=remote_id,
            number=number,
            name=name,
            kind=kind,
            classification=classification,
            currency="USD",
            refusal=refusal,
        )
        for remote_id, number, name, kind, classification, refusal in CHARTS[connection.provider_name]
    )
    connection.chart_read_at = timezone.now()
    connection.chart_due_at = timezone.now() + timedelta(days=1)
    connection.save(update_fields=["chart_read_at", "chart_due_at"])


def target(connection: Connection, remote_id: str) -> ChartAccount:
    return connection.chart.get(remote_id=remote_id)


def account(organization: Organization, number: str) -> Account:
    return organization.accounts.get(number=number)


def map_accounts(connection: Connection) -> None:
    chosen = _TARGETS[connection.provider_name]
    targets = {row.remote_id: row for row in connection.chart.all()}
    AccountMapping.objects.bulk_create(
        [
            AccountMapping(
                connection=connection, account=account, target=targets[chosen[account.number]], is_required=False
            )
            for account in connection.organization.accounts.filter(number__in=chosen)
        ],
        update_conflicts=True,
        unique_fields=["connection", "account"],
        update_fields=["target"],
    )


def park(connection: Connection, number: int = 1, cause: Cause = Cause.ACCOUNT, **fields: object) -> list[QueueRow]:
    """Set so many of the waiting rows aside, as the provider's refusal does."""
    rows = list(connection.queue.waiting().order_by("pk")[:number])
    details = {"provider_code": "2500", "provider_message": "Invalid Reference Id : Accounts element id 61 not found"}
    ids = [row.pk for row in rows]
    connection.queue.filter(pk__in=ids).update(state="needs_attention", cause=cause, **{**details, **fields})
    return rows


def mark_sent(connection: Connection, number: int) -> None:
    ids = list(connection.queue.waiting().order_by("pk").values_list("pk", flat=True)[:number])
    connection.queue.filter(pk__in=ids).update(state="sent", sent_at=timezone.now())
    Connection.objects.filter(pk=connection.pk).update(last_sync_at=timezone.now())
