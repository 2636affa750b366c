"""Connecting: leave for the provider, come back once, seal, and join the organization to the company chosen there.

What runs here in the web process only seals. Reading the chart, and everything else that opens tokens, is the worker's.
"""

import hashlib
import json
import logging
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import queue, waking
from integrations.models import ConnectAttempt, Connection
from integrations.providers import PROVIDERS
from integrations.providers.base import Cause, Company, TokenSet
from integrations.providers.errors import ProviderError
from ledger import posting

logger = logging.getLogger(__name__)

STATE_LIFETIME = timedelta(minutes=10)
# No letters or digits that are read as one another over the telephone.
_REFERENCE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class ConnectFailed(Exception):
    """Nothing has changed. The message is a sentence for the person; `reference` is what support asks for."""

    def __init__(self, message: str, *, reference: str = "") -> None:
        super().__init__(message)
        self.reference = reference


@dataclass(frozen=True)
class Visitor:
    """Who is connecting, from which browser session, for which organization."""

    user: User
    organization: Organization
    session_key: str
    ip: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A company that a sign-in covers, with the tokens sealed for the connection it would become."""

    company: Company
    connection_id: str
    sealed: str
    """Hexadecimal."""
    lifetimes: tokens.Lifetimes

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_isoformat))
        return plain

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Candidate":
        company, ends = stored["company"], stored["lifetimes"]
        closed_through = company["closed_through"]
        return cls(
            company=Company(**{**company, "closed_through": closed_through and date.fromisoformat(closed_through)}),
            connection_id=stored["connection_id"],
            sealed=stored["sealed"],
            lifetimes=tokens.Lifetimes(**{name: end and datetime.fromisoformat(end) for name, end in ends.items()}),
        )


def _isoformat(moment: date | datetime) -> str:
    return moment.isoformat()


def redirect_uri(provider_name: str) -> str:
    """The exact address registered with the provider: from settings, never from the request."""
    return settings.SITE_URL + reverse(f"integrations:{provider_name}_callback")


def begin(provider_name: str, visitor: Visitor) -> str:
    """Write the attempt down and return where to send the browser. Raises ConnectFailed when connected already."""
    connections = Connection.objects.for_organization(visitor.organization).current()
    if connections.filter(provider_name=provider_name).exclude(status=Connection.Status.DISCONNECTED).exists():
        raise ConnectFailed(f"{PROVIDERS[provider_name].name} is connected already. Disconnect it first.")
    state = secrets.token_urlsafe(32)
    request = PROVIDERS[provider_name].authorization_request(redirect_uri=redirect_uri(provider_name), state=state)
    attempt = ConnectAttempt(
        organization=visitor.organization,
        user=visitor.user,
        provider_name=provider_name,
        reference="AT-" + "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(6)),
        state_hash=_digest(state),
        session_hash=_digest(visitor.session_key),
        code_verifier=request.code_verifier,
        started_at=database_now(),
    )
    attempt.save()
    return request.url


def finish(provider_name: str, visitor: Visitor, parameters: Mapping[str, str]) -> Connection | ConnectAttempt:
    """What the provider's redirect brings back: a connection, or the attempt when a company must still be chosen.

    The state is used up before the code is exchanged, and the code is exchanged once. Raises ConnectFailed.
    """
    attempt = _take_attempt(provider_name, visitor, parameters.get("state", ""))
    if parameters.get("error"):
        raise _failed(attempt, _denial(parameters["error"]), ConnectAttempt.Outcome.DENIED)
    try:
        token_set = PROVIDERS[provider_name].exchange_code(
            code=parameters.get("code", ""),
            redirect_uri=redirect_uri(provider_name),
            code_verifier=attempt.code_verifier,
            callback_parameters=dict(parameters),
        )
        companies = PROVIDERS[provider_name].companies(token_set, dict(parameters))
    except ProviderError as error:
        logger.warning("Connect attempt %s failed: %s", attempt.reference, type(error).__name__)
        short = PROVIDERS[provider_name].short_name
        raise _failed(
            attempt, f"{short} did not complete the sign-in. Start again; if it happens twice, contact support."
        ) from None
    if not companies:
        raise _failed(attempt, "That sign-in covers no company. Sign in as someone who can manage the company.")
    try:
        candidates = [_candidate(attempt, company, token_set) for company in companies]
    except KeyUnavailable:
        logger.exception("Connect attempt %s: the tokens could not be sealed.", attempt.reference)
        raise _failed(attempt, "Athenty could not store the access safely. Start again, or contact support.") from None
    if len(candidates) == 1 and not _replaces_another(attempt, candidates[0].company):
        return _join(attempt, candidates[0], visitor)
    attempt.candidates = [candidate.as_json() for candidate in candidates]
    attempt.outcome = ConnectAttempt.Outcome.CHOOSING
    attempt.save(update_fields=["candidates", "outcome"])
    return attempt


def forget_abandoned() -> None:
    """Erase what attempts that nobody came back to still hold: PKCE verifiers, and tokens sealed for a choice."""
    ended = ConnectAttempt.objects.filter(started_at__lt=database_now() - STATE_LIFETIME)
    ended.exclude(code_verifier="", candidates=[]).update(code_verifier="", candidates=[])


def open_choice(visitor: Visitor, reference: str) -> ConnectAttempt | None:
    """The attempt whose company this person may still choose, from the same browser session."""
    attempts = ConnectAttempt.objects.filter(
        organization=visitor.organization,
        user=visitor.user,
        session_hash=_digest(visitor.session_key),
        outcome=ConnectAttempt.Outcome.CHOOSING,
        started_at__gt=database_now() - STATE_LIFETIME,
    )
    return attempts.filter(reference=reference).first()


def choose(attempt: ConnectAttempt, company_id: str, visitor: Visitor) -> Connection:
    """Connect to one of the companies that the sign-in covers. Raises ConnectFailed."""
    for stored in attempt.candidates:
        if stored["company"]["id"] == company_id:
            return _join(attempt, Candidate.from_json(stored), visitor)
    raise ConnectFailed("Choose one of the companies listed.", reference=attempt.reference)


def previous_company(attempt: ConnectAttempt) -> Connection | None:
    """The connection that joining another company would replace: its mapping and queue are not carried over."""
    current = Connection.objects.for_organization(attempt.organization).current()
    return current.filter(provider_name=attempt.provider_name).first()


def _replaces_another(attempt: ConnectAttempt, company: Company) -> bool:
    before = previous_company(attempt)
    return before is not None and before.company_id != company.id


@transaction.atomic
def _take_attempt(provider_name: str, visitor: Visitor, state: str) -> ConnectAttempt:
    """Single use, ten minutes, bound to provider, person, organization and browser session."""
    attempt = (
        ConnectAttempt.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization", "user")
        .filter(
            provider_name=provider_name,
            state_hash=_digest(state),
            user=visitor.user,
            organization=visitor.organization,
            session_hash=_digest(visitor.session_key),
            outcome=ConnectAttempt.Outcome.STARTED,
            started_at__gt=database_now() - STATE_LIFETIME,
        )
        .first()
    )
    if attempt is None:
        raise ConnectFailed("This sign-in took too long or was started in another window. Start again.")
    verifier = attempt.code_verifier
    attempt.outcome, attempt.finished_at = ConnectAttempt.Outcome.FAILED, database_now()
    attempt.code_verifier = ""
    attempt.save(update_fields=["outcome", "finished_at", "code_verifier"])
    attempt.code_verifier = verifier
    return attempt


def _denial(error: str) -> str:
    if error == "access_denied":
        return "You did not give Athenty access. Nothing has changed."
    return "The provider ended the sign-in. Start again; if it happens twice, contact support."


def _failed(
    attempt: ConnectAttempt, sentence: str, outcome: ConnectAttempt.Outcome = ConnectAttempt.Outcome.FAILED
) -> ConnectFailed:
    attempt.outcome, attempt.detail = outcome, sentence
    attempt.save(update_fields=["outcome", "detail"])
    return ConnectFailed(sentence, reference=attempt.reference)


def _candidate(attempt: ConnectAttempt, company: Company, token_set: TokenSet) -> Candidate:
    """Sealed at once, for the one connection that this company would be: nobody can move it to another."""
    known = Connection.objects.for_organization(attempt.organization)
    existing = known.filter(provider_name=attempt.provider_name, company_id=company.id).first()
    connection = existing or Connection(
        pk=uuid.uuid4(), organization=attempt.organization, provider_name=attempt.provider_name
    )
    return Candidate(
        company=company,
        connection_id=str(connection.pk),
        sealed=tokens.seal_tokens(connection, token_set).hex(),
        lifetimes=tokens.Lifetimes.of(token_set),
    )


def _join(attempt: ConnectAttempt, candidate: Candidate, visitor: Visitor) -> Connection:
    company, organization = candidate.company, attempt.organization
    if not company.home_currency:
        raise _failed(attempt, f"{company.name} could not be read. Sign in as someone who can manage its settings.")
    if company.home_currency != organization.currency:
        raise _failed(
            attempt,
            f"{company.name} keeps its books in {company.home_currency}; your ledger is in {organization.currency}. "
            "Choose a company in the same currency.",
        )
    try:
        return _activate(attempt, candidate, visitor)
    except IntegrityError:
        # The database's own rule, `company_connected_once`: two firms mirroring into the same books would mix them.
        short = PROVIDERS[attempt.provider_name].short_name
        raise _failed(attempt, f"This {short} company is already connected to another Athenty firm.") from None


@transaction.atomic
def _activate(attempt: ConnectAttempt, candidate: Candidate, visitor: Visitor) -> Connection:
    organization, now = attempt.organization, database_now()
    posting.hold_postings(organization)
    connections = Connection.objects.for_organization(organization).filter(provider_name=attempt.provider_name)
    connections.exclude(pk=candidate.connection_id).update(is_current=False)
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
    connection.chart_due_at = now
    connection.save()
    tokens.keep_grant(connection, bytes.fromhex(candidate.sealed), candidate.lifetimes)
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
