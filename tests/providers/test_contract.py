"""One contract, both providers: whole conversations with the sandbox, whose books are compared with what we sent."""

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pytest

from integrations.providers import PROVIDERS
from integrations.providers.base import (
    Accepted,
    Cause,
    Classification,
    Company,
    JournalDraft,
    Provider,
    Refused,
    RemoteAccount,
    SealedSend,
    TokenSet,
)
from integrations.providers.errors import (
    CompanyGone,
    GrantLost,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    SaysUnavailable,
    TokenRejected,
)
from tests.providers.examples import draft, sealed_send
from tests.providers.sandbox_world import (
    CALLBACK,
    CLOSING_DATE,
    OTHER_AND_SONS,
    PARK_AND_LOWE,
    SEND_CALL,
    connect,
    press,
    totals,
)
from tests.sandbox_server import Sandbox


@dataclass
class Connected:
    """One provider, joined to Park & Lowe LLP in a fresh sandbox."""

    name: str
    provider: Provider
    sandbox: Sandbox
    tokens: TokenSet
    company: Company

    @cached_property
    def accounts(self) -> list[RemoteAccount]:
        return self.provider.list_accounts(self.tokens.access_token, self.company)

    def pair(self) -> tuple[RemoteAccount, RemoteAccount]:
        """An asset and a liability that take journals."""
        usable = [account for account in self.accounts if not account.refusal]
        asset = next(account for account in usable if account.classification is Classification.ASSET)
        liability = next(account for account in usable if account.classification is Classification.LIABILITY)
        return asset, liability

    def draft(self, reference: str, amount: str = "125.00", **changes: object) -> JournalDraft:
        asset, liability = self.pair()
        accounts = {
            "debit_account": (asset.id, asset.number),
            "credit_account": (liability.id, liability.number),
        }
        return draft(reference, amount=amount, **(accounts | changes))

    def sealed(self, *drafts: JournalDraft, key: str = "a" * 32) -> SealedSend:
        return sealed_send(self.provider, *drafts, key=key, of=self.company)

    def send(self, sealed: SealedSend) -> tuple[object, ...]:
        return self.provider.send(self.tokens.access_token, sealed).outcomes

    def books(self) -> dict[str, Any]:
        return self.sandbox.books(self.name, self.company.id)

    def strike_next_send(self, do: str, **details: object) -> None:
        self.sandbox.arm(provider=self.name, call=SEND_CALL[self.name], do=do, **details)

    def close_the_books(self, through: str) -> None:
        self.sandbox.change_company(self.name, self.company.id, **{CLOSING_DATE[self.name]: through})

    def journals_in_books(self) -> int:
        books = self.books()
        assert books["duplicates"] == []
        return books["journals"]


@pytest.fixture(params=PROVIDERS)
def connected(request, sandbox) -> Connected:
    provider = PROVIDERS[request.param]
    tokens, (company,) = connect(provider, PARK_AND_LOWE[request.param])
    return Connected(request.param, provider, sandbox, tokens, company)


quickbooks_only = pytest.mark.parametrize("connected", ["quickbooks"], indirect=True)


# Connecting ----------------------------------------------------------------------------------------------------------


def test_connecting_names_the_company_and_what_must_be_known_of_it(connected):
    assert (connected.company.id, connected.company.name) == (PARK_AND_LOWE[connected.name], "Park & Lowe LLP")
    assert (connected.company.home_currency, connected.company.country) == ("USD", "US")
    assert connected.company.closed_through is None
    assert connected.company.refuses_duplicate_numbers is (connected.name == "quickbooks")
    assert connected.tokens.access_expires_in <= timedelta(hours=1)
    assert connected.tokens.refresh_expires_in >= timedelta(days=60)


