"""A firm whose owner sits before a browser, and the sandbox as the provider."""

from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from tests.connections.sign_in import allow
from tests.mirror.conftest import Firm, _key_file, firm, provider_name, sandbox
from tests.signed_in import signed_in

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]


@pytest.fixture
def browser(firm) -> Client:
    return browser_of(firm)


def browser_of(firm: Firm) -> Client:
    return signed_in(firm.owner)


def press_connect(browser: Client, provider_name: str, **extra: str) -> str:
    """Press Connect; the address at the provider that the browser is sent to."""
    response = browser.post(reverse("integrations:connect", args=[provider_name]), **extra)
    assert response.status_code == 302
    return response.headers["Location"]


def come_back(browser: Client, address: str):
    """Follow the provider's redirect to our callback, as the browser does."""
    parts = urlsplit(address)
    return browser.get(f"{parts.path}?{parts.query}")


def connect(browser: Client, provider_name: str, company: str = "Park & Lowe LLP") -> None:
    response = come_back(browser, allow(press_connect(browser, provider_name), company))
    assert response.status_code == 302


def token_calls(sandbox) -> int:
    return sum(len(sandbox.requests(provider, "token")) for provider in ("quickbooks", "xero"))
