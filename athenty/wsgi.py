"""The WSGI entry point: `gunicorn athenty.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")

application = get_wsgi_application()

# Settings and apps have to be there before these.
from athenty import garbage, urls  # noqa: E402, F401  # pages are loaded now, and no request waits for it
from athenty.checks import refuse_unsafe_start  # noqa: E402

refuse_unsafe_start(opens_tokens=False)
garbage.set_aside_what_is_here()