def test_a_code_is_good_for_one_trade(connected):
    request = connected.provider.authorization_request(redirect_uri=CALLBACK, state="s")
    parameters = press(request.url, PARK_AND_LOWE[connected.name])
    trade = {
        "code": parameters["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": request.code_verifier,
        "callback_parameters": parameters,
    }
    connected.provider.exchange_code(**trade)
    with pytest.raises(GrantLost):
        connected.provider.exchange_code(**trade)


@quickbooks_only
def test_an_altered_company_is_not_connected(connected):
    request = connected.provider.authorization_request(redirect_uri=CALLBACK, state="s")
    parameters = press(request.url, PARK_AND_LOWE["quickbooks"]) | {"realmId": OTHER_AND_SONS["quickbooks"]}
    tokens = connected.provider.exchange_code(
        code=parameters["code"], redirect_uri=CALLBACK, code_verifier="", callback_parameters=parameters
    )
    with pytest.raises(CompanyGone):
        connected.provider.companies(tokens, parameters)


def test_a_denied_consent_brings_no_code(connected):
    request = connected.provider.authorization_request(redirect_uri=CALLBACK, state="s")
    parameters = press(request.url, decision="deny")
    assert parameters["error"] == "access_denied"
    assert "code" not in parameters


def test_a_refresh_brings_a_pair_that_works_and_the_chain_goes_on(connected):
    for _ in range(3):
        connected.sandbox.advance_clock(86_401)
        connected.tokens = connected.provider.refresh(connected.tokens.refresh_token)
    assert connected.accounts


def test_the_books_that_were_closed_since_are_noticed(connected):
    connected.close_the_books("2025-12-31")
    found = connected.provider.company(connected.tokens.access_token, connected.company)
    assert found.closed_through.isoformat() == "2025-12-31"


# The chart -----------------------------------------------------------------------------------------------------------


def test_an_account_without_a_refusal_takes_a_journal_and_one_with_a_refusal_does_not(connected):
    asset, liability = connected.pair()
    accounts = [account for account in connected.accounts if account.id != liability.id]
    assert {bool(account.refusal) for account in accounts} == {True, False}
    told = {account.refusal for account in accounts}
    assert told >= ({"needs_name"} if connected.name == "quickbooks" else {"bank", "system"})
    size = connected.provider.limits.batch_size
    for start in range(0, len(accounts), size):
        chunk = accounts[start : start + size]
        drafts = [connected_draft(liability, account, f"ATH-{start + number}") for number, account in enumerate(chunk)]
        outcomes = connected.send(connected.sealed(*drafts, key=f"{start:032x}"))
        assert [isinstance(outcome, Accepted) for outcome in outcomes] == [not account.refusal for account in chunk]
    assert asset in accounts


def connected_draft(liability: RemoteAccount, account: RemoteAccount, reference: str) -> JournalDraft:
    return draft(
        reference,
        debit_account=(account.id, account.number),
        credit_account=(liability.id, liability.number),
    )


# Sending -------------------------------------------------------------------------------------------------------------


def test_what_was_sent_is_in_the_books_to_the_cent(connected):
    asset, liability = connected.pair()
    amounts = ["0.01", "10.10", "1234567.89", "9999999999.99", "33.33"]
    drafts = [connected.draft(f"ATH-{number:07}", amount) for number, amount in enumerate(amounts)]
    outcomes = connected.send(connected.sealed(*drafts))
    assert all(isinstance(outcome, Accepted) and not outcome.already_there for outcome in outcomes)
    assert len({outcome.remote_id for outcome in outcomes}) == len(amounts)
    total = sum(map(Decimal, amounts))
    assert totals(connected.books()) == {
        asset.id: (total, Decimal("0.00")),
        liability.id: (Decimal("0.00"), total),
    }


def test_a_full_batch_goes_in_one_call(connected):
    size = connected.provider.limits.batch_size
    outcomes = connected.send(connected.sealed(*(connected.draft(f"ATH-{number}") for number in range(size))))
    assert {type(outcome) for outcome in outcomes} == {Accepted}
    assert connected.journals_in_books() == size
    assert connected.books()["write_calls"] == 1


@pytest.mark.parametrize("memo", ["", "Überweisung – 信託 «ж»", 'He said "no"\nand left', "x" * 900])
def test_texts_arrive_as_they_are(connected, memo):
    connected.send(connected.sealed(connected.draft("ATH-1", memo=memo)))
    (journal,) = connected.sandbox.journals(connected.name, connected.company.id)
    assert journal["date"] == "2026-03-02"
    assert journal["reference"].startswith("ATH-1")
    assert memo in journal["memo"]


def test_the_same_bytes_again_are_the_same_journals(connected):
    sealed = connected.sealed(connected.draft("ATH-1"), connected.draft("ATH-2"))
    first, second = connected.send(sealed), connected.send(sealed)
    assert first == second
    assert connected.journals_in_books() == 2


@pytest.mark.parametrize("fault", ["drop_after_commit", "drop_before_commit"])
def test_a_dropped_connection_is_unknown_and_the_same_bytes_settle_it(connected, fault):
    sealed = connected.sealed(connected.draft("ATH-1"), connected.draft("ATH-2"))
    connected.strike_next_send(fault)
    with pytest.raises(OutcomeUnknown):
        connected.send(sealed)
    assert {type(outcome) for outcome in connected.send(sealed)} == {Accepted}
    assert connected.journals_in_books() == 2


@quickbooks_only
def test_quickbooks_knows_our_number_when_it_has_forgotten_our_request(connected):
    entry = connected.draft("ATH-1")
    (first,) = connected.send(connected.sealed(entry, key="a" * 32))
    (second,) = connected.send(connected.sealed(entry, key="b" * 32))
    assert second == Accepted("1", first.remote_id, already_there=True)
    assert connected.journals_in_books() == 1


def test_an_account_that_was_shut_refuses_its_journal_and_only_that(connected):
    asset, liability = connected.pair()
    other = next(a for a in connected.accounts if not a.refusal and a.id not in {asset.id, liability.id})
    connected.sandbox.refuse_account(connected.name, connected.company.id, other.id)
    bad = connected.draft("ATH-2", debit_account=(other.id, other.number))
    outcomes = connected.send(connected.sealed(connected.draft("ATH-1"), bad, connected.draft("ATH-3")))
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]
    assert (outcomes[1].cause, bool(outcomes[1].message)) == (Cause.ACCOUNT, True)
    assert outcomes[1].account_id in {other.id, ""}
    assert connected.journals_in_books() == 2


