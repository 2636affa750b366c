"""Connect attempts: a press of Connect, written down before the browser leaves, and what comes of it."""

import hashlib
import json
import secrets
import uuid
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from athenty.organizations.models import Organization, User
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.connections.vault import Sealed
from integrations.models import ConnectAttempt, Connection
from integrations.providers.base import Company, TokenSet

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
    key_id: str
    person_id: str
    lifetimes: tokens.Lifetimes

    @classmethod
    def of(cls, attempt: ConnectAttempt, company: Company, token_set: TokenSet) -> "Candidate":
        """Sealed at once, for the one connection that this company would be: nobody can move it to another."""
        known = Connection.objects.for_organization(attempt.organization)
        existing = known.filter(provider_name=attempt.provider_name, company_id=company.id).first()
        connection_id = existing.pk if existing else uuid.uuid4()
        place = tokens.place(attempt.organization_id, attempt.provider_name, connection_id)
        sealed = tokens.seal_tokens(token_set, place)
        return cls(
            company=company,
            connection_id=str(connection_id),
            sealed=sealed.record.hex(),
            key_id=sealed.key_id,
            person_id=token_set.person_id,
            lifetimes=tokens.Lifetimes.of(token_set),
        )

    @property
    def sealed_tokens(self) -> Sealed:
        return Sealed(bytes.fromhex(self.sealed), self.key_id)

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_isoformat))
        return plain

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Candidate":
        ends = stored["lifetimes"]
        return cls(
            **stored
            | {
                "company": company_from_json(stored["company"]),
                "lifetimes": tokens.Lifetimes(
                    **{name: end and datetime.fromisoformat(end) for name, end in ends.items()}
                ),
            }
        )


def company_as_json(company: Company) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(company), default=_isoformat))
    return plain


def company_from_json(stored: dict[str, Any]) -> Company:
    closed_through = stored["closed_through"]
    return Company(**{**stored, "closed_through": closed_through and date.fromisoformat(closed_through)})


def _isoformat(moment: date | datetime) -> str:
    return moment.isoformat()


def record(provider_name: str, visitor: Visitor, *, state: str, code_verifier: str) -> ConnectAttempt:
    return ConnectAttempt.objects.create(
        organization=visitor.organization,
        user=visitor.user,
        provider_name=provider_name,
        reference="AT-" + "".join(secrets.choice(_REFERENCE_ALPHABET) for _ in range(6)),
        state_hash=_digest(state),
        session_hash=_digest(visitor.session_key),
        code_verifier=code_verifier,
        started_at=database_now(),
    )


@transaction.atomic
def take(provider_name: str, visitor: Visitor, state: str) -> ConnectAttempt:
    """Single use, ten minutes, bound to provider, person, organization and browser session. Raises ConnectFailed."""
    attempt = (
        _of(visitor)
        .filter(provider_name=provider_name, state_hash=_digest(state), outcome=ConnectAttempt.Outcome.STARTED)
        .select_for_update(of=("self",), no_key=True)
        .select_related("organization", "user")
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


def open_choice(visitor: Visitor, reference: str) -> ConnectAttempt | None:
    """The attempt whose company this person may still choose, from the same browser session."""
    choosing = _of(visitor).filter(reference=reference, outcome=ConnectAttempt.Outcome.CHOOSING)
    return choosing.select_related("organization").first()


def locked(attempt: ConnectAttempt) -> ConnectAttempt:
    """The attempt as it stands now, in the caller's transaction, which others then wait for."""
    return ConnectAttempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)


def fail(
    attempt: ConnectAttempt, sentence: str, outcome: ConnectAttempt.Outcome = ConnectAttempt.Outcome.FAILED
) -> ConnectFailed:
    """Close the attempt, and give what to raise."""
    attempt.outcome, attempt.detail, attempt.candidates = outcome, sentence, []
    attempt.save(update_fields=["outcome", "detail", "candidates"])
    return ConnectFailed(sentence, reference=attempt.reference)


def under_way(provider_name: str) -> bool:
    """Whether anybody, of whatever firm, may still come back from this provider or is choosing a company there."""
    return _recent().filter(provider_name=provider_name, outcome__in=_OPEN).exists()


def abandoned() -> QuerySet[ConnectAttempt]:
    """Those nobody came back to, while they still hold something."""
    ended = ConnectAttempt.objects.filter(started_at__lt=database_now() - STATE_LIFETIME)
    return ended.exclude(code_verifier="", candidates=[])


_OPEN = [ConnectAttempt.Outcome.STARTED, ConnectAttempt.Outcome.CHOOSING]


def _of(visitor: Visitor) -> QuerySet[ConnectAttempt]:
    return _recent().filter(
        organization=visitor.organization, user=visitor.user, session_hash=_digest(visitor.session_key)
    )


def _recent() -> QuerySet[ConnectAttempt]:
    return ConnectAttempt.objects.filter(started_at__gt=database_now() - STATE_LIFETIME)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
