"""What must hold whatever happened, measured in the provider's books and compared with ours.

I1 nothing doubled · I2 nothing lost · I3 nothing false · I4 to the cent · I5 nobody in another's books ·
I6 quiet when told to be, and never a read of the books · I7 alive · I8 every try written down.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.actions import Action
from audit.models import AuditEvent
from integrations.mirror.deliveries import reference
from integrations.models import Attempt, Connection, DeliveryItem, QueueRow
from integrations.providers.base import Cause
from tests.simulation.provider import Provider


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Quiet:
    """A stretch of time in which an organization, or one of its connections, had told us to send nothing."""

    began: datetime
    connections: list[Any]
    ended: datetime | None = None


@dataclass
class Tally:
    """How a run came out. `lost` and `doubled` are entries; both must be zero."""

    entries: int = 0
    lost: int = 0
    doubled: int = 0
    unconfirmed: int = 0
    refused: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass
class Books:
    """One company's journals at the provider, by our reference."""

    connection: Connection
    journals: list[dict[str, Any]]
    posted: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for journal in self.journals:
            if journal["status"] == "POSTED":
                self.posted[str(journal["reference"]).split()[0]].append(journal)


def nothing_doubled(provider: Provider) -> None:
    """I1, at this very moment: cheap enough for every commit at the provider."""
    doubled = provider.sandbox.store.row(
        "SELECT tenant_id, reference FROM journals WHERE status = 'POSTED'"
        " GROUP BY provider, tenant_id, reference HAVING COUNT(*) > 1"
    )
    if doubled:
        raise Broken(f"I1: {doubled['reference']!r} stands twice in the books of {doubled['tenant_id']}")


def check(provider: Provider, *, quiet: Sequence[Quiet] = (), everything_sent: bool = False) -> Tally:
    """Everything but I7, at rest. With `everything_sent` nothing may be left that waits for a person."""
    tally = Tally()
    for connection in Connection.objects.select_related("organization"):
        books = Books(connection, provider.journals(connection.provider_name, connection.company_id))
        rows = {reference(connection, row.entry): row for row in _rows(connection)}
        if strangers := set(books.posted) - set(rows):
            raise Broken(f"I5: {connection} holds journals that are not its firm's: {sorted(strangers)}")
        if rows:
            tally += _check_company(books, rows, everything_sent=everything_sent)
    _check_quiet(provider, quiet)
    _check_trace(provider)
    return tally


def _rows(connection: Connection) -> list[QueueRow]:
    return list(connection.queue.select_related("entry").prefetch_related("entry__lines"))


def _check_company(books: Books, rows: dict[str, QueueRow], *, everything_sent: bool) -> Tally:
    tally = Tally(entries=len(rows))
    targets = _targets(books.connection)
    for ref, row in rows.items():
        journals = books.posted.get(ref, [])
        where = f"{ref} ({row.state} {row.cause}) at {books.connection.provider_name}"
        if len(journals) > 1:
            raise Broken(f"I1: {where} stands {len(journals)} times in the books")
        if row.state == QueueRow.State.SENT:
            if not journals:
                raise Broken(f"I2, I3: {where} is said to be sent, and is not in the books")
            _check_same(row, journals[0], targets[row.pk], where)
        elif everything_sent:
            raise Broken(f"I2: {where} was not sent although everything was mended")
        elif row.state == QueueRow.State.NEEDS_ATTENTION:
            tally.refused += 1
            if journals and row.cause != Cause.DUPLICATE:
                raise Broken(f"I3: {where} is said to be refused, and stands in the books: {row.provider_message}")
        elif row.state == QueueRow.State.UNCONFIRMED:
            tally.unconfirmed += 1
            if books.connection.refuses_duplicate_numbers:
                raise Broken(f"{where} was given up although its number protects it for ever")
        elif row.state == QueueRow.State.SENDING:
            raise Broken(f"I7: {where} is still being sent at rest")
        elif books.connection.is_connected:
            raise Broken(f"I7: {where} still waits at rest")
    _check_sums(books, rows, targets)
    return tally


def _check_same(row: QueueRow, journal: dict[str, Any], targets: Mapping[str, str], where: str) -> None:
    if row.remote_id and row.remote_id != journal["id"]:
        raise Broken(f"I3: {where} is known as {row.remote_id} here and as {journal['id']} there")
    ours = Counter(
        (targets[str(line.account_id)], Decimal(line.debit or 0), Decimal(line.credit or 0))
        for line in row.entry.lines.all()
    )
    theirs = Counter((line["account_id"], Decimal(line["debit"]), Decimal(line["credit"])) for line in journal["lines"])
    if journal["date"] != row.entry.date.isoformat():
        raise Broken(f"I3: {where} is dated {row.entry.date} here and {journal['date']} there")
    if sorted(ours.elements()) != sorted(theirs.elements()):
        raise Broken(f"I3: {where} has other lines there: {theirs} for {ours}")


def _targets(connection: Connection) -> dict[int, Mapping[str, str]]:
    """Where each row was sent: its delivery that the provider took is the last one."""
    items = DeliveryItem.objects.filter(row__connection=connection).order_by("pk")
    return dict(items.values_list("row_id", "targets"))


def _check_sums(books: Books, rows: dict[str, QueueRow], targets: Mapping[int, Mapping[str, str]]) -> None:
    """I4: what is there is what we sent, account by account; an unconfirmed entry may be there or not."""
    theirs: dict[str, Decimal] = defaultdict(Decimal)
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for ref, row in rows.items():
        for journal in books.posted.get(ref, []):
            for line in journal["lines"]:
                theirs[f"{line['account_id']} {journal['date']}"] += Decimal(line["debit"]) - Decimal(line["credit"])
            for line in row.entry.lines.all():
                account = targets[row.pk][str(line.account_id)]
                ours[f"{account} {row.entry.date}"] += (line.debit or 0) - (line.credit or 0)
    if theirs != ours:
        raise Broken(f"I4: the sums differ: {theirs} there, {ours} here")


def _check_quiet(provider: Provider, quiet: list[Quiet]) -> None:
    refused = provider.sandbox.store.row("SELECT * FROM requests WHERE refusal IS NOT NULL")
    if refused:
        raise Broken(f"I6: {refused['method']} {refused['path']} is no business of a mirror")
    for stretch in quiet:
        begun = Attempt.objects.filter(
            delivery__connection__in=stretch.connections, started_at__gt=stretch.began
        ).order_by("started_at")
        if stretch.ended:
            begun = begun.filter(started_at__lt=stretch.ended)
        if attempt := begun.first():
            raise Broken(
                f"I6: a send began at {attempt.started_at}, while nothing was to be sent since {stretch.began}"
            )


def _check_trace(provider: Provider) -> None:
    sent = sum(call.writes for _, call in provider.log)
    written_down = Attempt.objects.count()
    if sent > written_down:
        raise Broken(f"I8: {sent} sends left, and {written_down} are written down")
    told = {
        number
        for event in AuditEvent.objects.filter(action=Action.SYNC_FAILED)
        for number in event.data.get("entries", [])
    }
    parked = QueueRow.objects.filter(state__in=["needs_attention", "unconfirmed"]).select_related("entry")
    silent = [str(row.entry) for row in parked if row.entry.number not in told]
    if silent:
        raise Broken(f"I8: nobody was told that {silent} need a person")
