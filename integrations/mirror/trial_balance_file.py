"""Reading the trial balance that QuickBooks or Xero exports as CSV. Nothing of it is kept.

Both put the report's title, the company and the date above the header, and a total below. QuickBooks heads its columns
"", "Debit", "Credit" or "Full name", …, and writes an account as "1000 Operating Cash:Petty cash". Xero heads them
"Account Code", "Account", "Account Type", "Debit - Year to date", "Credit - Year to date", or in its older report
"Account", "Debit", "Credit", "YTD Debit", "YTD Credit", with the account as "Sales (200)".
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

MAX_BYTES, MAX_ROWS = 2 * 1024 * 1024, 10_000
_ZERO = Decimal("0.00")
_TITLE_ROWS = 30
_SHOWN = 60
_NAMES = ("account", "account name", "full name", "name")
_NUMBERS = ("account code", "code", "account number", "account no.", "account #", "number")
_AMOUNT = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?|[0-9]{1,15}(?:\.[0-9]{1,2})?|\.[0-9]{1,2}")
_CODE_AFTER = re.compile(r"(?P<name>.+?)\s*\((?P<code>[0-9A-Za-z.-]{1,20})\)")


class UnreadableTrialBalance(Exception):
    """The file is no trial balance that we can read. The message names the row and column, and what is wrong."""


@dataclass(frozen=True)
class FileAccount:
    """One account of the file. `balance`: its debits less its credits. `row`: its place in the file, from 1."""

    row: int
    number: str
    name: str
    balance: Decimal


@dataclass(frozen=True)
class TrialBalanceFile:
    accounts: list[FileAccount]
    debits: Decimal
    credits: Decimal


@dataclass(frozen=True)
class _Columns:
    debit: int
    credit: int
    name: int
    number: int | None


def read_trial_balance(content: bytes) -> TrialBalanceFile:
    """Raises UnreadableTrialBalance. A file whose two sides differ is refused: some of it must be missing."""
    rows = _cells(content)
    header, columns = _find_header(rows)
    accounts: list[FileAccount] = []
    debits = credits = _ZERO
    total: tuple[int, Decimal, Decimal] | None = None
    for number, row in enumerate(rows[header + 1 :], start=header + 2):
        debit, credit = _amount(row, columns.debit, number, "Debit"), _amount(row, columns.credit, number, "Credit")
        if debit is None and credit is None:
            continue  # a heading within the report, a blank line, or the line that says when it was made
        account = _account(row, columns, number, (debit or _ZERO) - (credit or _ZERO))
        if _is_total(account):
            total = (number, debit or _ZERO, credit or _ZERO)
            continue
        accounts.append(account)
        debits, credits = debits + (debit or _ZERO), credits + (credit or _ZERO)
    _check(accounts, debits, credits, total)
    return TrialBalanceFile(accounts, debits, credits)


def _check(
    accounts: Sequence[FileAccount], debits: Decimal, credits: Decimal, total: tuple[int, Decimal, Decimal] | None
) -> None:
    if not accounts:
        raise UnreadableTrialBalance("There is no account with an amount below the header.")
    if total and (total[1], total[2]) != (debits, credits):
        raise UnreadableTrialBalance(
            f"Row {total[0]} says that the totals are {total[1]:,.2f} and {total[2]:,.2f}, but the rows above add up "
            f"to {debits:,.2f} and {credits:,.2f}. Some rows may be missing."
        )
    if debits != credits:
        raise UnreadableTrialBalance(
            f"The debits add up to {debits:,.2f} and the credits to {credits:,.2f}. A whole trial balance has equal "
            "sides: export it without a filter."
        )


def _cells(content: bytes) -> list[list[str]]:
    if len(content) > MAX_BYTES:
        raise UnreadableTrialBalance(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    if content.startswith((b"PK", b"%PDF")):
        raise UnreadableTrialBalance("This is an Excel or PDF file. Export the report as CSV.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")  # what Excel saves as plain CSV
    if "\0" in text:
        raise UnreadableTrialBalance("This is not a text file. Export the report as CSV.")
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    except csv.Error:
        raise UnreadableTrialBalance("The file is not a readable CSV file: a quote is not closed.") from None
    if len(rows) > MAX_ROWS:
        raise UnreadableTrialBalance(f"The file has more than {MAX_ROWS:,} rows.")
    return rows


def _find_header(rows: Sequence[Sequence[str]]) -> tuple[int, _Columns]:
    for place, row in enumerate(rows[:_TITLE_ROWS]):
        words = [cell.casefold() for cell in row]
        debit, credit = _column(words, "debit"), _column(words, "credit")
        if debit is not None and credit is not None:
            name = next((at for at, word in enumerate(words) if word in _NAMES), None)
            number = next((at for at, word in enumerate(words) if word in _NUMBERS), None)
            if name is None and number is None and words[0]:
                raise UnreadableTrialBalance(
                    f"Row {place + 1}, the header, has no column called “Account”: its first is “{row[0][:_SHOWN]}”."
                )
            return place, _Columns(debit, credit, (number or 0) if name is None else name, number)
    raise UnreadableTrialBalance(
        f"None of the first {_TITLE_ROWS} rows is a header with the columns “Debit” and “Credit”. "
        "Export the report called Trial Balance as CSV."
    )


def _column(words: Sequence[str], side: str) -> int | None:
    """The balance's column and not a period's movement, where a report has both."""
    found = [at for at, word in enumerate(words) if re.search(rf"\b{side}\b", word)]
    yearly = [at for at in found if "ytd" in words[at] or "year to date" in words[at]]
    return next(iter(yearly or found), None)


def _account(row: Sequence[str], columns: _Columns, number: int, balance: Decimal) -> FileAccount:
    name, code = _cell(row, columns.name), _cell(row, columns.number)
    if columns.number == columns.name:
        name = ""
    if not name and not code:
        raise UnreadableTrialBalance(f"Row {number} has an amount and names no account.")
    if not code and (named := _CODE_AFTER.fullmatch(name)):
        return FileAccount(number, named["code"], named["name"], balance)
    return FileAccount(number, code, name, balance)


def _is_total(account: FileAccount) -> bool:
    return (account.name or account.number).casefold().rstrip(":") in ("total", "totals")


def _amount(row: Sequence[str], column: int, number: int, name: str) -> Decimal | None:
    """None when the cell is empty. Raises for what is no amount."""
    text = _cell(row, column)
    bare = text.replace("$", "").replace("\u00a0", "").replace(" ", "")
    is_negative = bare.startswith(("-", "\u2212")) or (bare.startswith("(") and bare.endswith(")"))
    bare = bare.strip("()-\u2212")
    if not bare:
        return None
    if not _AMOUNT.fullmatch(bare):
        raise UnreadableTrialBalance(
            f"Row {number}, column {name}: “{text[:_SHOWN]}” is not an amount such as 1,234.50."
        )
    amount = Decimal(bare.replace(",", ""))
    return -amount if is_negative else amount


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""
