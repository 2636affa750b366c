"""Connecting: leave for the provider, come back once, seal, and join the organization to the company chosen there.

What runs here in the web process only seals. Reading the chart, and everything else that opens tokens, is the worker's:
so is giving back at the provider what a sign-in gave and no connection came of.
"""

import logging
import secrets
import uuid
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse

from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.connections import attempts, returning, tokens
from integrations.connections.attempts import Candidate, ConnectFailed, Visitor
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import queue, waking
from integrations.models import ConnectAttempt, Connection
from integrations.providers import PROVIDERS
from integrations.providers.base import Cause, Company, TokenSet
from integrations.providers.errors import (
    CompanyGone,
    Misconfigured,
    ProviderError,
    RateLimited,
    ScopeMissing,
    Unavailable,
)
from ledger import posting

logger = logging.getLogger(__name__)


def redirect_uri(provider_name: str) -> str:
    """The exact address registered with the provider: from settings, never from the request."""
    return settings.SITE_URL + reverse(f"integrations:{provider_name}_callback")


def begin(provider_name: str, visitor: Visitor, *, renewing: bool = False) -> str:
    """Write the attempt down and return where to send the browser.

    Raises ConnectFailed when connected already, unless `renewing`: a person consents anew before the access ends.
    """
    current = _current(visitor.organization.pk, provider_name)
    may_renew = renewing and current is not None and current.is_connected
    if current and current.status != Connection.Status.DISCONNECTED and not may_renew:
        raise ConnectFailed(f"{PROVIDERS[provider_name].name} is connected already. Disconnect it first.")
    state = secrets.token_urlsafe(32)
    request = PROVIDERS[provider_name].authorization_request(redirect_uri=redirect_uri(provider_name), state=state)
    attempts.record(provider_name, visitor, state=state, code_verifier=request.code_verifier)
    return request.url


def finish(provider_name: str, visitor: Visitor, parameters: Mapping[str, str]) -> Connection | ConnectAttempt:
    """What the provider's redirect brings back: a connection, or the attempt when a company must still be chosen.

    The state is used up before the code is exchanged, and the code is exchanged once. Raises ConnectFailed.
    """
    attempt = attempts.take(provider_name, visitor, parameters.get("state", ""))
    if parameters.get("error"):
        raise attempts.fail(attempt, _denial(attempt, parameters["error"]), ConnectAttempt.Outcome.DENIED)
    candidates = _candidates(attempt, parameters)
    previous = previous_company(attempt)
    same = [each for each in candidates if previous and each.company.id == previous.company_id]
    if previous and previous.is_connected:
        if not same:
            raise _give_up(attempt, candidates, _another_while_connected(previous, candidates))
        candidates_to_join = same
    else:
        candidates_to_join = candidates
    if len(candidates_to_join) == 1 and (previous is None or same):
        [candidate] = candidates_to_join
        if objection := _objection(attempt, candidate.company):
            raise _give_up(attempt, candidates, objection)
        return _join(attempt, candidate, candidates, visitor)
    attempt.candidates = [candidate.as_json() for candidate in candidates]
    attempt.outcome = ConnectAttempt.Outcome.CHOOSING
    attempt.save(update_fields=["candidates", "outcome"])
    return attempt


def choose(attempt: ConnectAttempt, company_id: str, visitor: Visitor) -> Connection:
    """Connect to one of the companies that the sign-in covers. Raises ConnectFailed, and the choice stays open unless
    the company is taken."""
    candidates = [Candidate.from_json(stored) for stored in attempt.candidates]
    for candidate in candidates:
        if candidate.company.id == company_id:
            if objection := _objection(attempt, candidate.company):
                raise ConnectFailed(objection, reference=attempt.reference)
            return _join(attempt, candidate, candidates, visitor)
    raise ConnectFailed("Choose one of the companies listed.", reference=attempt.reference)


@transaction.atomic
def choose_none(attempt: ConnectAttempt) -> None:
    """The person would rather connect nothing: what they gave is given back. Too late, it changes nothing."""
    present = attempts.locked(attempt)
    if present.outcome == ConnectAttempt.Outcome.CHOOSING:
        _give_up(present, [Candidate.from_json(stored) for stored in present.candidates], "No company was chosen.")


def previous_company(attempt: ConnectAttempt) -> Connection | None:
    """The connection that joining another company would replace: its mapping and queue are not carried over."""
    return _current(attempt.organization_id, attempt.provider_name)


def _current(organization_id: int, provider_name: str) -> Connection | None:
    current = Connection.objects.current().select_related("organization")
    return current.filter(organization=organization_id, provider_name=provider_name).first()


def _candidates(attempt: ConnectAttempt, parameters: Mapping[str, str]) -> list[Candidate]:
    """The companies that the code buys, at least one, sealed. Raises ConnectFailed."""
    provider = PROVIDERS[attempt.provider_name]
    token_set: TokenSet | None = None
    try:
        token_set = provider.exchange_code(
            code=parameters.get("code", ""),
            redirect_uri=redirect_uri(attempt.provider_name),
            code_verifier=attempt.code_verifier,
            callback_parameters=dict(parameters),
        )
        companies = provider.companies(token_set, dict(parameters))
        if companies:
            return [Candidate.of(attempt, company, token_set) for company in companies]
        sentence = (
            f"What you chose in {provider.short_name} keeps no books of its own, as a practice does. Start again and "
            "choose a company."
        )
    except ProviderError as error:
        logger.warning("Connect attempt %s failed: %s", attempt.reference, type(error).__name__)
        sentence = _refusal(provider.short_name, error)
    except KeyUnavailable:
        logger.exception("Connect attempt %s: the tokens could not be sealed.", attempt.reference)
        sentence = "Athenty could not store the access safely. Start again, or contact support."
    if token_set:
        returning.return_tokens(attempt, token_set)
    raise attempts.fail(attempt, sentence)


