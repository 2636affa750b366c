"""Many threads, two tenants, one process: every call goes out with its own tenant's token."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.providers import PROVIDERS
from tests.providers.examples import company, draft, sealed_send
from tests.providers.scripted_server import Reply

THREADS, ROUNDS = 20, 10
TENANTS = {"1111": "token-of-the-first-firm", "2222": "token-of-the-second-firm"}
ANSWERS = {
    "quickbooks": {"BatchItemResponse": [{"bId": "1", "JournalEntry": {"Id": "1"}}]},
    "xero": {"ManualJournals": [{"Narration": "ATH-1 x", "ManualJournalID": "9c54a4ae-6dcf-4c2c-9b43-1f2a3b4c5d6e"}]},
}


@pytest.mark.parametrize("name", PROVIDERS)
def test_twenty_threads_of_two_tenants_never_mix_their_tokens(server, name):
    provider, barrier = PROVIDERS[name], threading.Barrier(THREADS)
    server.answers(Reply(200, json.dumps(ANSWERS[name]).encode(), {"Set-Cookie": "session=somebodys"}))

    def send_for(tenant: str) -> None:
        sealed = sealed_send(provider, draft("ATH-1"), of=company(id=tenant))
        barrier.wait(10)
        for _ in range(ROUNDS):
            provider.send(TENANTS[tenant], sealed)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send_for, list(TENANTS) * (THREADS // 2)))
    assert len(server.seen) == THREADS * ROUNDS
    for seen in server.seen:
        headers = {name.lower(): value for name, value in seen.headers.items()}
        tenant = headers["xero-tenant-id"] if name == "xero" else seen.path.split("/")[4]
        assert headers["authorization"] == f"Bearer {TENANTS[tenant]}"
        assert "cookie" not in headers


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_adapter_keeps_nothing_of_a_tenant(server, name):
    provider = PROVIDERS[name]
    before = dict(vars(provider))
    server.answers(Reply(200, json.dumps(ANSWERS[name]).encode()))
    provider.send("a-token", sealed_send(provider, draft("ATH-1")))
    assert vars(provider) == before == {}
