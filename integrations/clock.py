"""The database's clock. Leases, replay windows and due times are judged by it alone: workers' own clocks disagree."""

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """The present moment (not the transaction's start), UTC."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    moment: datetime = now
    return moment
