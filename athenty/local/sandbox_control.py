"""The sandbox's control surface: what a test or the demo may ask of it beside what Intuit and Xero offer."""

from typing import Any

import requests

_TIMEOUT = (3, 30)


class SandboxControl:
    def __init__(self, url: str) -> None:
        self._url = f"{url}/control"
        self._session = requests.Session()
        self._session.trust_env = False

    def add_accounts(self, provider: str, company_id: str, accounts: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Add accounts to the company's chart, in the provider's own words; answers them as the provider would."""
        answer = self._ask("POST", f"{provider}/{company_id}/accounts", json={"accounts": accounts})
        added: list[dict[str, Any]] = answer["accounts"]
        return added

    def refuse_account(self, provider: str, company_id: str, account_id: str, *, how: str = "closed") -> None:
        """Refuse postings to it from now on: "inactive" shows in the chart, "closed" does not."""
        self._ask("POST", f"{provider}/{company_id}/refuse_account", json={"account_id": account_id, "how": how})

    def books(self, provider: str, company_id: str) -> dict[str, Any]:
        """Journals, references that occur twice, calls, and debits and credits per account."""
        return self._ask("GET", f"books/{provider}/{company_id}")

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer = self._session.request(method, f"{self._url}/{path}", timeout=_TIMEOUT, **arguments)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body
