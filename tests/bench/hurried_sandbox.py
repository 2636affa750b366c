"""The sandbox, by the hurried clock: python -m tests.bench.hurried_sandbox --port N --store PATH."""

import sys

from integrations.sandbox import cli, clock
from tests.bench import hurry


def main() -> int:
    clock.Clock.now = lambda self: hurry.now() + self._offset
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
