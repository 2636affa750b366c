"""A person at the provider's own sign-in page, and the way back from there."""

from urllib.parse import parse_qsl, urlsplit

import requests

from integrations.connections import connect
from integrations.connections.attempts import Visitor
from integrations.models import ConnectAttempt, Connection

# The sandbox's companies, by what a test wants of them.
COMPANIES = {
    "quickbooks": {
        "Park & Lowe LLP": "9341450000000011",
        "Other & Sons LLP": "9341450000000044",
        "in pounds": "9341450000000036",
    },
    "xero": {
        "Park & Lowe LLP": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b01",
        "Demo Company (US)": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b02",
        "in New Zealand dollars": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b03",
        "Other & Sons LLP": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b04",
    },
}


def allow(authorize_url: str, *names: str, user: str = "pat") -> str:
    """Sign in as `user`, allow access to these companies, and give the address that the browser is sent back to."""
    provider_name = urlsplit(authorize_url).path.split("/")[1]
    form = {"user": user, "decision": "allow", "company": [COMPANIES[provider_name][name] for name in names]}
    answer = requests.post(authorize_url, data=form, allow_redirects=False, timeout=10)
    return answer.headers["Location"]


def deny(authorize_url: str) -> str:
    answer = requests.post(authorize_url, data={"decision": "deny"}, allow_redirects=False, timeout=10)
    return answer.headers["Location"]


def parameters(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def sign_in(
    provider_name: str, visitor: Visitor, *names: str, user: str = "pat", renewing: bool = False
) -> Connection | ConnectAttempt:
    """The whole conversation. Raises ConnectFailed as `connect.finish` does."""
    url = connect.begin(provider_name, visitor, renewing=renewing)
    return connect.finish(provider_name, visitor, parameters(allow(url, *names, user=user)))
