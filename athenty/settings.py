"""All settings, read from the environment.

`ATHENTY_PROFILE` is `production` unless set to `local`, which `make demo` and the tests do. The local profile gives
everything a default and allows the sandbox over plain http on this machine; production asks for each secret by name.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from athenty import env
from athenty.local import addresses

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL = env.text("ATHENTY_PROFILE", "production", choices=("production", "local")) == "local"


def _local(default: str) -> dict[str, Any]:
    """Keyword arguments that give a setting its default in the local profile only."""
    return {"default": default} if LOCAL else {}


# Web -----------------------------------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env.text("SECRET_KEY", **_local("not-a-secret-used-by-the-local-profile-only-0123456789"))
SITE_URL = env.url("SITE_URL", **_local(addresses.site_url()), plain_http_on_loopback=LOCAL)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,testserver" if LOCAL else "") or [
    SITE_URL.split("//")[1].split(":")[0]
]
SUPPORT_EMAIL = env.text("SUPPORT_EMAIL", "support@athenty.example")

INSTALLED_APPS = [
    "athenty.apps.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    "template_partials",
    "athenty.apps.AthentyConfig",
    "athenty.organizations",
    "audit",
    "ledger",
    "integrations",
]
if LOCAL:
    INSTALLED_APPS.append("athenty.local")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # It pads each answer at random and Django masks the CSRF token anew, so lengths tell nothing (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "athenty.http.SafeHeadersMiddleware",
]
ROOT_URLCONF = "athenty.urls"
WSGI_APPLICATION = "athenty.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "athenty.http.frame",
            ],
        },
    },
]
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.text("STATIC_ROOT", BASE_DIR / "staticfiles")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Where they are found when asked for, not all at each start: a test starts the pages a thousand times.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = LOCAL

# The mapping table sends a field for each account of the firm.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would drop the session on the way back from the provider
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SECURE_SSL_REDIRECT = not LOCAL
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not LOCAL
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_TLS_PROXY", default=not LOCAL) else None
)
# Not "no-referrer": browsers then send "Origin: null" with forms, and the CSRF check refuses them.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "athenty.error_pages.csrf_failure"

AUTH_USER_MODEL = "organizations.User"
LOGIN_URL = "organizations:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "organizations:sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# Postgres and Redis --------------------------------------------------------------------------------------------------
DATABASES = {"default": env.postgres("DATABASE_URL", **_local(addresses.database_url()))}
DATABASES["default"] |= {
    # A pool, since Celery closes Django's own persistent connections around every task.
    "OPTIONS": {
        # Of statements by hand (`integrations/by_hand.py`); the ORM has its own written anew each time.
        "prepare_threshold": 1,
        "pool": {
            "min_size": 1,
            "max_size": env.integer("DATABASE_POOL_SIZE", 24, at_least=2, at_most=200),
            "timeout": 15,
        },
        # No statement of ours should run for long, and a worker's threads have no other time limit.
        "options": "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000",
        "connect_timeout": 5,
    },
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis("REDIS_URL", **_local(addresses.redis_url()))

# Celery only wakes workers; Postgres holds what is due. Every blocking call has its own bound, since the threads pool
# knows no time limits.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker, however long that is away
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_TIMEOUT = 3

# The mirror ----------------------------------------------------------------------------------------------------------
MIRROR_BATCH_INTERVAL = env.duration("MIRROR_BATCH_INTERVAL_SECONDS", timedelta(hours=4))
MIRROR_SWEEP_INTERVAL = env.duration("MIRROR_SWEEP_INTERVAL_SECONDS", timedelta(seconds=10))
# With the workers down, ticks must not pile up. But a worker judges that by its own clock, which may be minutes ahead
# of beat's, and must not throw all of them away then.
_TICKS_EXPIRE = {"expires": timedelta(minutes=15).total_seconds()}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "integrations.mirror.tasks.sweep",
        "schedule": MIRROR_SWEEP_INTERVAL,
        "options": _TICKS_EXPIRE,
    },
}

# Renewing idle access, warning before it ends, giving back what is no longer wanted.
CONNECTIONS_CARE_INTERVAL = env.duration("CONNECTIONS_CARE_INTERVAL_SECONDS", timedelta(minutes=1))
CELERY_BEAT_SCHEDULE["care"] = {
    "task": "integrations.connections.tasks.care",
    "schedule": CONNECTIONS_CARE_INTERVAL,
    "options": _TICKS_EXPIRE,
}

# Where tokens' data keys are wrapped: integrations/connections/kms/
KMS_BACKEND = env.text("KMS_BACKEND", **_local("local"), choices=("aws-kms", "local"))
KMS_AWS_KEY_ID = env.text("KMS_AWS_KEY_ID", "")
# Keys that still open what they wrapped, until `manage.py rotate_keys` has moved everything to the present one.
KMS_AWS_OLD_KEY_IDS = env.words("KMS_AWS_OLD_KEY_IDS")
KMS_LOCAL_OLD_KEY_FILES = env.words("KMS_LOCAL_OLD_KEY_FILES")
KMS_AWS_ENDPOINT_URL = env.text("KMS_AWS_ENDPOINT_URL", "")
KMS_LOCAL_KEY_FILE = env.text("KMS_LOCAL_KEY_FILE", addresses.state_folder() / "kms.key" if LOCAL else "")

# The providers' own addresses are the defaults; the local profile points at the sandbox that `make demo` starts.
QUICKBOOKS_CLIENT_ID = env.text("QUICKBOOKS_CLIENT_ID", **_local("demo-quickbooks"))
QUICKBOOKS_CLIENT_SECRET = env.text("QUICKBOOKS_CLIENT_SECRET", **_local("demo-quickbooks-secret"))
# How many entries a company takes in a minute. 500 counts each item of a batch as one of its 500 requests, which Intuit
# does not say clearly; where its own sandbox has shown that a batch counts once, 40 batches of 30 go.
QUICKBOOKS_ENTRIES_PER_MINUTE = env.integer("QUICKBOOKS_ENTRIES_PER_MINUTE", 500, at_least=30, at_most=1200)
XERO_CLIENT_ID = env.text("XERO_CLIENT_ID", **_local("demo-xero"))
XERO_CLIENT_SECRET = env.text("XERO_CLIENT_SECRET", **_local("demo-xero-secret"))
_sandbox = addresses.sandbox_url() if LOCAL else None


def _provider_url(name: str, real: str, sandbox_path: str) -> str:
    return env.url(name, f"{_sandbox}{sandbox_path}" if _sandbox else real, plain_http_on_loopback=LOCAL)


QUICKBOOKS_AUTHORIZE_URL = _provider_url(
    "QUICKBOOKS_AUTHORIZE_URL", "https://appcenter.intuit.com/connect/oauth2", "/quickbooks/connect/oauth2"
)
QUICKBOOKS_TOKEN_URL = _provider_url(
    "QUICKBOOKS_TOKEN_URL",
    "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
    "/quickbooks/oauth2/v1/tokens/bearer",
)
QUICKBOOKS_REVOKE_URL = _provider_url(
    "QUICKBOOKS_REVOKE_URL",
    "https://developer.api.intuit.com/v2/oauth2/tokens/revoke",
    "/quickbooks/v2/oauth2/tokens/revoke",
)
QUICKBOOKS_API_URL = _provider_url("QUICKBOOKS_API_URL", "https://quickbooks.api.intuit.com", "/quickbooks")
XERO_AUTHORIZE_URL = _provider_url(
    "XERO_AUTHORIZE_URL", "https://login.xero.com/identity/connect/authorize", "/xero/identity/connect/authorize"
)
XERO_TOKEN_URL = _provider_url("XERO_TOKEN_URL", "https://identity.xero.com/connect/token", "/xero/connect/token")
XERO_REVOKE_URL = _provider_url(
    "XERO_REVOKE_URL", "https://identity.xero.com/connect/revocation", "/xero/connect/revocation"
)
XERO_CONNECTIONS_URL = _provider_url("XERO_CONNECTIONS_URL", "https://api.xero.com/connections", "/xero/connections")
XERO_API_URL = _provider_url("XERO_API_URL", "https://api.xero.com/api.xro/2.0", "/xero/api.xro/2.0")
# Where a person finds a journal on the providers' own pages. Both are widely used in links and documented by neither.
QUICKBOOKS_JOURNAL_URL = env.text(
    "QUICKBOOKS_JOURNAL_URL",
    f"{_sandbox}/books/quickbooks/{{company_id}}?journal={{journal_id}}"
    if _sandbox
    else "https://app.qbo.intuit.com/app/journal?txnId={journal_id}",
)
XERO_JOURNAL_URL = env.text(
    "XERO_JOURNAL_URL",
    f"{_sandbox}/books/xero/{{company_id}}?journal={{journal_id}}"
    if _sandbox
    else "https://go.xero.com/Journal/View.aspx?invoiceID={journal_id}",
)
if LOCAL:
    # oauthlib refuses http:// outright. env.url lets it through for loopback hosts in this profile only.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

# Mail to owners and admins. Without a server the local profile writes it to the console.
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, at_least=1, at_most=65_535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", SUPPORT_EMAIL)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST or not LOCAL else 'console'}.EmailBackend"

# Logging -------------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # At DEBUG these print tokens, codes and Authorization headers: held at INFO whatever LOG_LEVEL says.
        name: {"level": "INFO"}
        for name in ("requests_oauthlib", "oauthlib", "urllib3", "xero_python", "quickbooks", "botocore")
    },
}
