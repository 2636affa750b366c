"""Read a ledger from files, noting every bad row instead of stopping at the first.

Two shapes. A folder with `accounts.csv`, `journals.csv` and `journal_lines.csv`, as Xero's journals are commonly
exported (net_amount: positive is a debit). Or one CSV file with the columns of `ONE_FILE_COLUMNS`, a row per line.
UTF-8, with or without a byte order mark. Dates are 2026-03-31, amounts 1234.50.
"""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from ledger.models import LONGEST_ACCOUNT_NAME, LONGEST_DESCRIPTION, LONGEST_REFERENCE, Account

ONE_FILE_COLUMNS = ("date", "entry", "account", "account name", "account type", "debit", "credit", "description")
_ACCOUNT_COLUMNS = ("account_id", "name", "code", "class")
_JOURNAL_COLUMNS = ("journal_id", "journal_date", "journal_number", "reference", "source_type")
_LINE_COLUMNS = ("journal_id", "account_id", "description", "net_amount")
_LONGEST_ENTRY_ID = 150


@dataclass(frozen=True, order=True)
class Place:
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong with one row, or why it was skipped."""

    place: Place
    column: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.column}: {self.reason}"


@dataclass(frozen=True)
class ImportedAccount:
    """`id` names it within the files. `number` is empty when it has no code there."""

    id: str
    number: str
    name: str
    type: Account.Type
    place: Place


@dataclass(frozen=True)
class ImportedLine:
    """`account` is an ImportedAccount's id. Exactly one side is positive."""

    account: str
    debit: Decimal | None
    credit: Decimal | None
    description: str


@dataclass
class ImportedEntry:
    id: str
    on: date
    memo: str
    reference: str
    place: Place
    lines: list[ImportedLine] = field(default_factory=list)


