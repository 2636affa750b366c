"""Three hundred seeds in `make test`. `SEED=n` replays one.

`python -m tests.simulation` runs as many as you like.
"""

import gc
import os
from contextlib import contextmanager

import pytest

from tests.simulation.simulation import run_seed
from tests.simulation.world import simulated_world

_AT_A_TIME = 150


def _shares() -> list[range]:
    """Two, since `make test` has two processes, and making a world takes as long as ten seeds."""
    if seed := os.environ.get("SEED"):
        return [range(int(seed), int(seed) + 1)]
    first, _, last = os.environ.get("SEEDS", "1-300").partition("-")
    return [
        range(start, min(start + _AT_A_TIME, int(last) + 1)) for start in range(int(first), int(last) + 1, _AT_A_TIME)
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seeds", _shares(), ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_whatever_happens_nothing_is_lost_and_nothing_doubled(seeds, tmp_path):
    with simulated_world(str(tmp_path / "kms.key")) as world, without_garbage_collection():
        for seed in seeds:
            run_seed(world, seed)


@contextmanager
def without_garbage_collection():
    """A tenth of the time goes into looking for garbage of which there is hardly any."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
