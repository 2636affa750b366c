from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from athenty.organizations.models import Organization
from ledger import importing
from ledger.import_files import ONE_FILE_COLUMNS
from ledger.models import Account


class _AsWritten(RawDescriptionHelpFormatter):
    """Keeps the line breaks of the rules."""


class Command(BaseCommand):
    help = f"""{importing.__doc__}
A folder holds accounts.csv, journals.csv and journal_lines.csv in the shape of an export of Xero's journals, where a
positive net_amount is a debit. One file has a row per line and these columns: {", ".join(ONE_FILE_COLUMNS)}.
Files are UTF-8, dates 2026-03-31, amounts 1234.50, account types {", ".join(Account.Type.values)}.
"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=_AsWritten, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="a folder with the three files, or one CSV file")
        parser.add_argument("--organization", required=True, metavar="SLUG", help="whose books to import into")
        parser.add_argument("--entries", type=_count, metavar="N", help="take the first N entries only")

    def handle(self, *args: Any, path: Path, organization: str, entries: int | None, **options: Any) -> None:
        try:
            books = Organization.objects.get(slug=organization)
        except Organization.DoesNotExist:
            raise CommandError(f"--organization: no organization has the slug {organization!r}.") from None
        try:
            report = importing.import_ledger(path, books, limit=entries)
        except importing.ImportRefused as refusal:
            for problem in refusal.problems:
                self.stderr.write(problem)
            raise CommandError(f"Nothing was imported: {len(refusal.problems)} problem(s), listed above.") from None
        self._print(report, books)

    def _print(self, report: importing.ImportReport, books: Organization) -> None:
        for skipped in report.skipped:
            self.stdout.write(f"Skipped: {skipped}")
        for name, number in report.numbers_given.items():
            self.stdout.write(f"Account without a code: {name} is number {number}")
        self.stdout.write(f"Accounts added  {report.accounts_added:>18,}")
        self.stdout.write(f"Entries         {report.entries:>18,}  ({report.entries_added:,} added)")
        self.stdout.write(f"Lines           {report.lines:>18,}")
        self.stdout.write(f"Debits          {report.debits:>18,.2f}  {books.currency}")
        self.stdout.write(f"Credits         {report.credits:>18,.2f}  {books.currency}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a count of entries such as 200")
    return int(text)
