"""What a provider's accounts are called on our pages, and which one a person means who types a name."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from integrations.models import ChartAccount

_BETWEEN = re.compile(r"\s+(?:[·:–-]\s+)?")


class NotInChart(Exception):
    """The text names no account, or more than one. The message says which, in words for the person."""


class ChartNames:
    """The accounts of one chart by their labels: "1000 · Operating Bank", told apart where two would be alike."""

    def __init__(self, chart: Iterable[ChartAccount], *, provider: str) -> None:
        self._provider = provider
        chart = list(chart)
        alike = Counter(str(target).casefold() for target in chart if target.is_listed)
        self._labels = {
            target.pk: str(target)
            if alike[str(target).casefold()] <= target.is_listed
            else f"{target} (id {target.remote_id})"
            for target in chart
        }
        self._called: dict[str, dict[int, ChartAccount]] = defaultdict(dict)
        for target in chart:
            last = target.name.rpartition(":")[2]
            for name in (self._labels[target.pk], target.number, target.name, last, f"{target.number} {last}"):
                self._called[_plain(name)][target.pk] = target

    def label(self, target: ChartAccount) -> str:
        return self._labels.get(target.pk, str(target))

    def meant_by(self, text: str) -> ChartAccount:
        """The account of this label, number or name. Raises NotInChart."""
        found = list(self._called.get(_plain(text), {}).values()) if _plain(text) else []
        # An account that left the chart gives way to one that took its name or number.
        found = [target for target in found if target.is_listed] or found
        if len(found) == 1:
            return found[0]
        short = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        if found:
            raise NotInChart(f"{self._provider} has {len(found)} accounts called “{short}”. Type the number too.")
        raise NotInChart(f"{self._provider} has no account “{short}”. Choose one from the list.")


_SHOWN = 80


def _plain(name: str) -> str:
    """Spelling that differs in nothing a person would see: case, spaces, and the mark between number and name."""
    return _BETWEEN.sub(" ", name.strip()).casefold()
