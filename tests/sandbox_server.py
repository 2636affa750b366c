"""The sandbox as a process of its own, and what tests ask of its control surface."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from athenty.local.sandbox_control import SandboxControl
from tests.log_watch import remember

_CHECKOUT = Path(__file__).resolve().parents[1]


class Sandbox(SandboxControl):
    """`url` is its address. Everything a test arms or moves is undone by `reset`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url
        self._registered: set[str] = set()

    def reset(self) -> None:
        remember(self.tokens_issued())
        self._ask("POST", "reset")

    def register(self, *redirect_uris: str) -> None:
        """What a reset leaves registered."""
        for uri in set(redirect_uris) - self._registered:
            self._ask("POST", "redirect-uris", json={"redirect_uri": uri})
        self._registered.update(redirect_uris)

    def arm(self, **fault: Any) -> None:
        """Break a call: which one, the n-th or a share of them, and what happens then."""
        self._ask("POST", "faults", json=fault)

    def has_struck(self) -> bool:
        """Whether a call has come that an armed fault is for."""
        return any(fault["struck"] for fault in self._ask("GET", "faults")["faults"])

    def change_company(self, provider: str, company_id: str, **settings: Any) -> None:
        self._ask("POST", f"{provider}/{company_id}/settings", json=settings)

    def accept_account(self, provider: str, company_id: str, account_id: str) -> None:
        """Take a refusal of `refuse_account` back."""
        self._ask("DELETE", f"{provider}/{company_id}/refuse_account", json={"account_id": account_id})

    def heal(self) -> None:
        """No fault is armed any more."""
        self._ask("DELETE", "faults")

    def disconnect_there(self, provider: str, company_id: str) -> None:
        """As if an administrator had removed Athenty on the provider's side."""
        self._ask("POST", f"{provider}/{company_id}/disconnect")

    def advance_clock(self, seconds: float) -> None:
        self._ask("POST", "clock", json={"advance_seconds": seconds})

    def turn(self, **switches: str) -> None:
        """Switches of the whole sandbox, each to a position."""
        self._ask("POST", "switches", json=switches)

    def set_limits(self, *, enabled: bool) -> None:
        self._ask("POST", "limits", json={"enabled": enabled})

    def count_items_as_calls(self, *, counted: bool) -> None:
        """Whether the items of a QuickBooks batch are counted like calls of their own."""
        self._ask("POST", "limits", json={"items_count_as_calls": counted})

    def requests(self, provider: str, call: str) -> list[dict[str, Any]]:
        return self._ask("GET", f"requests?provider={provider}&call={call}")["requests"]

    def journals(self, provider: str, company_id: str) -> list[dict[str, Any]]:
        return self._ask("GET", f"books/{provider}/{company_id}/journals?limit=1000")["journals"]

    def tokens_issued(self) -> list[str]:
        """Every code and token it ever gave out, in the clear."""
        return [issued["value"] for issued in self._ask("GET", "tokens-issued")["issued"]]

    def consent(self, authorize_url: str, company: str) -> str:
        """Allow access to the company on the provider's page; the address the browser is sent back to."""
        page = requests.get(authorize_url, timeout=10)
        page.raise_for_status()
        company_id = next(
            line.split('value="')[1].split('"')[0]
            for line, after in zip(page.text.splitlines(), page.text.splitlines()[1:], strict=False)
            if 'name="company"' in line and company in after.replace("&amp;", "&")
        )
        return self.allow(authorize_url, company_id)

    def allow(self, authorize_url: str, company_id: str) -> str:
        """The same without a look at the page."""
        answer = self._session.post(
            authorize_url, data={"decision": "allow", "company": company_id}, allow_redirects=False, timeout=10
        )
        return answer.headers["Location"]


@contextmanager
def running_sandbox(store: Path) -> Iterator[Sandbox]:
    log = store.with_suffix(".log")
    process = subprocess.Popen(
        [sys.executable, "-m", "integrations.sandbox", "--port", "0", "--store", str(store)],
        cwd=_CHECKOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=log.open("wb"),
        text=True,
    )
    try:
        ready = next((line for line in process.stdout if line.startswith("sandbox ready ")), None)
        if ready is None:
            raise RuntimeError(f"The sandbox ended without being ready: {log.read_text()}")
        sandbox = Sandbox(ready.split()[2])
        yield sandbox
        remember(sandbox.tokens_issued())
    finally:
        process.terminate()
        process.wait(timeout=10)


def point_at(settings: Any, url: str) -> None:
    """Have every provider address in the settings lead to the sandbox."""
    settings.QUICKBOOKS_AUTHORIZE_URL = f"{url}/quickbooks/connect/oauth2"
    settings.QUICKBOOKS_TOKEN_URL = f"{url}/quickbooks/oauth2/v1/tokens/bearer"
    settings.QUICKBOOKS_REVOKE_URL = f"{url}/quickbooks/v2/oauth2/tokens/revoke"
    settings.QUICKBOOKS_API_URL = f"{url}/quickbooks"
    settings.XERO_AUTHORIZE_URL = f"{url}/xero/identity/connect/authorize"
    settings.XERO_TOKEN_URL = f"{url}/xero/connect/token"
    settings.XERO_REVOKE_URL = f"{url}/xero/connect/revocation"
    settings.XERO_CONNECTIONS_URL = f"{url}/xero/connections"
    settings.XERO_API_URL = f"{url}/xero/api.xro/2.0"
