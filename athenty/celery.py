"""The Celery application: `manage.py worker` and `celery -A athenty beat`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_ready
from kombu.transport.redis import Channel

from athenty import garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")
# Django's checks would load every page and form, for as long as a worker lives. What a worker must not start with is
# asked below; the rest was asked before anything was deployed (`manage.py check --deploy`).
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

# A worker whose broker goes away would give back the wake-ups that it has not begun, and may end by trying: kombu asks
# a connection that is gone for its address. They need not be given back, since the sweep finds what is due.
Channel.do_restore = False

app = Celery("athenty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["integrations.mirror", "integrations.connections"])


@worker_init.connect
def check_before_work(**_: Any) -> None:
    from athenty.checks import refuse_unsafe_start  # settings and apps are ready by now, not when this is imported

    refuse_unsafe_start(opens_tokens=True)
    _load_providers()


def _load_providers() -> None:
    """The SDKs take a moment to import, which the first send of each provider would wait for."""
    from integrations.providers import PROVIDERS

    list(PROVIDERS.values())


@worker_ready.connect
def set_aside_what_is_here(**_: Any) -> None:
    garbage.set_aside_what_is_here()
