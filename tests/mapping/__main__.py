"""`python -m tests.mapping`: how good the suggestions are against the truth made by hand. Leaves with 0 when good
enough."""

import os
import sys

import django


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")
    os.environ.setdefault("ATHENTY_PROFILE", "local")
    django.setup()
    from tests.mapping import score

    found = score.scores()
    sys.stdout.write(f"{score.table(found)}\n")
    return 0 if all(each.is_good_enough for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
