"""Run one part: python -m tests.bench.parts NAME SIZE FILE. Writes a line of JSON for each figure, and null once all is
measured and only to be counted."""

import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.bench.parts import PARTS
from tests.bench.stage import raised


def main(name: str, size: str, told: str) -> int:
    with Path(told).open("w", buffering=1) as out, raised(speed=PARTS[name].speed) as stage:
        part = importlib.import_module(f"tests.bench.parts.{name}")  # imports models, so Django has to be there
        for figure in part.run(stage, size):
            out.write(json.dumps(figure and asdict(figure)) + "\n")
        out.write("null\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
