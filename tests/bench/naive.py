"""P1, the peer, for real: what most would write first, as `tests/faults/naive.py` describes it, on Celery and Redis.

One task for each entry, `.delay()` on commit, `requests.post`, as many retries as anybody could want with exponential
backoff. Its queue is a Redis database of its own, so that neither mirror sees the other's tasks.
"""

import os
from urllib.parse import urlsplit

import requests
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")

from athenty.local import addresses
from tests.bench import hurry

_DATABASE = 5
_RETRIES, _LONGEST_BACKOFF_SECONDS, _TIMEOUT_SECONDS = 12, 3600.0, 30.0

app = Celery("naive", broker=urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{_DATABASE}").geturl())
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    broker_url=app.conf.broker_url.rsplit("/", 1)[0] + f"/{_DATABASE}",
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=4,
    beat_schedule={},
)


@app.task(bind=True, max_retries=_RETRIES)
def post(self: object, connection_id: str, entry_id: int) -> None:
    from integrations.connections import tokens
    from integrations.models import Connection, SealedGrant
    from ledger.models import JournalEntry
    from tests.faults.naive import is_accepted, request_for

    connection = Connection.objects.select_related("organization").get(pk=connection_id)
    entry = JournalEntry.objects.prefetch_related("lines").get(pk=entry_id)
    where = tokens.place(connection.organization_id, connection.provider_name, connection.pk)
    access = tokens.open_tokens(SealedGrant.objects.get(connection=connection).tokens, where).access
    request = request_for(connection, entry, addresses.sandbox_url())
    try:
        answer = requests.request(
            request.method, request.url, data=request.data, timeout=_TIMEOUT_SECONDS,
            headers=request.headers | {"Authorization": f"Bearer {access}"},
        )  # fmt: skip
        accepted = is_accepted(answer.status_code, answer.content)
    except requests.RequestException:
        accepted = False
    if not accepted:
        wait = min(2.0**self.request.retries, _LONGEST_BACKOFF_SECONDS)
        raise self.retry(countdown=wait / hurry.speed())


def backlog() -> int:
    """Tasks that no worker has taken yet."""
    from redis import Redis

    with Redis.from_url(app.conf.broker_url) as broker:
        return int(broker.llen("celery"))


def clear() -> None:
    from redis import Redis

    with Redis.from_url(app.conf.broker_url) as broker:
        broker.flushdb()
