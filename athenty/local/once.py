"""The unattended proof: a firm's real ledger, mirrored into both providers through the same HTTP that an owner uses."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from athenty.local import demo_firm, proof
from athenty.local.sandbox_control import SandboxControl
from athenty.local.walk import Walk
from athenty.organizations.models import Membership, Organization
from integrations.models import ChartAccount, Connection
from integrations.providers import PROVIDERS
from ledger.import_files import read_ledger
from ledger.importing import import_ledger
from ledger.models import Account, JournalEntry

COMPANY = "Park & Lowe LLP"
_OWNER = "owner@proof.test"
_STALLED_AFTER_SECONDS = 240
# What the sandbox is asked to add for an account of ours that its chart has no free target for, in its own words.
_QUICKBOOKS_TYPES = {
    Account.Type.ASSET: ("Other Current Asset", "OtherCurrentAssets"),
    Account.Type.LIABILITY: ("Other Current Liability", "OtherCurrentLiabilities"),
    Account.Type.EQUITY: ("Equity", "PartnersEquity"),
    Account.Type.REVENUE: ("Income", "ServiceFeeIncome"),
    Account.Type.EXPENSE: ("Expense", "OtherMiscellaneousServiceCost"),
}
_XERO_TYPES = {
    Account.Type.ASSET: "CURRENT",
    Account.Type.LIABILITY: "CURRLIAB",
    Account.Type.EQUITY: "EQUITY",
    Account.Type.REVENUE: "REVENUE",
    Account.Type.EXPENSE: "EXPENSE",
}


class UnknownAccount(Exception):
    """The account to have refused is not in the ledger."""


@dataclass(frozen=True)
class Request:
    """What to mirror: the ledger, how many of its entries (None: all), and an account number to have refused."""

    ledger: Path
    entries: int | None = None
    refuse: str | None = None


def run(request: Request, *, site_url: str, sandbox_url: str, say: Callable[[str], None]) -> proof.Proof:
    """Raises what `import_ledger` raises on a bad ledger, UnknownAccount, and WalkFailed when a page fails its part."""
    began = time.monotonic()
    firm = Organization.objects.create(name=COMPANY, slug="proof", currency="USD", time_zone="UTC")
    owner = demo_firm.add_person(firm, _OWNER, "Ada Park", Membership.Role.OWNER)
    sandbox, walk = SandboxControl(sandbox_url), Walk(site_url)

    # Before the long part, so that a bad ledger or a mistyped account is told at once.
    report = import_ledger(request.ledger, firm, actor=owner, limit=0)
    if request.refuse and not Account.objects.for_organization(firm).filter(number=request.refuse).exists():
        raise UnknownAccount(f"--refuse {request.refuse}: the ledger {request.ledger} has no account of that number.")
    say("Signing in and connecting QuickBooks Online and Xero …")
    walk.sign_in(_OWNER, demo_firm.PASSWORD)
    for name in PROVIDERS:
        walk.connect(name, COMPANY)
    entries = read_ledger(request.ledger).entries.values()
    first_day = min((entry.on for entry in entries), default=timezone.localdate())
    for connection in _connections(firm):
        walk.choose_start(connection.provider_name, str(connection.pk), first_day)
    say(f"Mapping the {report.accounts_added} accounts of the ledger …")
    for connection in _connections(firm):
        _map_every_account(walk, sandbox, connection)
        if request.refuse:
            _refuse(sandbox, connection, request.refuse)

    say("Importing its entries …")
    report = import_ledger(request.ledger, firm, actor=owner, limit=request.entries)
    say(f"Mirroring {report.entries_added} entries, {report.debits:,} {firm.currency}, Live …")
    _wait_until_mirrored(firm, say)
    return proof.compare(firm, sandbox, seconds=time.monotonic() - began)


def _connections(firm: Organization) -> list[Connection]:
    return list(Connection.objects.for_organization(firm).current().order_by("provider_name"))


def _map_every_account(walk: Walk, sandbox: SandboxControl, connection: Connection) -> None:
    """Each account to a target of its own, so that the books can be compared account by account."""
    _await_chart(connection)
    free = {row.remote_id: row for row in connection.chart.eligible()}
    chosen: dict[str, str] = {}
    lacking = []
    for account in Account.objects.for_organization(connection.organization):
        if target := _free_target(account, free):
            chosen[account.number] = free.pop(target.remote_id).remote_id
        else:
            lacking.append(account)
    wanted = [_as_remote(connection, account) for account in lacking]
    added = sandbox.add_accounts(connection.provider_name, connection.company_id, wanted) if wanted else []
    for account, remote in zip(lacking, added, strict=True):
        chosen[account.number] = str(remote.get("Id") or remote["AccountID"])
    if added:
        walk.refresh_chart(str(connection.pk))
        _await_chart(connection, holding=set(chosen.values()))
    names = {row.remote_id: str(row) for row in connection.chart.all()}
    walk.map_accounts(str(connection.pk), {number: names[remote_id] for number, remote_id in chosen.items()})


def _free_target(account: Account, free: dict[str, ChartAccount]) -> ChartAccount | None:
    """A target nobody has yet, of the account's class and name."""
    for row in free.values():
        if row.classification == account.type and row.name.casefold() == account.name.casefold():
            return row
    return None


def _as_remote(connection: Connection, account: Account) -> dict[str, str]:
    name = re.sub(r'[":]', " ", f"{account.name} (Athenty {account.number})")[:100]
    if connection.provider_name == "quickbooks":
        kind, detail = _QUICKBOOKS_TYPES[Account.Type(account.type)]
        return {"Name": name, "AccountType": kind, "AccountSubType": detail}
    return {"Name": name, "Code": f"A{account.number}"[:10], "Type": _XERO_TYPES[Account.Type(account.type)]}


def _await_chart(connection: Connection, holding: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        listed = set(connection.chart.values_list("remote_id", flat=True))
        if listed and holding <= listed:
            return
        time.sleep(0.2)
    connection.refresh_from_db()
    raise TimeoutError(f"{connection}: the chart of accounts was not read. {connection.chart_error}")


def _refuse(sandbox: SandboxControl, connection: Connection, number: str) -> None:
    target = ChartAccount.objects.get(connection=connection, mappings__account__number=number)
    sandbox.refuse_account(connection.provider_name, connection.company_id, target.remote_id)


def _wait_until_mirrored(firm: Organization, say: Callable[[str], None]) -> None:
    """Until nothing waits any more, or nothing has moved for so long that nothing will."""
    posted = JournalEntry.objects.filter(organization=firm, posted_at__isnull=False).count()
    shown, last, moved_at = "", -1, time.monotonic()
    while time.monotonic() - moved_at < _STALLED_AFTER_SECONDS:
        open_rows = {c: c.queue.under_way().count() for c in _connections(firm)}
        left = sum(open_rows.values())
        if left != last:
            last, moved_at = left, time.monotonic()
        progress = "   ".join(f"{c.provider.name} {posted - rows} of {posted}" for c, rows in open_rows.items())
        if progress != shown:
            say(f"  {progress}")
            shown = progress
        if not left:
            return
        time.sleep(0.5)
