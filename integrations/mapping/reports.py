"""The mapping table: our accounts, what each is mapped to, whether that will do, and what would."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Q

from integrations.mapping.clearing import AccountToAdd, accounts_to_add
from integrations.mapping.naming import ChartNames
from integrations.mapping.suggestions import Suggestion, suggest
from integrations.models import AccountMapping, ChartAccount, Connection
from integrations.models.chart import BROKEN, UNMAPPED, CatchAllParty, breaks_trust
from integrations.providers.base import Classification
from ledger.models import Account, JournalEntry, JournalLine

# While a worker reads the chart, it has moved the due time this far ahead: see `mapping.chart`.
_READING = timedelta(minutes=1)
_CLASSES = [c.value for c in Classification]


@dataclass(frozen=True)
class MappingFigures:
    """How many accounts need a target, how many were never given one, which holds everything up, and how many have one
    that takes no journals any more, which holds up their own entries."""

    required: int
    unmapped: int
    broken: int
    saved_at: datetime | None = None
    """When one of them was last given a target."""

    @property
    def missing(self) -> int:
        return self.unmapped + self.broken

    @property
    def mapped(self) -> int:
        return self.required - self.missing


class Status(StrEnum):
    MAPPED = "Mapped"
    UNMAPPED = "Unmapped"
    UNUSED = "Not used yet"
    GONE = "No longer in the chart"
    SHUT = "Cannot be used"
    NEEDS_CUSTOMER = "Needs a customer"
    NEEDS_SUPPLIER = "Needs a supplier"
    BREAKS_TRUST = "Not for client money"


@dataclass(frozen=True)
class MappingRow:
    """One of our accounts. `sharing` counts the others of ours that go to the same target."""

    account: Account
    mapping: AccountMapping | None
    entries: int
    sharing: int = 0
    suggestion: Suggestion | None = None

    @property
    def target(self) -> ChartAccount | None:
        return self.mapping.target if self.mapping else None

    @property
    def is_required(self) -> bool:
        return self.mapping.is_required if self.mapping else self.account.is_core

    @cached_property
    def status(self) -> Status:
        target = self.target
        if target is None:
            return Status.UNMAPPED if self.is_required else Status.UNUSED
        if not target.is_listed:
            return Status.GONE
        if target.refusal == "needs_name":
            return Status.NEEDS_CUSTOMER if target.party == "customer" else Status.NEEDS_SUPPLIER
        if target.refusal:
            return Status.SHUT
        breaks_it = breaks_trust(self.account.is_trust, self.account.type, target.classification)
        return Status.BREAKS_TRUST if breaks_it else Status.MAPPED

    @property
    def is_blocking(self) -> bool:
        """Whether entries wait for this row."""
        return self.is_required and self.status != Status.MAPPED

    @property
    def is_worth_a_look(self) -> bool:
        """Whether it has a target that a person should look at again."""
        return self.target is not None and (self.status != Status.MAPPED or self.is_altered)

    @property
    def is_altered(self) -> bool:
        """Whether the target was renamed, renumbered or retyped there since a person chose it."""
        if self.target is None or self.target.altered_at is None or self.mapping is None:
            return False
        return self.mapping.saved_at is None or self.target.altered_at > self.mapping.saved_at

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
    names: ChartNames
    to_add: list[AccountToAdd]
    parties: dict[str, CatchAllParty | None]
    """Each kind of party that an account of theirs wants named, and the one asked for, if any."""

    @property
    def is_blocking(self) -> bool:
        return any(row.is_blocking for row in self.rows)


def is_being_read(connection: Connection, now: datetime) -> bool:
    """Whether a worker reads the chart now or is about to."""
    due = connection.chart_due_at
    is_askable = connection.status != Connection.Status.DISCONNECTED
    return is_askable and not connection.chart_error and due is not None and due <= now + _READING


def mapping_figures(connections: Iterable[Connection]) -> dict[UUID, MappingFigures]:
    """By the connection's id. One query."""
    required = AccountMapping.objects.filter(connection__in=connections).required().order_by()
    counted = required.values("connection").annotate(
        required=Count("pk"),
        unmapped=Count("pk", filter=UNMAPPED),
        broken=Count("pk", filter=BROKEN),
        last_saved_at=Max("saved_at"),
    )
    columns = ("connection", "required", "unmapped", "broken", "last_saved_at")
    found = {connection_id: MappingFigures(*figures) for connection_id, *figures in counted.values_list(*columns)}
    return {connection.pk: found.get(connection.pk, MappingFigures(0, 0, 0)) for connection in connections}


def mapping_table(connection: Connection) -> MappingTable:
    """Every account of ours that is active or mapped."""
    return mapping_tables([connection])[connection.pk]


def mapping_tables(connections: Sequence[Connection]) -> dict[UUID, MappingTable]:
    """One firm's, by the connection's id. A constant number of queries, whatever the size of the charts."""
    if not connections:
        return {}
    mappings: dict[UUID, dict[int, AccountMapping]] = {each.pk: {} for each in connections}
    for mapping in AccountMapping.objects.filter(connection__in=connections).select_related("target"):
        mappings[mapping.connection_id][mapping.account_id] = mapping
    mapped = {pk for of_connection in mappings.values() for pk in of_connection}
    organization = connections[0].organization
    accounts = list(Account.objects.filter(organization=organization).filter(Q(is_active=True) | Q(pk__in=mapped)))
    charts: dict[UUID, list[ChartAccount]] = {each.pk: [] for each in connections}
    for target in ChartAccount.objects.filter(connection__in=connections):
        charts[target.connection_id].append(target)
    used, parties = entries_using(connections), _asked_parties(charts)
    return {
        each.pk: _table(each, accounts, mappings[each.pk], used[each.pk], charts[each.pk], parties[each.pk])
        for each in connections
    }


