"""The fault tests and their table: `python -m tests.faults [--quick | --whole]`. Ends with 0 only if nothing of ours
was lost or doubled and every criterion was met."""

import argparse
import sys

import pytest


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    size = arguments.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="without what takes more than a few minutes")
    size.add_argument(
        "--whole",
        action="store_true",
        help="only what is defined to last longer than all the others together, as long as that: an hour without beat"
        " (F24), half an hour of kills (F03) and of a held snapshot (F26), ten minutes of F04, F05, F06 and F08",
    )
    chosen, others = arguments.parse_known_args()
    which = "faults and not whole"
    if chosen.quick or chosen.whole:
        which = "faults and not long" if chosen.quick else "whole"
    # What mostly waits comes first (see conftest.py), two tests to a process; the last does everything else meanwhile.
    side_by_side = ["-n", "3" if chosen.quick else "4", "--maxschedchunk", "1"]
    return pytest.main(["-q", "-p", "no:randomly", *side_by_side, "-m", which, "tests/faults", *others])


if __name__ == "__main__":
    sys.exit(main())
