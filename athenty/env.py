"""Read settings from the environment. A missing or malformed value stops the start, naming it and what it should be."""

import os
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_UNSET = object()


def text(name: str, default: object = _UNSET, *, choices: tuple[str, ...] = ()) -> str:
    """The variable's text, stripped. Without a default it must be set and not be empty."""
    value = os.environ.get(name, "").strip()
    if not value:
        if default is _UNSET:
            raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; README.md says what it holds.")
        return str(default)
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name} is {value!r}; it should be one of: {', '.join(choices)}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    value = text(name, "").lower()
    if value and value not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; it should be true or false.")
    return value in _TRUE if value else default


def integer(name: str, default: int, *, at_least: int, at_most: int) -> int:
    value = text(name, default)
    if not value.isdecimal() or not at_least <= int(value) <= at_most:
        raise ImproperlyConfigured(f"{name} is {value!r}; it should be a whole number from {at_least} to {at_most}.")
    return int(value)


def duration(name: str, default: timedelta) -> timedelta:
    """A length of time given in whole seconds."""
    seconds = integer(name, int(default.total_seconds()), at_least=1, at_most=7 * 86_400)
    return timedelta(seconds=seconds)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, default: object = _UNSET, *, plain_http_on_loopback: bool = False) -> str:
    """An https address without a trailing slash.

    Plain http is refused, since tokens travel there, but for a loopback host when `plain_http_on_loopback`.
    """
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme == "http" and loopback and plain_http_on_loopback:
        return value
    if parts.scheme != "https" or not parts.hostname:
        raise ImproperlyConfigured(f"{name} is {value!r}; it should be an https:// address.")
    return value


def postgres(name: str, default: object = _UNSET) -> dict[str, object]:
    """Django's database settings from `postgresql://user:password@host:port/name`.

    A socket directory is given percent-encoded as the host, as libpq does: `postgresql://app@%2Frun%2Fpg/athenty`.
    """
    value = text(name, default)
    parts = urlsplit(value)
    database = parts.path.lstrip("/")
    # urlsplit lowers the host's case, which a socket directory would not survive.
    host = unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
    if parts.scheme not in {"postgres", "postgresql"} or not database or not host:
        raise ImproperlyConfigured(
            f"{name} is malformed; it should look like postgresql://user:password@host:5432/name."
        )
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name} has a malformed port; it should be a number.") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(database),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host if host.startswith("/") else (parts.hostname or ""),
        "PORT": str(port or ""),
    }


def redis(name: str, default: object = _UNSET) -> str:
    value = text(name, default)
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured(f"{name} is malformed; it should look like redis://host:6379/0.")
    return value
