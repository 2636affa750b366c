"""The accounts to add at a provider that refuses journals to the ones a firm would choose."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from integrations.mapping.suggestions import suggest, words
from integrations.models import ChartAccount, Connection
from integrations.providers.base import Classification, ClearingGuide
from ledger.models import Account

_LONGEST_NAME = 150
# What a firm calls accounts that its accounting system keeps as bank accounts, whatever their bank is called there.
_BANK_WORDS = {"bank", "cash", "checking", "chequing", "savings", "visa", "mastercard", "amex", "paypal"}


@dataclass(frozen=True)
class AccountToAdd:
    """An account to add there: `number` is free in that chart, `kind` is the type in the provider's words."""

    account: Account
    number: str
    name: str
    kind: str
    instead_of: ChartAccount | None
    """The account there that would be meant, and refuses journals."""


def accounts_to_add(
    connection: Connection, lacking: Collection[Account], chart: Collection[ChartAccount]
) -> list[AccountToAdd]:
    """One for each of these accounts of ours whose counterpart refuses journals. None where all take them."""
    guide = connection.provider.clearing
    if guide is None:
        return []
    shut = [target for target in chart if target.refusal in guide.refusals]
    meant = suggest(lacking, shut)
    wanted = [account for account in lacking if account.pk in meant or _is_kept_at_a_bank(account)]
    taken = {target.number for target in chart}
    return [
        AccountToAdd(
            account=account,
            number=_free_number(account.number, taken, guide.longest_number),
            name=_name(account, chart),
            kind=_kind(account, guide),
            instead_of=meant[account.pk].target if account.pk in meant else None,
        )
        for account in wanted
    ]


def _is_kept_at_a_bank(account: Account) -> bool:
    return account.type == Account.Type.ASSET and not _BANK_WORDS.isdisjoint(words(account.name))


def _name(account: Account, chart: Iterable[ChartAccount]) -> str:
    name = f"{account.name[: _LONGEST_NAME - 20]} clearing"
    return f"{name} {account.number}" if any(row.name.casefold() == name.casefold() for row in chart) else name


def _kind(account: Account, guide: ClearingGuide) -> str:
    return guide.kinds[Classification(account.type)]


def _free_number(ours: str, taken: set[str], longest: int) -> str:
    """Our own number if it is free there, else the next that is. It counts as taken from then on."""
    number = int(ours[:longest])
    while (free := str(number).zfill(len(ours[:longest]))) in taken or len(free) > longest:
        number = number + 1 if len(free) <= longest else 1
    taken.add(free)
    return free
