"""Xero as a provider of Athenty's mirror."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from integrations.providers.base import (
    AuthorizationRequest,
    Company,
    JournalDraft,
    Limits,
    Party,
    RemoteAccount,
    SealedBody,
    SealedSend,
    SendResult,
    TokenSet,
)
from integrations.providers.errors import CompanyGone, ProviderError, Rejected
from integrations.providers.texts import page_url, plain
from integrations.providers.transport import Response
from integrations.providers.xero import accounts, oauth, payloads
from integrations.providers.xero.client import Client

_STILL_LISTED = "The person who connected this organisation no longer has the role in Xero that journals need."
_NO_LONGER_LISTED = "The organisation was disconnected in Xero."


class Xero:
    """See `base.Provider`."""

    name = "Xero"
    short_name = "Xero"
    removal = "Settings ▸ Connected apps in Xero"
    refresh_lifetime = oauth.REFRESH_LIFETIME
    refusals = accounts.REFUSALS
    clearing = accounts.CLEARING
    # Xero's pages "API limits" and "Idempotent requests". A key is kept for six minutes from its first use, and may be
    # looked up as late as the work is done: 25 s are left for a repeat to leave us in, and 120 for Xero to work on it.
    limits = Limits(
        batch_size=50,
        calls_per_minute=60,
        entries_per_minute=None,
        in_flight=5,
        rest_after_unknown=timedelta(seconds=5),
        replay_window=timedelta(seconds=210),
        send_timeout=timedelta(seconds=60),
        calls_to_read=2,
        app_calls_per_minute=10_000,
    )

    def authorization_request(self, *, redirect_uri: str, state: str) -> AuthorizationRequest:
        return oauth.authorization_request(redirect_uri=redirect_uri, state=state)

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, callback_parameters: dict[str, str]
    ) -> TokenSet:
        return oauth.exchange(code, redirect_uri=redirect_uri, code_verifier=code_verifier)

    def companies(self, tokens: TokenSet, callback_parameters: dict[str, str]) -> list[Company]:
        oauth.check_scopes(tokens)
        return [self._named(tokens.access_token, tenant) for tenant in _tenants(tokens.access_token)]

    def refresh(self, refresh_token: str) -> TokenSet:
        return oauth.refresh(refresh_token)

    def disconnect(self, *, refresh_token: str, access_token: str, company: Company, last_of_this_grant: bool) -> None:
        """Release one organisation. The grant is revoked only with its last, since it may serve other firms' too."""
        try:
            _release(access_token, company)
        except ProviderError:
            # The revocation below takes every connection of the grant along.
            if not last_of_this_grant:
                raise
        if last_of_this_grant:
            oauth.revoke(refresh_token)

    def company(self, access_token: str, company: Company) -> Company:
        with _asking_why_it_is_gone(access_token, company.id):
            return self._read(access_token, company)

    def list_accounts(self, access_token: str, company: Company) -> list[RemoteAccount]:
        with _asking_why_it_is_gone(access_token, company.id):
            rows = Client(access_token).chart(company.id)
        read = [accounts.remote_account(row, home_currency=company.home_currency) for row in rows]
        return [account for account in read if account.id]

    def journal_url(self, company_id: str, journal_id: str) -> str:
        return page_url(settings.XERO_JOURNAL_URL, company_id=company_id, journal_id=journal_id)

    def create_party(self, access_token: str, company: Company, party: Party, *, name: str, key: str) -> str:
        """No account of Xero's wants a name on a journal's lines, so nobody asks for one."""
        raise Rejected("Xero's manual journals name nobody.")

    def seal(self, drafts: Sequence[JournalDraft], company: Company) -> SealedBody:
        return payloads.seal(drafts)

    def send(self, access_token: str, sealed: SealedSend) -> SendResult:
        with _asking_why_it_is_gone(access_token, sealed.company_id):
            answer = Client(access_token).put_manual_journals(
                sealed.company_id,
                sealed.body,
                idempotency_key=sealed.idempotency_key,
                timeout=self.limits.send_timeout,
            )
        return SendResult(
            outcomes=payloads.outcomes(
                answer, item_ids=sealed.item_ids, references=sealed.references, sent=sealed.body
            ),
            http_status=answer.status,
            request_id=answer.request_id,
            calls_left_today=_calls_left_today(answer),
        )

    def _read(self, access_token: str, company: Company) -> Company:
        organisation = Client(access_token).organisation(company.id)
        return dataclasses.replace(
            company,
            name=plain(organisation.get("Name"), 255) or company.name or company.id,
            home_currency=plain(organisation.get("BaseCurrency"), 3),
            country=plain(organisation.get("CountryCode"), 3),
            is_demo=organisation.get("IsDemoCompany") is True,
            closed_through=accounts.locked_through(organisation),
        )

    def _named(self, access_token: str, tenant: Company) -> Company:
        """The organisation as it calls itself, or as the list of connections does when it can't be opened."""
        try:
            return self._read(access_token, tenant)
        except CompanyGone:
            return tenant


