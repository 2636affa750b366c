"""P1, the peer: a mirror as it is usually written first. One task for each entry, sent on commit, retried with backoff.

It has what such a mirror has: a key that stays the same for an entry, and as many retries as anybody could want. It
lives on the simulation's stage and writes into the same books as the product.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from integrations.connections import tokens
from integrations.mirror.deliveries import reference
from integrations.models import Connection, SealedGrant
from integrations.providers.base import DraftLine, JournalDraft, TokenSet
from integrations.providers.errors import GrantLost, ProviderError
from ledger.models import JournalEntry
from tests.simulation.provider import ADDRESS
from tests.simulation.world import World

_RETRIES = 12
_LONGEST_BACKOFF_SECONDS = 3600.0
_TIMEOUT_SECONDS = 30.0
_LIFE_OF_A_TOKEN_SECONDS = 1_500.0


class Failed(Exception):
    """Something went wrong with the call; what, is nothing that a naive mirror looks into."""


@dataclass
class NaiveMirror:
    """One company's. `delivered` gives the seconds after which the broker brings each copy of a task."""

    world: World
    connection: Connection
    delivered: Callable[[], list[float]] = lambda: [0.0]
    tokens_expire_at: float = 0.0
    is_dead: bool = False
    entries: list[JournalEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        of = self.connection
        where = tokens.place(of.organization_id, of.provider_name, of.pk)
        pair = tokens.open_tokens(SealedGrant.objects.get(connection=of).tokens, where)
        lifetime = self.connection.provider.refresh_lifetime
        self.tokens = TokenSet(pair.access, pair.refresh, access_expires_in=lifetime, refresh_expires_in=lifetime)
        self.tokens_expire_at = self.world.provider.now() + _LIFE_OF_A_TOKEN_SECONDS

    def mirror(self, entry: JournalEntry) -> None:
        """On commit: `.delay()`."""
        self.entries.append(entry)
        request = request_for(self.connection, entry, ADDRESS)
        for late in self.delivered():
            self.world.stage.after(late, partial(self._begin, request, 0))

    def _begin(self, request: requests.Request, tries: int) -> None:
        self.world.stage.work(partial(self._task, request, tries))

    def _task(self, request: requests.Request, tries: int) -> None:
        try:
            self._post(request)
        except Failed:
            if tries < _RETRIES:
                wait = min(2.0**tries, _LONGEST_BACKOFF_SECONDS)
                self.world.stage.after(wait, partial(self._begin, request, tries + 1))

    def _post(self, request: requests.Request) -> None:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        try:
            status, _, answer = self.world.provider.exchange(_Wire(), request.prepare())
        except Exception as error:
            raise Failed from error
        if not is_accepted(status, answer):
            raise Failed

    def _token(self) -> str:
        """Every task looks, and every task that finds it expired refreshes it."""
        if self.is_dead:
            raise Failed
        if self.world.provider.now() < self.tokens_expire_at:
            return self.tokens.access_token
        mine = self.tokens
        self.world.stage.wait(0.2)  # the way to the token endpoint
        try:
            self.tokens = self.connection.provider.refresh(mine.refresh_token)
        except GrantLost:
            self.is_dead = True
            raise Failed from None
        except ProviderError:
            raise Failed from None
        self.tokens_expire_at = self.world.provider.now() + self.tokens.access_expires_in.total_seconds()
        return self.tokens.access_token

    def came_to(self) -> tuple[int, int]:
        """How many entries are lost, and how many copies are too many."""
        provider = self.world.provider
        journals = provider.journals(self.connection.provider_name, self.connection.company_id)
        memos = [f"{journal['reference']} {journal.get('memo', '')}" for journal in journals]
        copies = [sum(reference(self.connection, entry) in memo for memo in memos) for entry in self.entries]
        return copies.count(0), sum(max(count - 1, 0) for count in copies)


class _Wire:
    """What the stage asks of a call's connection."""

    seconds = _TIMEOUT_SECONDS
    is_cut = False

    def about_to_send(self) -> None:
        """Nothing is written down."""


def request_for(connection: Connection, entry: JournalEntry, address: str) -> requests.Request:
    """The call for one entry, all but its token: always the same, its key included."""
    body = connection.provider.seal([_draft(connection, entry)], connection.company).body
    key, company_id = f"entry-{entry.pk}", connection.company_id
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if connection.provider_name == "xero":
        url = f"{address}/xero/api.xro/2.0/ManualJournals?summarizeErrors=false"
        headers |= {"xero-tenant-id": company_id, "Idempotency-Key": key}
        return requests.Request("PUT", url, headers=headers, data=body)
    url = f"{address}/quickbooks/v3/company/{company_id}/batch?requestid={key}"
    return requests.Request("POST", url, headers=headers, data=_without_numbers(body))


def is_accepted(status: int, answer: bytes) -> bool:
    return status == 200 and b'"Fault"' not in answer and b"ValidationErrors" not in answer


def _draft(connection: Connection, entry: JournalEntry) -> JournalDraft:
    targets = {mapping.account_id: mapping.target for mapping in connection.mappings.select_related("target")}
    lines = tuple(
        DraftLine(
            account_id=targets[line.account_id].remote_id,
            account_number=targets[line.account_id].number,
            debit=line.debit,
            credit=line.credit,
            description=line.description,
        )
        for line in entry.lines.all()
    )
    return JournalDraft(reference=reference(connection, entry), on=entry.date, memo=entry.memo, lines=lines)


def _without_numbers(body: bytes) -> bytes:
    """QuickBooks numbers the journals itself, unless one thinks of it: ours goes into the note."""
    batch: dict[str, Any] = json.loads(body)
    for item in batch["BatchItemRequest"]:
        item["JournalEntry"]["PrivateNote"] = item["JournalEntry"].pop("DocNumber")
    return json.dumps(batch).encode()