def test_a_closed_period_refuses_its_journal(connected):
    connected.close_the_books("2026-03-02")
    (outcome,) = connected.send(connected.sealed(connected.draft("ATH-1")))
    assert (type(outcome), outcome.cause) == (Refused, Cause.PERIOD)
    assert connected.journals_in_books() == 0


# When it goes wrong --------------------------------------------------------------------------------------------------


def test_an_expired_token_is_told_and_after_a_refresh_the_same_bytes_go(connected):
    sealed = connected.sealed(connected.draft("ATH-1"))
    connected.sandbox.advance_clock(3601)
    with pytest.raises(TokenRejected):
        connected.send(sealed)
    connected.tokens = connected.provider.refresh(connected.tokens.refresh_token)
    assert isinstance(connected.send(sealed)[0], Accepted)


@pytest.mark.parametrize(("status", "expected"), [(503, SaysUnavailable), (500, OutcomeUnknown), (502, OutcomeUnknown)])
def test_a_provider_in_trouble(connected, status, expected):
    connected.strike_next_send("status", status=status, body="<html>Sorry</html>")
    sealed = connected.sealed(connected.draft("ATH-1"))
    with pytest.raises(expected) as raised:
        connected.send(sealed)
    assert type(raised.value) is expected
    assert isinstance(connected.send(sealed)[0], Accepted)


def test_too_many_calls_are_throttled_and_write_nothing(connected):
    entry, sent = connected.draft("ATH-0"), 0

    def send_without_pause() -> None:
        nonlocal sent
        # A minute may end on the way, and a new one begin with the whole allowance.
        for number in range(2 * connected.provider.limits.calls_per_minute + 1):
            connected.send(connected.sealed(replace(entry, reference=f"ATH-{number}"), key=f"{number:032x}"))
            sent += 1

    with pytest.raises(RateLimited) as raised:
        send_without_pause()
    assert timedelta(0) < raised.value.retry_after <= timedelta(seconds=60)
    assert connected.journals_in_books() == sent


def test_after_our_own_disconnect_nothing_can_be_sent(connected):
    connected.provider.disconnect(
        refresh_token=connected.tokens.refresh_token,
        access_token=connected.tokens.access_token,
        company=connected.company,
        last_of_this_grant=True,
    )
    with pytest.raises((TokenRejected, CompanyGone)):
        connected.send(connected.sealed(draft()))
    with pytest.raises(GrantLost):
        connected.provider.refresh(connected.tokens.refresh_token)


def test_disconnecting_twice_is_done_both_times(connected):
    for _ in range(2):
        connected.provider.disconnect(
            refresh_token=connected.tokens.refresh_token,
            access_token=connected.tokens.access_token,
            company=connected.company,
            last_of_this_grant=True,
        )


@pytest.mark.usefixtures("sandbox")
def test_a_xero_grant_outlives_the_release_of_one_of_its_companies():
    provider = PROVIDERS["xero"]
    _, (first,) = connect(provider, PARK_AND_LOWE["xero"])
    tokens, (second,) = connect(provider, OTHER_AND_SONS["xero"])
    provider.disconnect(
        refresh_token=tokens.refresh_token, access_token=tokens.access_token, company=first, last_of_this_grant=False
    )
    assert provider.list_accounts(tokens.access_token, second)
    with pytest.raises(CompanyGone):
        provider.list_accounts(tokens.access_token, first)


def test_a_company_that_was_disconnected_over_there_is_gone(connected):
    sealed = connected.sealed(connected.draft("ATH-1"))
    connected.sandbox.disconnect_there(connected.name, connected.company.id)
    with pytest.raises((TokenRejected, CompanyGone)):
        connected.send(sealed)


# The promises --------------------------------------------------------------------------------------------------------


def test_a_whole_day_of_calls_reads_nothing_back_and_leaks_nothing(connected, caplog):
    for name in ("", "requests_oauthlib", "oauthlib", "urllib3", "xero_python", "quickbooks"):
        caplog.set_level(logging.INFO if name else logging.DEBUG, logger=name or None)
    errors: list[ProviderError] = []
    connected.tokens, (connected.company,) = connect(connected.provider, PARK_AND_LOWE[connected.name])
    sealed = connected.sealed(connected.draft("ATH-1"))
    connected.send(sealed)
    connected.sandbox.advance_clock(3601)
    for _ in range(2):
        with pytest.raises(TokenRejected) as raised:
            connected.send(sealed)
        errors.append(raised.value)
    connected.tokens = connected.provider.refresh(connected.tokens.refresh_token)
    connected.strike_next_send("drop_after_commit")
    with pytest.raises(OutcomeUnknown) as raised:
        connected.send(sealed)
    errors.append(raised.value)
    said = caplog.text + "".join(repr(error) + repr(vars(error)) + repr(error.__cause__) for error in errors)
    issued = connected.sandbox.tokens_issued()
    assert len(issued) > 3
    assert [secret for secret in issued if secret in said] == []
    books = connected.books()
    assert (books["refused_reads"], books["refused_calls"]) == (0, 0)
