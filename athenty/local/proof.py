"""Our ledger held against the sandbox's own books: every entry exactly once, every account's totals to the cent."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from athenty.local.sandbox_control import SandboxControl
from athenty.organizations.models import Organization
from integrations.models import Connection, QueueRow
from integrations.providers import PROVIDERS
from ledger.models import JournalEntry, JournalLine

_State = QueueRow.State


@dataclass(frozen=True)
class AccountTotals:
    """One account of ours and the target it went to, with both sides' debits and credits."""

    account: str
    target: str
    ours: tuple[Decimal, Decimal]
    theirs: tuple[Decimal, Decimal]

    @property
    def agrees(self) -> bool:
        return self.ours == self.theirs


@dataclass(frozen=True)
class Refusal:
    """Entries that the provider refused with the same words, and the accounts that every one of them has a line on."""

    message: str
    entries: int
    accounts: list[str]

    def __str__(self) -> str:
        where = f", all with a line on {', '.join(self.accounts)}" if self.accounts else ""
        return f"{self.entries} entries need attention{where}: {self.message}"


@dataclass(frozen=True)
class ProviderProof:
    """What went to one provider. Latency is from the posting's commit stamp to the settled answer, in seconds."""

    provider: str
    posted: int
    counts: dict[str, int]
    journals: int
    duplicates: int
    write_calls: int
    accounts: list[AccountTotals]
    latencies: list[float] = field(repr=False)
    refusals: list[Refusal]

    @property
    def ties_out(self) -> bool:
        return all(row.agrees for row in self.accounts)

    @property
    def is_complete(self) -> bool:
        once = self.journals == self.posted == self.counts.get(_State.SENT, 0)
        return once and not self.duplicates and self.ties_out

    def percentile(self, share: float) -> float | None:
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    def as_json(self) -> dict[str, Any]:
        return {
            "posted": self.posted,
            "sent": self.counts.get(_State.SENT, 0),
            "waiting": self.counts.get(_State.WAITING, 0) + self.counts.get(_State.SENDING, 0),
            "needs_attention": self.counts.get(_State.NEEDS_ATTENTION, 0),
            "unconfirmed": self.counts.get(_State.UNCONFIRMED, 0),
            "write_calls": self.write_calls,
            "journals_in_sandbox": self.journals,
            "duplicates": self.duplicates,
            "tie_out": self.ties_out,
            "debits": str(sum((row.theirs[0] for row in self.accounts), Decimal("0.00"))),
            "credits": str(sum((row.theirs[1] for row in self.accounts), Decimal("0.00"))),
            "latency_seconds": {"p50": self.percentile(0.5), "p95": self.percentile(0.95), "max": self.percentile(1)},
        }


@dataclass(frozen=True)
class Proof:
    providers: list[ProviderProof]
    seconds: float

    @property
    def is_complete(self) -> bool:
        """A provider that is missing has proved nothing."""
        proved = {proof.provider for proof in self.providers if proof.is_complete}
        return proved == set(PROVIDERS)

    def as_json(self) -> dict[str, Any]:
        figures = {proof.provider: proof.as_json() for proof in self.providers}
        return {"providers": figures, "seconds": round(self.seconds, 1)}


def compare(firm: Organization, sandbox: SandboxControl, *, seconds: float) -> Proof:
    connections = Connection.objects.for_organization(firm).current().order_by("provider_name")
    return Proof([_compare(connection, sandbox) for connection in connections], seconds)


def _compare(connection: Connection, sandbox: SandboxControl) -> ProviderProof:
    books = sandbox.books(connection.provider_name, connection.company_id)
    entries = JournalEntry.objects.filter(
        organization=connection.organization, posted_at__isnull=False, date__gte=connection.mirror_from
    )
    counts: dict[str, int] = defaultdict(int)
    for state in connection.queue.values_list("state", flat=True):
        counts[state] += 1
    sent = connection.queue.filter(state=_State.SENT).values_list("sent_at", "entry__posted_at")
    return ProviderProof(
        provider=connection.provider_name,
        posted=entries.count(),
        counts=counts,
        journals=books["journals"],
        duplicates=len(books["duplicates"]),
        write_calls=books["write_calls"],
        accounts=_totals(connection, books),
        latencies=[(sent_at - posted_at).total_seconds() for sent_at, posted_at in sent if sent_at and posted_at],
        refusals=_refusals(connection),
    )


def _refusals(connection: Connection) -> list[Refusal]:
    by_message: dict[str, list[set[str]]] = defaultdict(list)
    for row in connection.queue.needing_attention().prefetch_related("entry__lines__account"):
        by_message[row.provider_message].append({str(line.account) for line in row.entry.lines.all()})
    return [
        Refusal(message, len(accounts), sorted(set.intersection(*accounts))) for message, accounts in by_message.items()
    ]


def _totals(connection: Connection, books: dict[str, Any]) -> list[AccountTotals]:
    """Every account of ours with lines, and every account of theirs that anything was posted to."""
    theirs = {
        row["id"]: (f"{row['number']} {row['name']}".strip(), Decimal(row["debits"]), Decimal(row["credits"]))
        for row in books["accounts"]
    }
    ours: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal("0.00"), Decimal("0.00")])
    names: dict[str, list[str]] = defaultdict(list)
    lines = JournalLine.objects.filter(
        entry__organization=connection.organization,
        entry__posted_at__isnull=False,
        entry__date__gte=connection.mirror_from,
    )
    sums = {row["account"]: row for row in lines.values("account").annotate(debits=Sum("debit"), credits=Sum("credit"))}
    for mapping in connection.mappings.select_related("account", "target"):
        if mapping.account_id in sums and mapping.target:
            row = sums[mapping.account_id]
            ours[mapping.target.remote_id][0] += row["debits"] or 0
            ours[mapping.target.remote_id][1] += row["credits"] or 0
            names[mapping.target.remote_id].append(str(mapping.account))
    nothing = ("", Decimal("0.00"), Decimal("0.00"))
    touched = set(ours) | {remote_id for remote_id, (_, debits, credits) in theirs.items() if debits or credits}
    return [
        AccountTotals(
            account=", ".join(names[remote_id]) or "(none of ours)",
            target=theirs.get(remote_id, nothing)[0],
            ours=(ours[remote_id][0], ours[remote_id][1]),
            theirs=theirs.get(remote_id, nothing)[1:],
        )
        for remote_id in sorted(touched, key=lambda remote_id: names[remote_id] or ["~"])
    ]
