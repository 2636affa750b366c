"""Which of their accounts is probably meant by ours: a hint with its reason, for a person to accept.

Scored on name, type, trust and number together. A number alone says nothing: 1100 is a bank in one chart and
receivables in the next. What is doubtful is left open, since a wrong hint costs more than none.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process

from integrations.models import ChartAccount
from integrations.providers.base import Classification
from ledger.models import Account

# Found by `make mapping-score` on charts that nobody here wrote: a higher bar loses hints, a lower one lets wrong ones
# in. `_LEAD` is by how much the best must beat the next.
_BAR, _LEAD = 0.58, 0.06
_SAME_NUMBER = 0.08
_ALIKE = 84
"""How alike two words must be, of 100, to be one: it takes in plurals and slips of the pen, not other words."""
# A slip of the pen in a long word. "realised" and "unrealised" are 89 alike, and are two words.
_LONG, _MISSPELT = 7, 92

_WORDS = re.compile(r"[a-z]+")
_ABBREVIATIONS = {r"\ba/r\b": "accounts receivable", r"\ba/p\b": "accounts payable"}
_STOP = {"a", "and", "the", "of", "on", "or", "to", "for", "in", "less", "s", "r", "p"}
# Words that bookkeepers use for one another; the first of each line stands for all.
_SYNONYMS = """
    wages salary salaries payroll employee employees
    advertising marketing promotion promotional
    fees charges fee charge
    depreciation amortization amortisation
    prepaid prepayment prepayments
    equipment furniture hardware fixtures
    rent occupancy lease
    meals food entertainment
    stationery printing
    subscriptions dues
    education training
    trust iolta iola escrow
    recovered reimbursed billable
    advanced recoverable
    disbursements costs
    telephone internet phone
    utilities light power heating electricity gas
    sales revenue
    earned income
    payable payables liability liabilities
    receivable receivables
    tax taxes
    realised realized
    unrealised unrealized
"""
_MEANS = {word: line.split()[0] for line in _SYNONYMS.strip().splitlines() for word in line.split()}
# They occur in names of every kind, of a law firm's at least, and so tell little.
_COMMON = {"account", "accounts", "expense", "expenses", "other", "general", "clearing", "control", "bank", "business"}
_COMMON |= {"legal", "earned"}
# They make another account of it: accumulated depreciation is no depreciation, and no equipment either.
_DECISIVE = {"accumulated", "realised", "unrealised", "tax", "wages", "interest"}
_KINDS_OF_TAX = {"sales", "earned"}


@dataclass(frozen=True)
class Suggestion:
    target: ChartAccount
    reason: str
    score: float
    """Of 1."""


def suggest(accounts: Iterable[Account], chart: Collection[ChartAccount]) -> dict[int, Suggestion]:
    """Our account's id to the target it probably means. `chart`: only targets that may be chosen."""
    index = _Index(chart)
    found = {account.pk: index.best(account) for account in accounts}
    return {pk: suggestion for pk, suggestion in found.items() if suggestion}


@dataclass(frozen=True)
class _Entry:
    position: int
    target: ChartAccount
    name: str
    """For comparing, whatever its case."""
    decisive: frozenset[str]
    weight: float
    """Of all words of its name."""


