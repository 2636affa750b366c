"""The Celery application: `celery -A athenty worker -P threads` and `celery -A athenty beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")

app = Celery("athenty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["integrations.mirror", "integrations.connections"])


@worker_init.connect
def check_before_work(**_: Any) -> None:
    from athenty.checks import refuse_unsafe_start  # settings and apps are ready by now, not when this is imported

    refuse_unsafe_start(opens_tokens=True)