def _refusal(short: str, error: ProviderError) -> str:
    if isinstance(error, ScopeMissing):
        return (
            f"You did not give Athenty every permission it needs in {short}. Start again and allow all that is listed."
        )
    if isinstance(error, CompanyGone):
        return f"{short} does not let this sign-in open the company. Sign in as someone who can manage it."
    if isinstance(error, Misconfigured):
        return f"{short} does not accept Athenty's own access. This is ours to fix: contact support."
    if isinstance(error, Unavailable | RateLimited):
        return f"{short} is not responding. Nothing has changed. Start again in a few minutes."
    return f"{short} did not complete the sign-in. Start again; if it happens twice, contact support."


def _denial(attempt: ConnectAttempt, error: str) -> str:
    if error == "access_denied":
        return "You did not give Athenty access. Nothing has changed."
    short = PROVIDERS[attempt.provider_name].short_name
    return f"{short} ended the sign-in. Start again; if it happens twice, contact support."


def _objection(attempt: ConnectAttempt, company: Company) -> str:
    """Why this company can't be mirrored into; empty when it can."""
    currency = attempt.organization.currency
    if not company.home_currency:
        return f"{company.name} could not be read. Sign in as someone who can manage its settings."
    if company.home_currency != currency:
        return (
            f"{company.name} keeps its books in {company.home_currency}; your ledger is in {currency}. "
            "Choose a company in the same currency."
        )
    return ""


def _another_while_connected(connected: Connection, candidates: Sequence[Candidate]) -> str:
    names = ", ".join(candidate.company.name for candidate in candidates)
    return (
        f"You signed in to {names}. This connection is {connected.company_name}, and goes on as it was. "
        f"Choose {connected.company_name} there, or disconnect it first."
    )


def _give_up(attempt: ConnectAttempt, candidates: Sequence[Candidate], sentence: str) -> ConnectFailed:
    """Close the attempt, give back what it brought, and give what to raise."""
    with transaction.atomic():
        returning.return_unused(attempt, candidates)
        return attempts.fail(attempt, sentence)


def _join(
    attempt: ConnectAttempt, candidate: Candidate, candidates: Sequence[Candidate], visitor: Visitor
) -> Connection:
    try:
        return _activate(attempt, candidate, candidates, visitor)
    except _Overtaken:
        sentence = "Another sign-in was finished first, or this one was cancelled. Nothing more has changed."
        raise _give_up(attempt, candidates, sentence) from None
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") != "company_connected_once":
            raise
    # The database's own rule: two firms mirroring into the same books would mix them.
    short = PROVIDERS[attempt.provider_name].short_name
    raise _give_up(attempt, candidates, f"This {short} company is already connected to another Athenty firm.")


class _Overtaken(Exception):
    """Since these tokens were sealed, another sign-in has made a connection, or they were given back."""


@transaction.atomic
def _activate(
    attempt: ConnectAttempt, candidate: Candidate, candidates: Sequence[Candidate], visitor: Visitor
) -> Connection:
    organization, now = attempt.organization, database_now()
    posting.hold_postings(organization)
    connections = Connection.objects.for_organization(organization).filter(provider_name=attempt.provider_name)
    present = attempts.locked(attempt)
    if present.outcome == ConnectAttempt.Outcome.CONNECTED:  # the second press of the button
        return connections.current().select_related("organization").get()
    if present.outcome != attempt.outcome or present.candidates != attempt.candidates:
        raise _Overtaken  # what it held is on its way back
    others = connections.exclude(pk=candidate.connection_id)
    if others.filter(~Q(status=Connection.Status.DISCONNECTED) | Q(company_id=candidate.company.id)).exists():
        raise _Overtaken
    others.update(is_current=False)
    connection = connections.filter(pk=candidate.connection_id).first() or Connection(
        pk=uuid.UUID(candidate.connection_id),
        organization=organization,
        provider_name=attempt.provider_name,
        company_id=candidate.company.id,
    )
    connection.adopt(candidate.company)
    connection.is_current = True
    connection.status, connection.status_reason = Connection.Status.CONNECTED, Connection.StatusReason.NONE
    connection.status_detail, connection.status_changed_at = "", now
    connection.connected_at, connection.connected_by = now, visitor.user
    connection.chart_due_at, connection.chart_error = now, ""
    connection.save()
    tokens.keep_grant(connection, candidate.sealed_tokens, candidate.lifetimes, person_id=candidate.person_id)
    returning.release_others(connection, [each.company for each in candidates])
    if connection.mirror_from:
        queue.backfill(connection)
        queue.release(connection, Cause.PERMISSION)
    attempt.outcome, attempt.candidates = ConnectAttempt.Outcome.CONNECTED, []
    attempt.save(update_fields=["outcome", "candidates"])
    recording.record(
        Action.CONNECTED,
        organization,
        actor=visitor.user,
        obj=str(connection),
        ip=visitor.ip,
        data={"provider": connection.provider_name, "company": connection.company_name},
    )
    waking.wake_for_chart(connection.pk)
    return connection
