"""Make the migrated database that every part begins with a copy of: python -m tests.bench.prepared FOLDER."""

import os
import shutil
import sys
from pathlib import Path

from athenty.local.postgres import Postgres


def main(folder: Path) -> int:
    postgres = Postgres(folder, durable=False)
    try:
        os.environ |= {"DATABASE_URL": postgres.url, "DJANGO_SETTINGS_MODULE": "athenty.settings"}
        migrate()
    finally:
        postgres.stop()
    return 0


def migrate() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def copy_into(state: Path, prepared: Path) -> None:
    """Before a server is started on `state`."""
    for data in prepared.glob("postgres-*"):
        shutil.copytree(data, state / data.name, symlinks=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
