"""Whatever a test run logs, held against every code and token that a sandbox issued in it.

`tests/conftest.py` has the watch on for the whole run, in each of its processes. Who runs a sandbox hands over what it
issued with `remember` before it is forgotten there. Logs of other processes are read at the end, from all files named
`*.log` in the run's temporary folder; any other text is added with `overhear`.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

# What tokens and codes are made of, and so all that has to be kept of a text to find one in it.
_SHORTEST = 16
_LONG_WORD = re.compile(rf"[\w.-]{{{_SHORTEST},}}", re.ASCII)
_CANARY = "a-word-by-which-the-watch-finds-that-it-hears"


class LogWatch(logging.Handler):
    """Keeps the long words of all that is logged, tracebacks included, and the first place that said each."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, str] = {}
        self._issued: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.overhear(self.format(record), place=f"{record.name} ({record.filename}:{record.lineno})")

    def overhear(self, text: str, *, place: str) -> None:
        for word in _LONG_WORD.findall(text):
            self._places.setdefault(word, place)

    def overhear_file(self, log: Path) -> None:
        for number, line in enumerate(log.read_text(errors="replace").splitlines(), start=1):
            self.overhear(line, place=f"{log.name}:{number}")

    def remember(self, secrets: Iterable[str]) -> None:
        """Raises ValueError for a secret that would not be found, since it is short or holds other characters."""
        for secret in secrets:
            if not _LONG_WORD.fullmatch(secret):
                raise ValueError("A token is too short, or of other characters, to be searched for.")
            self._issued.add(secret)

    def has_heard(self, word: str) -> bool:
        return word in self._places

    def leaks(self) -> list[str]:
        """The places that said a token; the tokens themselves are not repeated."""
        # By their ends, since those differ: a look-up at each character of the logs instead of a search per token.
        by_end = defaultdict(list)
        for secret in self._issued:
            by_end[secret[-_SHORTEST:]].append(secret)
        return sorted({place for word, place in self._places.items() if _holds_any(word, by_end)})


def _holds_any(word: str, by_end: dict[str, list[str]]) -> bool:
    ends = (word[start : start + _SHORTEST] for start in range(len(word) - _SHORTEST + 1))
    return any(secret in word for end in ends if end in by_end for secret in by_end[end])


WATCH = LogWatch()
remember, overhear = WATCH.remember, WATCH.overhear


@pytest.fixture(scope="session", autouse=True)
def watched_logs(tmp_path_factory) -> Iterator[LogWatch]:
    """Fails the run at its end when a token is in the logs."""
    logging.getLogger().addHandler(WATCH)
    yield WATCH
    logging.getLogger(__name__).warning("The run ends: %s", _CANARY)
    logging.getLogger().removeHandler(WATCH)
    for log in tmp_path_factory.getbasetemp().rglob("*.log"):
        WATCH.overhear_file(log)
    if not WATCH.has_heard(_CANARY):
        pytest.fail("Something in this run took the search for tokens off the logs.", pytrace=False)
    if leaks := WATCH.leaks():
        pytest.fail(f"A token that the sandbox issued is in the logs, from: {', '.join(leaks)}.", pytrace=False)
