"""Finding and starting a Chromium that runs without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Debian's headless shell starts in half the time of the whole browser.
_NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
# What asks servers elsewhere would only fail, and slowly, where there is no way out.
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

MISSING = "There is no Chromium: install chromium-headless-shell or chromium, or name one in CHROMIUM."


def path() -> str | None:
    """Where the browser is; None where there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running() -> Iterator[Any]:
    """Playwright's browser. Its loop runs in this thread, which Django takes for an async one and refuses to serve."""
    from playwright.sync_api import sync_playwright

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path(), args=_ARGUMENTS)
            yield browser
            browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
