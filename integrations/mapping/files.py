"""The mapping as a file for a spreadsheet, and a file read as a proposal. Nothing here saves."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from athenty.organizations.csv_cells import BYTE_ORDER_MARK, inert, plain
from integrations.mapping.naming import NotInChart
from integrations.mapping.reports import MappingRow, MappingTable
from integrations.mapping.saving import objections
from integrations.models import ChartAccount, Connection

OURS, OUR_NAME, OUR_TYPE = "Athenty number", "Athenty name", "Athenty type"
REQUIRED, ENTRIES, STATUS = "Required", "Entries", "Status"
THEIR_ID, THEIR_NUMBER, THEIR_NAME = "Target id", "Target number", "Target name"
HEADER = (OURS, OUR_NAME, OUR_TYPE, REQUIRED, ENTRIES, THEIR_ID, THEIR_NUMBER, THEIR_NAME, STATUS)
_TARGET_COLUMNS = (THEIR_ID, THEIR_NUMBER, THEIR_NAME)

MAX_BYTES, MAX_ROWS = 2 * 1024 * 1024, 5_000
_SHOWN = 80


class UnreadableFile(Exception):
    """The file as a whole can't be read. The message says why and what to do."""


@dataclass(frozen=True)
class ProposedRow:
    """A row that differs from what is saved. `line` is its place in the file, the header being line 1."""

    line: int
    row: MappingRow
    target: ChartAccount | None

    @property
    def saved_id(self) -> int | None:
        return self.row.target.pk if self.row.target else None

    @property
    def target_id(self) -> int | None:
        return self.target.pk if self.target else None


@dataclass(frozen=True)
class RefusedRow:
    line: int
    account: str
    reason: str


@dataclass(frozen=True)
class Proposal:
    """What a file would change. Accounts that it does not name keep what they have."""

    added: list[ProposedRow] = field(default_factory=list)
    changed: list[ProposedRow] = field(default_factory=list)
    removed: list[ProposedRow] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    unchanged: int = 0

    @property
    def rows(self) -> list[ProposedRow]:
        return [*self.added, *self.changed, *self.removed]


def as_csv(table: MappingTable) -> str:
    """One row per account of ours. No cell is taken for a formula."""
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for row in table.rows:
        writer.writerow([inert(cell) for cell in _cells(row)])
    return text.getvalue()


def read_proposal(connection: Connection, table: MappingTable, content: bytes) -> Proposal:
    """What the file would change, and what of it can't be. Raises UnreadableFile."""
    ours = {row.account.number: row for row in table.rows}
    theirs = {target.remote_id: target for target in connection.chart.filter(is_listed=True)}
    cells = list(_rows(content))
    named = Counter(row.get(OURS, "") for _, row in cells)
    refused, meant = [], {}
    for line, row in cells:
        number = row.get(OURS, "")
        shown = f"{number} {row.get(OUR_NAME, '')}".strip()[:_SHOWN]
        if number not in ours:
            refused.append(RefusedRow(line, shown, f"Your chart has no account “{number[:_SHOWN]}”."))
        elif named[number] > 1:
            refused.append(RefusedRow(line, shown, f"The file names {number} {named[number]} times."))
        else:
            try:
                meant[line] = ProposedRow(line, ours[number], _target(row, theirs, table))
            except NotInChart as unknown:
                refused.append(RefusedRow(line, shown, str(unknown)))
    return _sorted(connection, meant, refused)


def _sorted(connection: Connection, meant: Mapping[int, ProposedRow], refused: list[RefusedRow]) -> Proposal:
    """Each row where it belongs: what the rules don't allow is refused too."""
    differing = [each for each in meant.values() if each.target_id != each.saved_id]
    stands_against = objections(connection, {each.row.account.pk: each.target_id for each in differing})
    proposal = Proposal(refused=refused, unchanged=len(meant) - len(differing))
    for each in differing:
        reason = stands_against.get(each.row.account.pk)
        if reason:
            proposal.refused.append(RefusedRow(each.line, str(each.row.account), reason))
        elif each.target is None:
            proposal.removed.append(each)
        else:
            (proposal.changed if each.row.target else proposal.added).append(each)
    proposal.refused.sort(key=lambda row: row.line)
    return proposal


def _target(row: Mapping[str, str], theirs: Mapping[str, ChartAccount], table: MappingTable) -> ChartAccount | None:
    """Whom the row means: by the id, which number and name must not gainsay, or else by number and name."""
    remote_id, number, name = (row.get(column, "") for column in _TARGET_COLUMNS)
    if not remote_id:
        text = " · ".join(part for part in (number, name) if part)
        return table.names.meant_by(text) if text else None
    target = theirs.get(remote_id)
    if target is None:
        raise NotInChart(f"Their chart has no account with the id “{remote_id[:_SHOWN]}”.")
    # A spreadsheet takes leading zeros away.
    if (name and name != target.name) or (number and number.lstrip("0") != target.number.lstrip("0")):
        raise NotInChart(
            f"The id is that of {target}, the number and name are not. Leave the id empty to choose by them."
        )
    return target


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that says anything, with its line. Raises UnreadableFile."""
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Nothing was read.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnreadableFile("The file is not UTF-8 text. In Excel, save it as “CSV UTF-8”.")
    first_line = text.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [plain(cell) for cell in next(reader, [])]
        if OURS not in header or not set(header).intersection(_TARGET_COLUMNS):
            raise UnreadableFile(
                f"The first line should name the columns: “{OURS}”, and “{THEIR_ID}”, “{THEIR_NUMBER}” or"
                f" “{THEIR_NAME}”. Download the mapping to see how it looks."
            )
        for count, cells in enumerate(reader, start=1):
            if count > MAX_ROWS:
                raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows. Nothing was read.")
            row = {column: plain(cell) for column, cell in zip(header, cells, strict=False)}
            if any(row.values()):
                yield count + 1, row
    except csv.Error:
        raise UnreadableFile(
            "The file is not a readable CSV file: a quote is not closed, or a cell is too long."
        ) from None


def _cells(row: MappingRow) -> tuple[str, ...]:
    target = row.target
    return (
        row.account.number,
        row.account.name,
        row.account.type,
        "yes" if row.is_required else "no",
        str(row.entries),
        target.remote_id if target else "",
        target.number if target else "",
        target.name if target else "",
        row.status,
    )
