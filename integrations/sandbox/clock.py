"""The sandbox's clock: the real one plus an offset that the control API moves forward."""

import time
from datetime import UTC, datetime

from .store import Store


class Clock:
    """Seconds since 1970, UTC. The offset is kept in the store, so a restart does not turn time back."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset = float(store.setting("clock_offset", "0"))

    def now(self) -> float:
        return time.time() + self._offset

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        self._offset += seconds
        self._store.set_setting("clock_offset", str(self._offset))

    def reset(self) -> None:
        self._offset = 0.0
