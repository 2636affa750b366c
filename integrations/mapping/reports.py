"""The mapping table: our accounts, what each is mapped to, and whether that will do."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from integrations.models import AccountMapping, ChartAccount, Connection
from integrations.providers.base import Classification
from ledger.models import Account, JournalLine

# While a worker reads the chart, it has moved the due time this far ahead: see `mapping.chart`.
_READING = timedelta(minutes=1)
_CLASSES = [c.value for c in Classification]


@dataclass(frozen=True)
class MappingFigures:
    """How many accounts need a target, and how many of those lack one that the provider accepts."""

    required: int
    missing: int

    @property
    def mapped(self) -> int:
        return self.required - self.missing


@dataclass(frozen=True)
class MappingRow:
    """One of our accounts. `chosen_id` is what its select shows: the saved target, or what a refused form asked for."""

    account: Account
    target: ChartAccount | None
    chosen_id: int | None
    is_required: bool
    entries: int
    error: str = ""

    @property
    def status(self) -> str:
        if self.target is None:
            return "Unmapped" if self.is_required or self.entries else "Not used yet"
        if not self.target.is_listed:
            return "No longer in the chart"
        return "Cannot be used" if self.target.refusal else "Mapped"

    @property
    def is_blocking(self) -> bool:
        return self.is_required and (self.target is None or not self.target.is_eligible)

    @property
    def differing_type(self) -> str:
        """The target's class where it is not ours: allowed, and worth a look."""
        if self.target is None or not self.target.is_eligible:
            return ""
        return self.target.classification if self.target.classification not in ("", self.account.type) else ""


@dataclass(frozen=True)
class MappingTable:
    rows: list[MappingRow]
    groups: list[tuple[str, list[ChartAccount]]]
    """What may be chosen, by the provider's own types."""
    refused: list[tuple[str, list[ChartAccount]]]
    """What may not, by the sentence that says why."""
    errors: list[MappingRow] = field(default_factory=list)

    @property
    def is_blocking(self) -> bool:
        return any(row.is_blocking for row in self.rows)


def is_being_read(connection: Connection, now: datetime) -> bool:
    """Whether a worker reads the chart now or is about to."""
    due = connection.chart_due_at
    return connection.is_connected and not connection.chart_error and due is not None and due <= now + _READING


def mapping_figures(connection: Connection) -> MappingFigures:
    required = connection.mappings.required().count()
    return MappingFigures(required, connection.mappings.missing().count() if required else 0)


def mapping_table(
    connection: Connection,
    *,
    choices: Mapping[int, int | None] | None = None,
    errors: Mapping[int, str] | None = None,
) -> MappingTable:
    """Every account that is active or mapped. `choices` and `errors` are a refused form's, by account id."""
    choices, errors = choices or {}, errors or {}
    mappings = {m.account_id: m for m in connection.mappings.select_related("target")}
    accounts = Account.objects.filter(organization=connection.organization)
    used = _entries_using(connection)
    rows = [
        _row(account, mappings.get(account.pk), used.get(account.pk, 0), choices, errors)
        for account in accounts.filter(Q(is_active=True) | Q(pk__in=mappings))
    ]
    chart = connection.chart.filter(is_listed=True)
    return MappingTable(
        rows=rows,
        groups=_by_kind(chart.filter(refusal="")),
        refused=_by_refusal(connection, chart.exclude(refusal="")),
        errors=[row for row in rows if row.error],
    )


def _row(
    account: Account,
    mapping: AccountMapping | None,
    entries: int,
    choices: Mapping[int, int | None],
    errors: Mapping[int, str],
) -> MappingRow:
    target = mapping.target if mapping else None
    return MappingRow(
        account=account,
        target=target,
        chosen_id=choices.get(account.pk, target.pk if target else None),
        is_required=mapping.is_required if mapping else account.is_core,
        entries=entries,
        error=errors.get(account.pk, ""),
    )


def _entries_using(connection: Connection) -> dict[int, int]:
    """Account id to the number of posted entries that use it and will be sent; empty until the start date is chosen."""
    if connection.mirror_from is None:
        return {}
    lines = JournalLine.objects.filter(
        entry__organization=connection.organization,
        entry__posted_at__isnull=False,
        entry__date__gte=connection.mirror_from,
    )
    return dict(lines.order_by().values_list("account").annotate(Count("entry", distinct=True)))


def _by_kind(accounts: QuerySet[ChartAccount]) -> list[tuple[str, list[ChartAccount]]]:
    """In the order of a balance sheet and then an income statement, as a bookkeeper reads a chart."""
    kinds: dict[tuple[int, str], list[ChartAccount]] = defaultdict(list)
    for account in accounts:
        known = account.classification in _CLASSES
        rank = _CLASSES.index(account.classification) if known else len(_CLASSES)
        kinds[rank, account.kind].append(account)
    return [(kind or "Other", kinds[rank, kind]) for rank, kind in sorted(kinds)]


def _by_refusal(connection: Connection, accounts: QuerySet[ChartAccount]) -> list[tuple[str, list[ChartAccount]]]:
    reasons: dict[str, list[ChartAccount]] = defaultdict(list)
    for account in accounts:
        reasons[connection.provider.refusals[account.refusal]].append(account)
    return sorted(reasons.items())