class _Index:
    """The chart by its words, so that an account is compared only with targets that share one."""

    def __init__(self, chart: Collection[ChartAccount]) -> None:
        named = [(target, words(target.name)) for target in chart]
        self._rarity = Counter(word for _, held in named for word in held)
        self._alike: dict[str, dict[str, float]] = {}
        self._by_word: dict[tuple[str, bool], dict[str, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
        for position, (target, held) in enumerate(named):
            # Client money is never guessed to lie among the firm's own, nor the class to be another.
            group = (target.classification, target.is_trust or "trust" in held)
            weight = sum(map(self._weight, held))
            entry = _Entry(position, target, target.name.casefold(), _decisive(held), weight)
            for word in held:
                self._by_word[group][word].append(entry)

    def best(self, account: Account) -> Suggestion | None:
        ranked = sorted(self._scored(account), key=lambda scored: -scored[0])
        if not ranked or ranked[0][0] < _BAR:
            return None
        score, target = ranked[0]
        rivals = [other for close, other in ranked[1:] if close > score - _LEAD]
        if any(_is_same_name(account, target) == _is_same_name(account, rival) for rival in rivals):
            return None
        return Suggestion(target, _reason(account, target), round(score, 2))

    def _scored(self, account: Account) -> list[tuple[float, ChartAccount]]:
        """How much of both names is shared, rare words weighing more, and a little for the same number."""
        ours, name = words(account.name), account.name.casefold()
        our_weight, decisive = sum(map(self._weight, ours)), _decisive(ours)
        scored = []
        for entry, shared in self._sharing(account, ours).values():
            if entry.decisive == decisive:
                score = 1.0 if entry.name == name else 2 * shared / (our_weight + entry.weight)
                scored.append((score + (_SAME_NUMBER if account.number == entry.target.number else 0), entry.target))
        return scored

    def _sharing(self, account: Account, ours: Iterable[str]) -> dict[int, tuple[_Entry, float]]:
        """The targets of its class that share words with it, and what those words weigh."""
        by_word = self._by_word[account.type, account.is_trust]
        sharing: dict[int, tuple[_Entry, float]] = {}
        for word in ours:
            best: dict[int, tuple[_Entry, float]] = {}
            for known, sure in self._matches(word).items():
                for entry in by_word.get(known, ()):
                    if sure > best.get(entry.position, (entry, 0.0))[1]:
                        best[entry.position] = (entry, sure)
            weight = self._weight(word)
            for position, (entry, sure) in best.items():
                sharing[position] = (entry, sharing.get(position, (entry, 0.0))[1] + weight * sure)
        return sharing

    def _matches(self, word: str) -> dict[str, float]:
        """The chart's words that are this one, and how sure that is, of 1."""
        if word not in self._alike:
            found = process.extract(word, self._rarity.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE, limit=None)
            self._alike[word] = {known: score / 100 for known, score, _ in found}
        return self._alike[word]

    def _weight(self, word: str) -> float:
        return 0.25 if word in _COMMON else 1 / math.sqrt(max(self._rarity[word], 1))


def words(name: str) -> tuple[str, ...]:
    """The telling words of an account's name, each once, in the bookkeeper's usual word for it."""
    text = name.casefold().rpartition(":")[2] or name.casefold()
    for pattern, meaning in _ABBREVIATIONS.items():
        text = re.sub(pattern, meaning, text)
    return tuple(dict.fromkeys(_usual(word) for word in _WORDS.findall(text) if word not in _STOP))


@lru_cache(maxsize=10_000)
def _usual(word: str) -> str:
    """The bookkeeper's usual word for it, also when it is misspelt ("liabilites")."""
    if word in _MEANS or len(word) < _LONG:
        return _MEANS.get(word, word)
    misspelt = process.extractOne(word, _MEANS.keys(), scorer=fuzz.ratio, score_cutoff=_MISSPELT)
    return _MEANS[misspelt[0]] if misspelt else word


def _decisive(held: Collection[str]) -> frozenset[str]:
    decide = _DECISIVE | _KINDS_OF_TAX if "tax" in held else _DECISIVE
    return frozenset(decide.intersection(held))


def _is_same_name(account: Account, target: ChartAccount) -> bool:
    return account.name.casefold() == target.name.casefold()


def _reason(account: Account, target: ChartAccount) -> str:
    parts = ["same name" if _is_same_name(account, target) else "similar name"]
    if account.number == target.number:
        parts.append("same number")
    if account.is_trust:
        parts.append("marked as trust there" if target.is_trust else "named for trust")
    parts.append(f"same class ({Classification(target.classification)})")
    return ", ".join(parts)
