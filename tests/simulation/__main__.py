"""As many seeds as you like: `python -m tests.simulation --seeds 20000`. Ends at the first seed that fails."""

import argparse
import os
import sys

import pytest


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=20_000, help="how many (default: %(default)s)")
    arguments.add_argument("--first", type=int, default=1, help="the first one (default: %(default)s)")
    arguments.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one per core")
    chosen = arguments.parse_args()
    os.environ["SEEDS"] = f"{chosen.first}-{chosen.first + chosen.seeds - 1}"
    how = ["-q", "-x", "-p", "no:randomly", "-n", str(chosen.processes), "--maxschedchunk=1"]
    return pytest.main([*how, "tests/simulation/test_simulation.py"])


if __name__ == "__main__":
    sys.exit(main())
