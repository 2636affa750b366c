"""The Retry-After header, in both forms that HTTP allows."""

from email.utils import formatdate

from .state import sandbox

FORMS = ("seconds", "date")


def retry_after(seconds: int, form: str) -> str:
    """Seconds as they are, or the moment that lies so many seconds ahead on the sandbox's clock."""
    return formatdate(sandbox().clock.now() + seconds, usegmt=True) if form == "date" else str(seconds)
