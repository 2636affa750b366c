"""What the product logs in a run, and that no token stands in it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.invariants import Broken
from tests.simulation.world import World


@contextmanager
def captured_log() -> Iterator[list[str]]:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Keep(), logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [handler]
    try:
        yield lines
    finally:
        root.handlers[:] = before


def nothing_secret(world: World, log: list[str]) -> None:
    text = "\n".join(log)
    for row in world.provider.sandbox.store.rows("SELECT value FROM tokens"):
        if row["value"] in text:
            raise Broken("I8: a token stands in the log")
