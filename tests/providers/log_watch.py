"""Whatever a test run logs, held against every token that a sandbox issued in it.

A conftest that imports `watched_logs` has the watch on for its tests; whoever runs a sandbox hands over its tokens with
`remember` before they are forgotten there, and text from elsewhere (another process's log) is added with `overhear`.
"""

import logging
import re
from collections.abc import Iterable, Iterator

import pytest

# What tokens and codes are made of, and so all that has to be kept of a text to find one in it.
_LONG_WORD = re.compile(r"[\w.-]{16,}", re.ASCII)


class LogWatch(logging.Handler):
    """Keeps the long words of all that is logged, tracebacks included, and the first logger that said each."""

    def __init__(self) -> None:
        super().__init__()
        self._speakers: dict[str, str] = {}
        self._issued: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.overhear(self.format(record), speaker=f"{record.name} ({record.filename}:{record.lineno})")

    def overhear(self, text: str, *, speaker: str) -> None:
        for word in _LONG_WORD.findall(text):
            self._speakers.setdefault(word, speaker)

    def remember(self, secrets: Iterable[str]) -> None:
        """Raises ValueError for a secret that would not be found, since it is short or holds other characters."""
        for secret in secrets:
            if not _LONG_WORD.fullmatch(secret):
                raise ValueError("A token is too short, or of other characters, to be searched for.")
            self._issued.add(secret)

    def leaks(self) -> list[str]:
        """Who said a token; the tokens themselves are not repeated."""
        everything = "\n".join(self._speakers)
        leaked = [secret for secret in self._issued if secret in everything]
        return sorted({who for word, who in self._speakers.items() for secret in leaked if secret in word})


WATCH = LogWatch()
remember, overhear = WATCH.remember, WATCH.overhear


@pytest.fixture(scope="session", autouse=True)
def watched_logs() -> Iterator[LogWatch]:
    """Fails the run at its end when a token is in the logs."""
    logging.getLogger().addHandler(WATCH)
    yield WATCH
    logging.getLogger().removeHandler(WATCH)
    assert WATCH.leaks() == []
