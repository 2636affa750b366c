"""What scenes are made of: connections with charts, and entries sent, refused or left in doubt."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from athenty.organizations.models import Organization
from integrations.mirror import deliveries, queue, schedule
from integrations.models import AccountMapping, Attempt, ChartAccount, Connection, Delivery, DeliveryItem, QueueRow
from integrations.providers.base import Cause
from ledger.models import JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entries

# Athenty's number: the provider's id, number, name, type and class, and what may speak against it.
_CHARTS = {
    "quickbooks": {
        "1000": ("35", "1010", "Operating Checking", "Bank", "asset"),
        "1100": ("36", "1020", "IOLTA Trust Account", "Bank", "asset"),
        "1300": ("37", "1310", "Client Costs Advanced", "Other Current Assets", "asset"),
        "2100": ("38", "2100", "Trust Liability", "Other Current Liabilities", "liability"),
        "2300": ("39", "2310", "Payroll Liabilities", "Other Current Liabilities", "liability"),
        "3000": ("40", "3000", "Partner Capital", "Equity", "equity"),
        "4000": ("41", "4000", "Legal Fees Earned", "Income", "revenue"),
        "5000": ("42", "6000", "Wages", "Expenses", "expense"),
        "5100": ("43", "6100", "Rent", "Expenses", "expense"),
        "5200": ("44", "6200", "Research and Subscriptions", "Expenses", "expense"),
        "5300": ("45", "6300", "Bank Charges", "Expenses", "expense"),
    },
    "xero": {
        "1000": ("x35", "1050", "Operating clearing", "Current Asset", "asset"),
        "1100": ("x36", "1150", "Trust clearing", "Current Asset", "asset"),
        "1300": ("x37", "630", "Disbursements recoverable", "Current Asset", "asset"),
        "2100": ("x38", "820", "Client funds held in trust", "Current Liability", "liability"),
        "2300": ("x39", "825", "PAYE and payroll", "Current Liability", "liability"),
        "3000": ("x40", "970", "Owner A funds introduced", "Equity", "equity"),
        "4000": ("x41", "200", "Professional fees", "Revenue", "revenue"),
        "5000": ("x42", "477", "Salaries", "Expense", "expense"),
        "5100": ("x43", "469", "Rent", "Expense", "expense"),
        "5200": ("x44", "485", "Subscriptions", "Expense", "expense"),
        "5300": ("x45", "404", "Bank Fees", "Expense", "expense"),
    },
}
_REFUSED = {
    "quickbooks": [("84", "1200", "Accounts Receivable (A/R)", "Accounts receivable (A/R)", "asset", "needs_name")],
    "xero": [
        ("b1", "090", "Business Bank Account", "Bank", "asset", "bank"),
        ("b2", "610", "Accounts Receivable", "Current Asset", "asset", "system"),
    ],
}


def connect(firm: Organization, provider_name: str = "quickbooks", *, unmapped: int = 0, **fields: Any) -> Connection:
    """Connected three days ago, started with the firm's first entry; all but the last `unmapped` accounts mapped."""
    now = timezone.now()
    connection = Connection.objects.create(
        organization=firm,
        provider_name=provider_name,
        **{
            "company_id": f"{provider_name}-books",
            "company_name": firm.name,
            "home_currency": "USD",
            "status_changed_at": now - timedelta(days=3),
            "connected_at": now - timedelta(days=3),
            "chart_read_at": now - timedelta(minutes=10),
            "chart_due_at": now + timedelta(days=1),
            "mirror_from": firm.journal_entries.earliest("date").date,
            "refuses_duplicate_numbers": provider_name == "quickbooks",
            "last_sync_at": now - timedelta(minutes=4),
            **fields,
        },
    )
    if connection.chart_read_at:
        _read_chart(connection, unmapped)
    if connection.mirror_from:
        queue.backfill(connection)
    return connection


def _read_chart(connection: Connection, unmapped: int) -> None:
    charted = _CHARTS[connection.provider_name]
    targets = ChartAccount.objects.bulk_create(
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
        for remote_id, number, name, kind, classification, refusal in [
            *((*row, "") for row in charted.values()),
            *_REFUSED[connection.provider_name],
        ]
    )
    accounts = {account.number: account for account in connection.organization.accounts.all()}
    pairs = list(zip(charted, targets, strict=False))
    AccountMapping.objects.bulk_create(
        AccountMapping(connection=connection, account=accounts[number], target=target, is_required=True)
        for number, target in pairs[: len(pairs) - unmapped]
    )


