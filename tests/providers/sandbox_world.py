"""A person with a browser at the sandbox, for tests that talk to the adapters alone."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from integrations.providers.base import Company, Provider, TokenSet

CALLBACK = "https://athenty.test/settings/integrations/callback/"
PARK_AND_LOWE = {"quickbooks": "9341450000000011", "xero": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b01"}
OTHER_AND_SONS = {"quickbooks": "9341450000000044", "xero": "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b04"}
SEND_CALL = {"quickbooks": "batch", "xero": "manualjournals"}
CLOSING_DATE = {"quickbooks": "book_close_date", "xero": "period_lock_date"}


def press(url: str, *company_ids: str, decision: str = "allow") -> dict[str, str]:
    """Sign in on the provider's page, choose, press the button; the parameters of the way back."""
    form = {"user": "pat", "company": company_ids, "decision": decision}
    answer = requests.post(url, data=form, allow_redirects=False, timeout=10)
    location = answer.headers["Location"]
    assert location.startswith(f"{CALLBACK}?")
    return dict(parse_qsl(urlsplit(location).query))


def connect(provider: Provider, *company_ids: str) -> tuple[TokenSet, list[Company]]:
    request = provider.authorization_request(redirect_uri=CALLBACK, state="the-state")
    parameters = press(request.url, *company_ids)
    assert parameters["state"] == "the-state"
    tokens = provider.exchange_code(
        code=parameters["code"],
        redirect_uri=CALLBACK,
        code_verifier=request.code_verifier,
        callback_parameters=parameters,
    )
    return tokens, provider.companies(tokens, parameters)


def totals(books: dict[str, Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Debits and credits by account id, of the accounts that have any."""
    return {
        account["id"]: (Decimal(account["debits"]), Decimal(account["credits"]))
        for account in books["accounts"]
        if (account["debits"], account["credits"]) != ("0.00", "0.00")
    }
