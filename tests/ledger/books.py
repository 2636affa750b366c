"""A small law firm's books to test with."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import count

from athenty.organizations.models import Membership, Organization, User
from ledger.models import Account, JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entry

_keys = count(1)

CHART = [
    ("1000", "Operating Bank", "asset", False),
    ("1100", "Trust Bank", "asset", True),
    ("2100", "Client Trust", "liability", True),
    ("4000", "Revenue", "revenue", False),
    ("6100", "Rent", "expense", False),
]


@dataclass
class Books:
    """One firm, its chart by number, and who posts."""

    organization: Organization
    accounts: dict[str, Account]
    owner: User

    def draft(
        self, *lines: tuple[str, str, str], key: str = "", on: date = date(2026, 3, 2), memo: str = ""
    ) -> EntryDraft:
        """Each line is (account number, debit, credit), the empty side as ''."""
        return EntryDraft(
            on=on,
            memo=memo or "Test entry",
            lines=[
                EntryLine(self.accounts[number], Decimal(debit) if debit else None, Decimal(credit) if credit else None)
                for number, debit, credit in lines
            ],
            key=key or f"test-{next(_keys)}",
        )

    def post(self, *lines: tuple[str, str, str], key: str = "", on: date = date(2026, 3, 2)) -> JournalEntry:
        return post_entry(self.organization, self.draft(*lines, key=key, on=on), actor=self.owner)


def open_books(name: str = "Park & Lowe LLP", slug: str = "park-lowe") -> Books:
    organization = Organization.objects.create(name=name, slug=slug, currency="USD", time_zone="America/New_York")
    owner = User.objects.create_user(f"owner@{slug}.test", name="Ada Park")
    Membership.objects.create(user=owner, organization=organization, role="owner")
    accounts = Account.objects.bulk_create(
        Account(organization=organization, number=number, name=name, type=kind, is_trust=is_trust)
        for number, name, kind, is_trust in CHART
    )
    return Books(organization, {account.number: account for account in accounts}, owner)
