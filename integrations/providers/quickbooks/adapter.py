"""QuickBooks Online as a provider of Athenty's mirror."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

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
from integrations.providers.errors import CompanyGone, NameTaken, Rejected, Unavailable
from integrations.providers.quickbooks import accounts, faults, oauth, payloads
from integrations.providers.quickbooks.client import Client
from integrations.providers.texts import page_url, plain

_RESOURCES = {Party.CUSTOMER: "Customer", Party.SUPPLIER: "Vendor"}


class QuickBooksOnline:
    """See `base.Provider`."""

    name = "QuickBooks Online"
    short_name = "QuickBooks"
    removal = "Apps ▸ My Apps in QuickBooks"
    refresh_lifetime = oauth.REFRESH_LIFETIME
    refusals = accounts.REFUSALS
    clearing = None
    # Intuit's page "API call limits and throttles". A request may run for 120 s there, so a second one only
    # starts when the first can't be running any more.
    limits = Limits(
        batch_size=30,
        calls_per_minute=40,
        entries_per_minute=settings.QUICKBOOKS_ENTRIES_PER_MINUTE,
        in_flight=10,
        rest_after_unknown=timedelta(seconds=130),
        # How long Intuit remembers a requestid is not documented. A day, unless the company refuses duplicate numbers:
        # then its own numbers protect it for ever, see `Company.refuses_duplicate_numbers`.
        replay_window=timedelta(hours=24),
        send_timeout=timedelta(seconds=125),
        # Three calls, which count among the five hundred that entries leave a few of, and not among the forty sends.
        calls_to_read=1,
    )

    def authorization_request(self, *, redirect_uri: str, state: str) -> AuthorizationRequest:
        return oauth.authorization_request(redirect_uri=redirect_uri, state=state)

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, callback_parameters: dict[str, str]
    ) -> TokenSet:
        realm_id = callback_parameters.get("realmId", "")
        if not (realm_id.isascii() and realm_id.isdigit()):
            raise CompanyGone("Intuit did not say which company was chosen.")
        return oauth.exchange(code, redirect_uri=redirect_uri)

    def companies(self, tokens: TokenSet, callback_parameters: dict[str, str]) -> list[Company]:
        """The company is the callback's realmId. A browser can alter it; asking for it with the new token tells."""
        chosen = Company(id=callback_parameters["realmId"], name="", added_now=True)
        return [self.company(tokens.access_token, chosen)]

    def refresh(self, refresh_token: str) -> TokenSet:
        return oauth.refresh(refresh_token)

    def disconnect(self, *, refresh_token: str, access_token: str, company: Company, last_of_this_grant: bool) -> None:
        """A grant of Intuit's is for one company, so revoking it ends nothing else."""
        oauth.revoke(refresh_token)

    def company(self, access_token: str, company: Company) -> Company:
        client = Client.for_company(company.id, access_token)
        info, preferences = client.company_info(), client.preferences()
        return dataclasses.replace(
            company,
            name=plain(info.get("CompanyName"), 255) or company.name or company.id,
            country=plain(info.get("Country"), 3),
            home_currency=accounts.home_currency(preferences),
            closed_through=accounts.closed_through(preferences),
            refuses_duplicate_numbers=accounts.refuses_duplicate_numbers(preferences),
        )

    def list_accounts(self, access_token: str, company: Company) -> list[RemoteAccount]:
        rows = Client.for_company(company.id, access_token).chart()
        read = [accounts.remote_account(row, home_currency=company.home_currency) for row in rows]
        return [account for account in read if account.id]

    def journal_url(self, company_id: str, journal_id: str) -> str:
        return page_url(settings.QUICKBOOKS_JOURNAL_URL, company_id=company_id, journal_id=journal_id)

    def create_party(self, access_token: str, company: Company, party: Party, *, name: str, key: str) -> str:
        client = Client.for_company(company.id, access_token)
        try:
            created = client.create_name(_RESOURCES[party], name, request_id=key)
        except Rejected as refusal:
            if refusal.code == faults.DUPLICATE_NAME:
                raise NameTaken(refusal.message, code=refusal.code, request_id=refusal.request_id) from None
            raise
        party_id = plain(created.get("Id"), 64)
        if not party_id:
            raise Unavailable(f"QuickBooks' answer names no {party}.")
        return party_id

    def seal(self, drafts: Sequence[JournalDraft], company: Company) -> SealedBody:
        return payloads.seal(drafts)

    def send(self, access_token: str, sealed: SealedSend) -> SendResult:
        client = Client.for_company(sealed.company_id, access_token)
        answer = client.post_batch(sealed.body, request_id=sealed.idempotency_key, timeout=self.limits.send_timeout)
        return SendResult(
            outcomes=payloads.outcomes(answer, item_ids=sealed.item_ids, references=sealed.references),
            http_status=answer.status,
            request_id=answer.request_id,
        )
