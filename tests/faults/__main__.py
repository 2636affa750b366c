"""The fault tests and their table: `python -m tests.faults [--quick]`. Ends with 0 only if nothing of ours was lost or
doubled and every criterion was met."""

import argparse
import sys

import pytest


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="without what takes more than a few minutes")
    chosen, others = arguments.parse_known_args()
    which = "faults and not long" if chosen.quick else "faults"
    where = ["tests/faults", "tests/simulation"]
    return pytest.main(["-q", "-p", "no:randomly", "-n", "0", "-m", which, *where, *others])


if __name__ == "__main__":
    sys.exit(main())
