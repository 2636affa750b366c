"""The demo's law firms: people, a PC-Law-style chart, and some weeks of believable trust and fee entries."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction

from athenty.organizations.models import Membership, Organization, User
from ledger.models import Account
from ledger.posting import EntryDraft, EntryLine, post_entries

PASSWORD = "athenty-demo"  # noqa: S105  known to everyone, and the local profile's alone

_ASSET, _LIABILITY, _EQUITY = Account.Type.ASSET, Account.Type.LIABILITY, Account.Type.EQUITY
_REVENUE, _EXPENSE = Account.Type.REVENUE, Account.Type.EXPENSE

# Number, name, type, holds client money, must be mapped whether used or not.
_CHART = [
    ("1000", "Operating Bank", _ASSET, False, True),
    ("1100", "Trust Bank", _ASSET, True, True),
    ("1200", "Accounts Receivable", _ASSET, False, False),
    ("1300", "Client Disbursements Recoverable", _ASSET, False, False),
    ("1500", "Office Equipment", _ASSET, False, False),
    ("2000", "Accounts Payable", _LIABILITY, False, False),
    ("2100", "Client Trust", _LIABILITY, True, True),
    ("2300", "Payroll Liabilities", _LIABILITY, False, False),
    ("3000", "Partners' Capital", _EQUITY, False, False),
    ("4000", "Revenue", _REVENUE, False, True),
    ("4100", "Disbursements Recovered", _REVENUE, False, False),
    ("5000", "Salaries", _EXPENSE, False, False),
    ("5100", "Rent", _EXPENSE, False, False),
    ("5200", "Legal Research", _EXPENSE, False, False),
    ("5300", "Bank Charges", _EXPENSE, False, False),
    ("6010", "Continuing Legal Education", _EXPENSE, False, False),
]
_MATTERS = [
    ("Lowe v. Hart", "5000.00"),
    ("Estate of M. Okafor", "12500.00"),
    ("Bay Street Lease", "3200.00"),
    ("Ruiz Adoption", "1850.00"),
    ("Nguyen Incorporation", "2400.00"),
    ("Carter Closing", "86250.40"),
]
_WEEKS = 6


@transaction.atomic
def seed(today: date) -> bool:
    """Make both firms, their people and their books. False when they are there already; nothing is changed then."""
    if Organization.objects.filter(slug="park-lowe").exists():
        return False
    firm = Organization.objects.create(
        name="Park & Lowe LLP", slug="park-lowe", currency="USD", time_zone="America/Toronto"
    )
    owner = add_person(firm, "owner@demo.test", "Ada Park", Membership.Role.OWNER)
    add_person(firm, "admin@demo.test", "Ben Lowe", Membership.Role.ADMIN)
    add_person(firm, "member@demo.test", "Mia Chen", Membership.Role.MEMBER)
    add_person(firm, "viewer@demo.test", "Vik Rao", Membership.Role.VIEWER)
    accounts = _open_accounts(firm)
    post_entries(firm, list(_entries(accounts, today)), actor=owner)

    other = Organization.objects.create(
        name="Other & Sons LLP", slug="other-sons", currency="USD", time_zone="America/Toronto"
    )
    other_owner = add_person(other, "owner@other.test", "Olu Other", Membership.Role.OWNER)
    other_accounts = _open_accounts(other)
    post_entries(other, list(_entries(other_accounts, today))[:5], actor=other_owner)

    User.objects.create_user("ops@demo.test", PASSWORD, name="Oda Ops", is_staff=True)
    return True


def add_person(firm: Organization, email: str, name: str, role: Membership.Role) -> User:
    person = User.objects.create_user(email, PASSWORD, name=name)
    Membership.objects.create(organization=firm, user=person, role=role)
    return person


def _open_accounts(firm: Organization) -> dict[str, Account]:
    chart = [
        Account(organization=firm, number=number, name=name, type=kind, is_trust=is_trust, is_core=is_core)
        for number, name, kind, is_trust, is_core in _CHART
    ]
    return {account.number: account for account in Account.objects.bulk_create(chart)}


def _entries(accounts: dict[str, Account], today: date) -> Iterator[EntryDraft]:
    """Oldest first, so that numbers and dates run alike."""
    first_monday = today - timedelta(days=today.weekday(), weeks=_WEEKS)
    books = _Books(accounts)
    yield books.entry(first_monday, "Opening capital", [("1000", "60000.00")], [("3000", "60000.00")])
    for week in range(_WEEKS):
        monday = first_monday + timedelta(weeks=week)
        for day, (matter, retainer) in enumerate(_MATTERS[week % 3 :: 3]):
            yield from books.matter(monday + timedelta(days=day), matter, Decimal(retainer))
        friday = monday + timedelta(days=4)
        yield books.entry(friday, "Salaries", [("5000", "4180.00")], [("2300", "980.00"), ("1000", "3200.00")])
        yield books.entry(friday, "Research database", [("5200", "189.90")], [("1000", "189.90")])
        if week % 4 == 0:
            yield books.entry(friday, "Rent", [("5100", "3200.00")], [("1000", "3200.00")])
            yield books.entry(friday, "Bank charges, trust account", [("5300", "12.50")], [("1000", "12.50")])


class _Books:
    """Composes the firm's entries, numbering their keys so that seeding twice could post nothing twice."""

    def __init__(self, accounts: dict[str, Account]) -> None:
        self._accounts = accounts
        self._count = 0

    def matter(self, on: date, matter: str, retainer: Decimal) -> Iterator[EntryDraft]:
        """Money comes into trust, a filing fee is paid for the client, half is billed, leaves trust and is earned."""
        amount, fee = str(retainer), str((retainer / 2).quantize(Decimal("0.01")))
        yield self.entry(on, f"{matter}: retainer received in trust", [("1100", amount)], [("2100", amount)])
        yield self.entry(on, f"{matter}: filing fee paid", [("1300", "47.25")], [("1000", "47.25")])
        yield self.entry(on, f"{matter}: fees billed, paid from trust", [("2100", fee)], [("1100", fee)])
        yield self.entry(on, f"{matter}: fees earned", [("1000", fee)], [("4000", fee)])

    def entry(self, on: date, memo: str, debits: list[tuple[str, str]], credits: list[tuple[str, str]]) -> EntryDraft:
        self._count += 1
        lines = [EntryLine(self._accounts[number], Decimal(amount), None) for number, amount in debits]
        lines += [EntryLine(self._accounts[number], None, Decimal(amount)) for number, amount in credits]
        return EntryDraft(on=on, memo=memo, lines=lines, key=f"demo-{self._count}")
