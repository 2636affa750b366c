"""As if Postgres let go of what it keeps for good."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection as database
from django.db.models import Model


@contextmanager
def unguarded(*models: type[Model]) -> Iterator[None]:
    """Without the triggers of these models' tables."""
    _switch("DISABLE", models)
    yield
    _switch("ENABLE", models)


def _switch(to: str, models: tuple[type[Model], ...]) -> None:
    with database.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is still to be checked keeps a table as it is
        for model in models:
            cursor.execute(f'ALTER TABLE "{model._meta.db_table}" {to} TRIGGER USER')