def send(
    connection: Connection, number: int | None = None, *, minutes_ago: float = 4, minutes_apart: float = 17
) -> list[QueueRow]:
    """So many of the waiting entries, all by default, went in deliveries of one each and were accepted, the last one
    `minutes_ago`."""
    rows = list(connection.queue.waiting().select_related("entry", "connection").order_by("pk")[:number])
    for index, row in enumerate(reversed(rows)):
        at = timezone.now() - timedelta(minutes=minutes_ago + index * minutes_apart)
        row.remote_id = str(300 + row.entry.number)
        row.state, row.sent_at, row.changed_at = QueueRow.State.SENT, at, at
    deliver(rows, "answered")
    # As bulk_update does, which for so many rows spends longer on writing its statement than all else here takes.
    changed = ["remote_id", "state", "sent_at", "changed_at"]
    QueueRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=changed)
    return rows


def deliver(rows: list[QueueRow], outcome: str, **said: Any) -> None:
    """A delivery for each of these entries of a connection, at the time its row last changed, and its one attempt with
    what came of it."""
    connection = rows[0].connection
    mappings = connection.mappings.select_related("target")
    targets = {str(mapping.account_id): mapping.target.remote_id for mapping in mappings if mapping.target}
    made = Delivery.objects.bulk_create(
        Delivery(
            connection=connection,
            state=Delivery.State.SETTLED,
            idempotency_key=f"{connection.provider_name}-{row.entry.number}",
            body=b"{}",
            sealed_at=row.changed_at,
            first_sent_at=row.changed_at,
            settled_at=row.changed_at,
            attempts=1,
            next_attempt_at=timezone.now() + timedelta(minutes=2),
        )
        for row in rows
    )
    DeliveryItem.objects.bulk_create(
        DeliveryItem(
            delivery=delivery,
            row=row,
            position=0,
            item_id="1",
            reference=deliveries.reference(connection, row.entry),
            targets=targets,
        )
        for delivery, row in zip(made, rows, strict=True)
    )
    Attempt.objects.bulk_create(
        Attempt(
            delivery=delivery,
            started_at=delivery.sealed_at,
            finished_at=delivery.sealed_at + timedelta(seconds=0.7),
            outcome=outcome,
            **{"http_status": 200, "request_id": "1-67e1-5b0ad5c14a27", **said},
        )
        for delivery in made
    )


_WORDS = {
    Cause.PERIOD: ("6210", "Account Period Closed, Cannot Update Through Services"),
    Cause.ACCOUNT: ("610", "Object Not Found : Something you're trying to use has been made inactive. Rent"),
}


def refuse(connection: Connection, number: int = 1, cause: Cause = Cause.PERIOD) -> list[QueueRow]:
    """So many of the waiting entries were refused, with the provider's own words."""
    code, words = _WORDS[cause]
    rows = list(connection.queue.waiting().select_related("entry", "connection").order_by("-pk")[:number])
    for row in rows:
        row.state, row.cause = QueueRow.State.NEEDS_ATTENTION, cause
        row.provider_code, row.provider_message = code, words
        row.blamed_account_id = "43" if cause == Cause.ACCOUNT else ""
        row.changed_at = timezone.now() - timedelta(minutes=4)
        row.save()
    deliver(rows, "answered", provider_code=code, provider_message=words)
    return rows


def leave_unconfirmed(connection: Connection) -> QueueRow:
    """The newest waiting entry was sent, and nobody ever said what became of it."""
    row = connection.queue.waiting().select_related("entry", "connection").order_by("-pk")[0]
    row.changed_at = timezone.now() - timedelta(minutes=9)
    deliver([row], "OutcomeUnknown", http_status=None, request_id="")
    row.state, row.changed_at = QueueRow.State.UNCONFIRMED, timezone.now() - timedelta(minutes=3)
    row.save()
    return row


def switch(firm: Organization, mode: str) -> None:
    schedule.set_mode(firm, mode, actor=firm.memberships.get(role="owner").user)


def settled(firm: Organization, provider_name: str = "quickbooks", **fields: Any) -> Connection:
    """Everything was sent."""
    connection = connect(firm, provider_name, **fields)
    send(connection)
    return connection


def post(firm: Organization, memo: str, amount: str) -> JournalEntry:
    bank, client = (firm.accounts.get(number=number) for number in ("1100", "2100"))
    lines = [EntryLine(bank, Decimal(amount), None), EntryLine(client, None, Decimal(amount))]
    draft = EntryDraft(on=firm.journal_entries.latest("date").date, memo=memo, lines=lines, key=memo)
    return post_entries(firm, [draft], actor=firm.memberships.get(role="owner").user)[0]
