"""How good the suggestions are, against a truth made by hand: `make mapping-score` prints the table."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from integrations.mapping.suggestions import suggest
from integrations.models import ChartAccount
from integrations.providers.base import RemoteAccount
from integrations.providers.quickbooks.accounts import remote_account as quickbooks_account
from integrations.providers.xero.accounts import remote_account as xero_account
from integrations.sandbox import seed
from ledger.models import Account

TRUTH = Path(__file__).parent / "truth"
OURS = {"law firm": "law_firm.csv", "real export": "real_export.csv"}
_ENOUGH = 0.95
_QUICKBOOKS = seed.quickbooks_company("1", "Books", "USD", "US")
_XERO = seed.xero_company("1", "Books", "USD", "US", "EASTERNSTANDARDTIME", "!1")
THEIRS = {
    "quickbooks law firm": (seed.law_firm_quickbooks, _QUICKBOOKS, quickbooks_account),
    "quickbooks sample": (seed.fyle_quickbooks, _QUICKBOOKS, quickbooks_account),
    "xero law firm": (seed.law_firm_xero, _XERO, xero_account),
    "xero sample": (seed.demo_xero, _XERO, xero_account),
}


@dataclass(frozen=True)
class Score:
    """`findable`: rows that have a right answer among the targets that may be chosen."""

    ours: str
    theirs: str
    rows: int
    findable: int
    right: int
    wrong: list[str] = field(default_factory=list)
    trust_wrong: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def is_good_enough(self) -> bool:
        return self.precision >= _ENOUGH and not self.trust_wrong

    @property
    def suggested(self) -> int:
        return self.right + len(self.wrong)

    @property
    def precision(self) -> float:
        return self.right / self.suggested if self.suggested else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.findable if self.findable else 1.0


def scores() -> list[Score]:
    return [_score(ours, theirs) for ours in OURS for theirs in THEIRS]


def chart(name: str) -> list[ChartAccount]:
    read, company, adapted = THEIRS[name]
    remotes = [adapted(account.body, home_currency="USD") for account in read(company)]
    return [_row(position, remote) for position, remote in enumerate(remotes, start=1)]


def _row(pk: int, remote: RemoteAccount) -> ChartAccount:
    return ChartAccount(
        pk=pk,
        remote_id=remote.id,
        number=remote.number,
        name=remote.name,
        kind=remote.kind,
        classification=remote.classification or "",
        is_trust=remote.is_trust,
        refusal=remote.refusal,
    )


def _score(ours: str, theirs: str) -> Score:
    with (TRUTH / OURS[ours]).open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    accounts = [
        Account(pk=pk, number=row["number"], name=row["name"], type=row["type"], is_trust=row["trust"] == "yes")
        for pk, row in enumerate(rows, start=1)
    ]
    targets = [target for target in chart(theirs) if target.is_eligible]
    found = suggest(accounts, targets)
    names = {target.name for target in targets}
    right, findable, wrong, trust_wrong, left_open = 0, 0, [], [], []
    for account, row in zip(accounts, rows, strict=True):
        accepted = {name.strip() for name in row[theirs].split("|")} & names
        findable += bool(accepted)
        suggestion = found.get(account.pk)
        if suggestion is None:
            left_open += [str(account)] if accepted else []
        elif suggestion.target.name in accepted:
            right += 1
        else:
            wrong.append(f"{account} → {suggestion.target}, not {row[theirs] or 'any'} ({suggestion.reason})")
            trust_wrong += [str(account)] if account.is_trust else []
    return Score(ours, theirs, len(rows), findable, right, wrong, trust_wrong, left_open)


def table(found: list[Score]) -> str:
    lines = [
        f"{'our chart':<12} {'their chart':<20} {'rows':>5} {'suggested':>9} {'right':>6} {'precision':>9} {'found':>6}"
    ]
    for score in found:
        lines.append(
            f"{score.ours:<12} {score.theirs:<20} {score.rows:>5} {score.suggested:>9} {score.right:>6} "
            f"{score.precision:>9.3f} {score.recall:>6.2f}"
        )
        lines += [f"    wrong: {row}" for row in score.wrong]
    return "\n".join(lines)
