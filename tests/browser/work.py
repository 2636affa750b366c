"""The workers' part, in a thread beside the browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections as databases

from integrations.mapping import chart
from integrations.models import Connection
from tests.mirror.conftest import pass_over


@contextmanager
def worker() -> Iterator[None]:
    """Reads charts and sends what is due, as the workers do."""
    ended = threading.Event()

    def work() -> None:
        try:
            while not ended.wait(0.2):
                for connection in Connection.objects.connected():
                    chart.read_if_due(connection.pk)
                    pass_over(connection)
        finally:
            databases.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
