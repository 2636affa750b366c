from collections.abc import Iterator
from pathlib import Path

import pytest

from athenty.local.folders import PrivateFolder


@pytest.fixture
def state() -> Iterator[Path]:
    """An empty state folder with a short path."""
    folder = PrivateFolder("test")
    yield folder.path
    folder.remove()
