"""Bring another system's ledger into the books: all of it, or nothing and a list of every bad row.

The rules (`manage.py help import_ledger` prints this):

- An account is known by its number. One that the chart has already must have the same name and type there.
- An account without a code is the chart's account of that name and type, if there is one. Otherwise it gets the first
  free number of its type: assets from 1900, liabilities from 2900, equity from 3900, revenue from 4900, expenses from
  9000.
- A line of 0.00 moves nothing and the books can't hold it: it is skipped. An entry left without lines is skipped too.
  Both are listed.
- An entry's key is its id in the file, so importing a file again adds nothing.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from ledger import posting
from ledger.import_files import ImportedAccount, ImportedEntry, ImportedLedger, Place, Problem, read_ledger
from ledger.models import Account, JournalEntry
from ledger.posting import EntryDraft, EntryLine

_FIRST_FREE_NUMBER = {
    Account.Type.ASSET: 1900,
    Account.Type.LIABILITY: 2900,
    Account.Type.EQUITY: 3900,
    Account.Type.REVENUE: 4900,
    Account.Type.EXPENSE: 9000,
}


@dataclass(frozen=True)
class ImportReport:
    """What an import did. Totals are those of all entries in the file, also those that were there before."""

    entries: int
    entries_added: int
    accounts_added: int
    lines: int
    debits: Decimal
    credits: Decimal
    numbers_given: dict[str, str] = field(default_factory=dict)
    """The number that each account without a code has, by its name."""
    skipped: list[str] = field(default_factory=list)
    """Each zero line and empty entry, with its place."""


class ImportRefused(Exception):
    """The files have bad rows, and nothing was written. `problems` lists each as `file:line: column: reason`."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = [str(problem) for problem in problems]
        super().__init__("\n".join(self.problems))


@transaction.atomic
def import_ledger(
    path: Path, organization: Organization, *, actor: User | None = None, limit: int | None = None
) -> ImportReport:
    """Post every entry of the ledger at `path`: a folder of three files, or one CSV file (see `import_files`).

    `limit` takes that many entries from the start; None takes all. Raises ImportRefused, and then writes nothing.
    """
    ledger = read_ledger(path)
    posting.hold_postings(organization)
    chart = _Chart(organization)
    accounts = chart.place(list(ledger.accounts.values()))
    entries = [entry for entry in ledger.entries.values() if entry.lines and entry.id not in ledger.broken][:limit]
    drafts, problems = _checked(organization, entries, accounts)
    problems = [*ledger.problems, *chart.problems, *problems]
    if problems:
        raise ImportRefused(sorted(problems))
    chart.save()
    before = JournalEntry.objects.for_organization(organization).count()
    try:
        posting.post_entries(organization, drafts, actor=actor)
    except posting.KeyReused as refusal:
        raise ImportRefused([Problem(Place(path.name, 0), "entry", str(refusal))]) from refusal
    added = JournalEntry.objects.for_organization(organization).count() - before
    report = _report(ledger, drafts, chart, added)
    if added or chart.new:
        _record(organization, path, report, actor)
    return report


class _Chart:
    """The organization's accounts, and those that the import adds to them."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.by_number = {account.number: account for account in Account.objects.for_organization(organization)}
        self.new: list[Account] = []
        self.numbers_given: dict[str, str] = {}
        self.problems: list[Problem] = []

    def place(self, imported: list[ImportedAccount]) -> dict[str, Account]:
        """Our account for each of theirs, by its id in the file. The new ones are not saved yet."""
        accounts = {account.id: self._with_number(account) for account in imported if account.number}
        taken = {account.number for account in imported}
        accounts |= {account.id: self._without_number(account, taken) for account in imported if not account.number}
        return accounts

    def save(self) -> None:
        for account in self.new:
            account.save()

    def _with_number(self, imported: ImportedAccount) -> Account:
        ours = self.by_number.get(imported.number)
        if ours is None:
            return self._add(imported, imported.number)
        if (ours.name.casefold(), ours.type) != (imported.name.casefold(), imported.type):
            reason = (
                f"your chart has {ours} ({ours.type}) under this number; the file has {imported.name} ({imported.type})"
            )
            self.problems.append(Problem(imported.place, "account", reason))
        elif not ours.is_active:
            self.problems.append(Problem(imported.place, "account", f"{ours} is inactive in your chart"))
        return ours

    def _without_number(self, imported: ImportedAccount, taken: set[str]) -> Account:
        ours = next(
            (ours for ours in self.by_number.values() if (ours.name, ours.type) == (imported.name, imported.type)), None
        )
        if ours is None:
            number = _FIRST_FREE_NUMBER[imported.type]
            while str(number) in taken or str(number) in self.by_number:
                number += 1
            ours = self._add(imported, str(number))
        self.numbers_given[imported.name] = ours.number
        return ours

    def _add(self, imported: ImportedAccount, number: str) -> Account:
        account = Account(organization=self.organization, number=number, name=imported.name, type=imported.type)
        self.by_number[number] = account
        self.new.append(account)
        return account


def _checked(
    organization: Organization, entries: list[ImportedEntry], accounts: dict[str, Account]
) -> tuple[list[EntryDraft], list[Problem]]:
    """A draft per entry that has lines, and what the books would refuse."""
    drafts, problems = [], []
    for entry in entries:
        lines = [EntryLine(accounts[line.account], line.debit, line.credit, line.description) for line in entry.lines]
        draft = EntryDraft(
            on=entry.on, memo=entry.memo, reference=entry.reference, lines=lines, key=f"import:{entry.id}"
        )
        try:
            posting.check_draft(organization, draft)
        except posting.PostingRefused as refusal:
            problems.append(Problem(entry.place, "entry", f"{entry.id}: {refusal}"))
        drafts.append(draft)
    return drafts, problems


def _report(ledger: ImportedLedger, drafts: list[EntryDraft], chart: _Chart, added: int) -> ImportReport:
    lines = [line for draft in drafts for line in draft.lines]
    return ImportReport(
        entries=len(drafts),
        entries_added=added,
        accounts_added=len(chart.new),
        lines=len(lines),
        debits=sum((line.debit for line in lines if line.debit), Decimal("0.00")),
        credits=sum((line.credit for line in lines if line.credit), Decimal("0.00")),
        numbers_given=chart.numbers_given,
        skipped=[str(skipped) for skipped in ledger.skipped],
    )


def _record(organization: Organization, path: Path, report: ImportReport, actor: User | None) -> None:
    recording.record(
        Action.LEDGER_IMPORTED,
        organization,
        actor=actor,
        obj=path.name,
        data={
            "entries": report.entries_added,
            "accounts": report.accounts_added,
            "debits": f"{report.debits:.2f}",
            "currency": organization.currency,
        },
    )