@dataclass
class ImportedLedger:
    accounts: dict[str, ImportedAccount] = field(default_factory=dict)
    entries: dict[str, ImportedEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """The ids of accounts and entries with a bad row: what else seems wrong with them may only follow from that."""


class BadCell(Exception):
    """What a cell holds can't be taken: the column, and the reason."""


@dataclass(frozen=True)
class Row:
    """One row of a file, by column. Each method takes one cell and raises BadCell."""

    place: Place
    cells: dict[str, str]

    def text(self, column: str, *, longest: int | None = None) -> str:
        text = self.cells[column].strip()
        if "\0" in text:
            raise BadCell(column, "it holds a character that can't be kept (NUL)")
        if longest and len(text) > longest:
            raise BadCell(column, f"it is {len(text)} characters long; at most {longest} can be kept")
        return text

    def required(self, column: str, *, longest: int | None = None) -> str:
        text = self.text(column, longest=longest)
        if not text:
            raise BadCell(column, "it is empty")
        return text

    def day(self, column: str) -> date:
        text = self.required(column)
        try:
            # fromisoformat alone takes other spellings too, such as 20260331.
            return date.fromisoformat(text if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else "")
        except ValueError:
            raise BadCell(column, f"{text!r} is not a date such as 2026-03-31") from None

    def amount(self, column: str, *, signed: bool = False) -> Decimal | None:
        """None when the cell is empty."""
        text = self.text(column)
        if not text:
            return None
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
            raise BadCell(column, f"{text!r} is not an amount such as 1234.50")
        if len(text.partition(".")[2]) > 2:
            raise BadCell(column, f"{text} has more than two decimals; the books hold cents")
        if text.startswith("-") and not signed:
            raise BadCell(column, f"{text} is negative; put it in the other column")
        return Decimal(text)

    def account_number(self, column: str) -> str:
        """Empty when the account has none."""
        text = self.text(column)
        if text and not re.fullmatch(r"[0-9]{1,12}", text):
            raise BadCell(column, f"{text!r} is not an account number: up to 12 digits and nothing else")
        return text

    def account_type(self, column: str) -> Account.Type:
        text = self.required(column)
        try:
            return Account.Type(text.lower())
        except ValueError:
            known = ", ".join(Account.Type.values)
            raise BadCell(column, f"{text!r} is not an account type; it should be one of: {known}") from None


def read_ledger(path: Path) -> ImportedLedger:
    """The ledger in a folder of three files, or in one file. What can't be read is in its `problems`."""
    ledger = ImportedLedger()
    if path.is_dir():
        _read_three_files(path, ledger)
    else:
        _read_one_file(path, ledger)
    for entry in ledger.entries.values():
        if not entry.lines and not ledger.problems:
            ledger.skipped.append(Problem(entry.place, "entry", f"{entry.id} has no lines that move anything; skipped"))
    return ledger


def _read_three_files(folder: Path, ledger: ImportedLedger) -> None:
    for row in _rows(folder / "accounts.csv", _ACCOUNT_COLUMNS, ledger.problems):
        with _noting(ledger, row, "account_id"):
            account = ImportedAccount(
                id=row.required("account_id"),
                number=row.account_number("code"),
                name=row.required("name", longest=LONGEST_ACCOUNT_NAME),
                type=row.account_type("class"),
                place=row.place,
            )
            _add_account(ledger, account, "account_id", "code")
    for row in _rows(folder / "journals.csv", _JOURNAL_COLUMNS, ledger.problems):
        with _noting(ledger, row, "journal_id"):
            _add_journal(ledger, row)
    for row in _rows(folder / "journal_lines.csv", _LINE_COLUMNS, ledger.problems):
        with _noting(ledger, row, "journal_id"):
            _add_journal_line(ledger, row)


def _add_account(ledger: ImportedLedger, account: ImportedAccount, id_column: str, number_column: str) -> None:
    if account.id in ledger.accounts:
        raise BadCell(id_column, f"{account.id} stands on line {ledger.accounts[account.id].place.line} already")
    for other in ledger.accounts.values():
        if account.number and account.number == other.number:
            raise BadCell(number_column, f"{account.number} is the number of {other.name} on line {other.place.line}")
    ledger.accounts[account.id] = account


def _add_journal(ledger: ImportedLedger, row: Row) -> None:
    journal = row.required("journal_id", longest=_LONGEST_ENTRY_ID)
    if journal in ledger.entries:
        raise BadCell("journal_id", f"{journal} stands on line {ledger.entries[journal].place.line} already")
    source = row.text("source_type", longest=50)
    number = row.text("journal_number", longest=50)
    ledger.entries[journal] = ImportedEntry(
        id=journal,
        on=row.day("journal_date"),
        memo=f"Journal {number}, {source}" if source else f"Journal {number}",
        reference=row.text("reference", longest=LONGEST_REFERENCE),
        place=row.place,
    )


def _add_journal_line(ledger: ImportedLedger, row: Row) -> None:
    journal, account = row.required("journal_id"), row.required("account_id")
    if journal not in ledger.entries and journal not in ledger.broken:
        raise BadCell("journal_id", f"{journal} is not in journals.csv")
    if account not in ledger.accounts and account not in ledger.broken:
        raise BadCell("account_id", f"{account} is not in accounts.csv")
    amount = row.amount("net_amount", signed=True)
    if amount is None:
        raise BadCell("net_amount", "it is empty")
    if journal not in ledger.entries or account not in ledger.accounts:
        ledger.broken.add(journal)
        return
    debit, credit = (amount, None) if amount > 0 else (None, -amount)
    _add_line(ledger, row, ledger.entries[journal], account, debit, credit, "net_amount")


def _read_one_file(path: Path, ledger: ImportedLedger) -> None:
    for row in _rows(path, ONE_FILE_COLUMNS, ledger.problems, exactly=True):
        with _noting(ledger, row, "entry"):
            account = _account_of(ledger, row)
            entry = _entry_of(ledger, row)
            debit, credit = row.amount("debit"), row.amount("credit")
            if debit and credit:
                raise BadCell("credit", "the line has both a debit and a credit; it can have only one")
            if debit is None and credit is None:
                raise BadCell("debit", "the line has neither a debit nor a credit")
            _add_line(ledger, row, entry, account.id, debit, credit, "debit")


def _account_of(ledger: ImportedLedger, row: Row) -> ImportedAccount:
    """The row's account, which is the same wherever its number stands, or without one its name and type."""
    number = row.account_number("account")
    name, kind = row.required("account name", longest=LONGEST_ACCOUNT_NAME), row.account_type("account type")
    account = ImportedAccount(number or f"{kind}:{name}", number, name, kind, row.place)
    before = ledger.accounts.setdefault(account.id, account)
    if (before.name, before.type) != (name, kind):
        raise BadCell("account", f"{number} is {before.name} ({before.type}) on line {before.place.line}")
    return before


def _entry_of(ledger: ImportedLedger, row: Row) -> ImportedEntry:
    name, on = row.required("entry", longest=_LONGEST_ENTRY_ID), row.day("date")
    entry = ledger.entries.get(name)
    if entry is None:
        entry = ledger.entries[name] = ImportedEntry(name, on, memo=f"Entry {name}", reference=name, place=row.place)
    if entry.on != on:
        raise BadCell("date", f"entry {name} is dated {entry.on} on line {entry.place.line}; an entry has one date")
    return entry


def _add_line(
    ledger: ImportedLedger,
    row: Row,
    entry: ImportedEntry,
    account: str,
    debit: Decimal | None,
    credit: Decimal | None,
    column: str,
) -> None:
    if not debit and not credit:
        ledger.skipped.append(Problem(row.place, column, "0.00 moves nothing; skipped"))
        return
    description = row.text("description", longest=LONGEST_DESCRIPTION)
    entry.lines.append(ImportedLine(account, debit or None, credit or None, description))


@contextmanager
def _noting(ledger: ImportedLedger, row: Row, id_column: str) -> Iterator[None]:
    """A bad cell ends its row, and is noted. `id_column` holds the account or the entry that the row is about."""
    try:
        yield
    except BadCell as bad:
        column, reason = bad.args
        ledger.problems.append(Problem(row.place, column, reason))
        ledger.broken.add(row.cells[id_column].strip())


def _rows(path: Path, columns: tuple[str, ...], problems: list[Problem], *, exactly: bool = False) -> Iterator[Row]:
    """The rows under a header that has these columns, in any order; `exactly` allows no others."""
    text = _text_of(path, problems)
    if text is None:
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in columns if header.count(name) != 1]
        unknown = [name for name in header if name not in columns] if exactly else []
        if missing or unknown:
            reason = f"it should have the columns {', '.join(columns)}"
            reason += f"; missing or doubled: {', '.join(missing)}" if missing else ""
            reason += f"; unknown: {', '.join(unknown)}" if unknown else ""
            problems.append(Problem(Place(path.name, 1), "header", reason))
            return
        line = reader.line_num + 1
        for cells in reader:
            place, line = Place(path.name, line), reader.line_num + 1
            if len(cells) == len(header):
                yield Row(place, dict(zip(header, cells, strict=True)))
            elif cells:
                problems.append(Problem(place, "row", f"it has {len(cells)} cells; the header has {len(header)}"))
    except csv.Error as error:
        problems.append(Problem(Place(path.name, reader.line_num), "row", f"it is not well-formed CSV: {error}"))


def _text_of(path: Path, problems: list[Problem]) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.append(Problem(Place(path.name, 1), "file", f"it can't be read: {error.strerror}"))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        reason = "it is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8) and import it again"
        problems.append(Problem(Place(path.name, line), "encoding", reason))
        return None
