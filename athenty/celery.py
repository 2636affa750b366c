"""The Celery application: `celery -A athenty worker -P threads` and `celery -A athenty beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")

app = Celery("athenty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["integrations.mirror", "integrations.connections"])