@contextlib.contextmanager
def _asking_why_it_is_gone(access_token: str, company_id: str) -> Iterator[None]:
    """Xero's 403 is the same for a company that was disconnected there and for a person whose role no longer suffices.
    Its list of connections, asked once, tells the two apart."""
    try:
        yield
    except CompanyGone as error:
        try:
            connections = Client(access_token).connections()
        except ProviderError:
            raise error from None  # it can't be told
        is_listed = any(connection.get("tenantId") == company_id for connection in connections)
        raise CompanyGone(
            f"{_STILL_LISTED if is_listed else _NO_LONGER_LISTED} Xero's words: {error.message}",
            code=CompanyGone.PERMISSION if is_listed else CompanyGone.DISCONNECTED,
            http_status=error.http_status,
            request_id=error.request_id,
        ) from None


def _calls_left_today(answer: Response) -> int | None:
    told = answer.headers.get("X-DayLimit-Remaining", "")
    return int(told) if re.fullmatch(r"[0-9]{1,9}", told) else None


def _tenants(access_token: str) -> list[Company]:
    """The organisations of this consent, or all of this person's when it added none: they consented to one again."""
    client, event = Client(access_token), oauth.authorization_event(access_token)
    tenants = _organisations(client.connections(auth_event_id=event), from_this_consent=True) if event else []
    return tenants or _organisations(client.connections(), from_this_consent=False)


def _organisations(connections: list[dict[str, Any]], *, from_this_consent: bool) -> list[Company]:
    """Practices and practice managers have no ledger."""
    return [
        Company(
            id=plain(connection["tenantId"], 64),
            name=plain(connection.get("tenantName"), 255),
            connection_id=plain(connection.get("id"), 64),
            added_now=from_this_consent and _is_new(connection),
        )
        for connection in connections
        if connection.get("tenantType") == "ORGANISATION" and plain(connection.get("tenantId"), 64)
    ]


def _is_new(connection: dict[str, Any]) -> bool:
    """Whether it was made by the consent that last touched it. Xero writes both moments a few milliseconds apart:
    {"createdDateUtc": "2026-11-02T18:46:19.5164400", "updatedDateUtc": "2026-11-02T18:46:19.5187840"}."""
    try:
        # Python reads six of the seven digits.
        made, touched = (datetime.fromisoformat(connection[f"{name}DateUtc"][:26]) for name in ("created", "updated"))
    except (KeyError, TypeError, ValueError):
        return False
    return touched - made < timedelta(minutes=1)


def _release(access_token: str, company: Company) -> None:
    """Delete the connection. Xero answers a connection that is gone with 404, 403 or even 500, so the list decides."""
    if not company.connection_id:
        return
    client = Client(access_token)
    try:
        client.delete_connection(company.connection_id)
    except ProviderError:
        if any(connection.get("id") == company.connection_id for connection in client.connections()):
            raise
