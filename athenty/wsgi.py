"""The WSGI entry point: `gunicorn athenty.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")

application = get_wsgi_application()