def _table(
    connection: Connection,
    accounts: Iterable[Account],
    mappings: Mapping[int, AccountMapping],
    used: Mapping[int, int],
    chart: list[ChartAccount],
    parties: Mapping[str, CatchAllParty],
) -> MappingTable:
    listed = [target for target in chart if target.is_listed]
    usable = [target for target in listed if not target.refusal]
    rows = [
        MappingRow(account, mappings.get(account.pk), used.get(account.pk, 0))
        for account in accounts
        if account.is_active or account.pk in mappings
    ]
    lacking = [row.account for row in rows if row.status != Status.MAPPED]
    suggestions = suggest(lacking, usable)
    shared = Counter(row.target.pk for row in rows if row.target)
    return MappingTable(
        rows=[_completed(row, suggestions, shared) for row in rows],
        groups=_by_kind(usable),
        refused=_by_refusal(connection, (target for target in listed if target.refusal)),
        names=ChartNames(chart, provider=connection.provider.short_name),
        to_add=accounts_to_add(
            connection, [row.account for row in rows if row.is_blocking and row.account.pk not in suggestions], listed
        ),
        parties={party: parties.get(party) for party in sorted({target.party for target in listed if target.party})},
    )


def _completed(row: MappingRow, suggestions: Mapping[int, Suggestion], shared: Mapping[int, int]) -> MappingRow:
    sharing = shared[row.target.pk] - 1 if row.target else 0
    return MappingRow(row.account, row.mapping, row.entries, sharing, suggestions.get(row.account.pk))


def entries_using(connections: Sequence[Connection]) -> dict[UUID, dict[int, int]]:
    """For each of one firm's connections, account id to the number of posted entries that use it and will be sent;
    empty until the start date is chosen."""
    found: dict[UUID, dict[int, int]] = {each.pk: {} for each in connections}
    started = [each for each in connections if each.mirror_from]
    if not started:
        return found
    posted = JournalEntry.objects.for_organization(started[0].organization).posted()
    newest = posted.aggregate(newest=Max("number"))["newest"]
    # A large ledger takes a tenth of a second and more to count through, and what is posted never changes: the figures
    # hold until the next entry.
    keys = {each.pk: f"entries-using-{each.pk}-{each.mirror_from}-{newest}" for each in started}
    kept = cache.get_many(keys.values())
    lacking = [each for each in started if keys[each.pk] not in kept]
    counted = _count_entries(lacking) if lacking else {}
    cache.set_many({keys[pk]: used for pk, used in counted.items()}, timeout=3600)
    return found | {each.pk: counted[each.pk] if each.pk in counted else kept[keys[each.pk]] for each in started}


def _count_entries(connections: Sequence[Connection]) -> dict[UUID, dict[int, int]]:
    """One pass over the ledger for all of them."""
    counts = {
        f"of_{place}": Count("entry", distinct=True, filter=Q(entry__date__gte=each.mirror_from))
        for place, each in enumerate(connections)
    }
    lines = JournalLine.objects.filter(
        entry__organization=connections[0].organization, entry__posted_at__isnull=False
    ).order_by()
    rows: list[tuple[int, ...]] = list(lines.values_list("account").annotate(**counts))
    return {
        each.pk: {row[0]: row[place] for row in rows if row[place]} for place, each in enumerate(connections, start=1)
    }


def _by_kind(accounts: Iterable[ChartAccount]) -> list[tuple[str, list[ChartAccount]]]:
    """In the order of a balance sheet and then an income statement, as a bookkeeper reads a chart."""
    kinds: dict[tuple[int, str], list[ChartAccount]] = defaultdict(list)
    for account in accounts:
        known = account.classification in _CLASSES
        rank = _CLASSES.index(account.classification) if known else len(_CLASSES)
        kinds[rank, account.kind].append(account)
    return [(kind or "Other", kinds[rank, kind]) for rank, kind in sorted(kinds)]


def _by_refusal(connection: Connection, accounts: Iterable[ChartAccount]) -> list[tuple[str, list[ChartAccount]]]:
    reasons: dict[str, list[ChartAccount]] = defaultdict(list)
    for account in accounts:
        reasons[connection.provider.refusals[account.refusal]].append(account)
    return sorted(reasons.items())


def _asked_parties(charts: Mapping[UUID, Iterable[ChartAccount]]) -> dict[UUID, dict[str, CatchAllParty]]:
    """Whom the worker was asked to create, by connection and kind."""
    wanting = [pk for pk, chart in charts.items() if any(target.party and target.is_listed for target in chart)]
    asked: dict[UUID, dict[str, CatchAllParty]] = {pk: {} for pk in charts}
    for party in CatchAllParty.objects.filter(connection__in=wanting) if wanting else []:
        asked[party.connection_id][party.party] = party
    return asked
