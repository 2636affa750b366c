"""Giving access back: what was disconnected, not chosen or given in vain is ended at the provider by a worker.

Only a worker opens tokens, and a provider may be away: so the wish is written down, and tried for a day.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction

from integrations.backoff import doubled
from integrations.clock import database_now
from integrations.connections import attempts, tokens, vault
from integrations.connections.attempts import Candidate, company_as_json, company_from_json
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import waking
from integrations.models import ConnectAttempt, Connection, GrantToReturn, SealedGrant
from integrations.providers import PROVIDERS
from integrations.providers.base import Company, TokenSet
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, TokenRejected

logger = logging.getLogger(__name__)

_TRIED_FOR = timedelta(days=1)
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
# Longer than the calls of one try can take.
_ONE_TRY = timedelta(minutes=3)

NEVER_CONFIRMED = "The provider never confirmed that our access has ended."


def return_grant_of(connection: Connection) -> None:
    """Take a connection's grant out of use, in the caller's transaction. Waits for a refresh that is under way."""
    grant = SealedGrant.objects.select_for_update(no_key=True).filter(connection=connection).first()
    if grant is None:
        return
    beside = connection.grants_to_return.filter(tokens=None)
    companies = [company_as_json(connection.company), *(stored for each in beside for stored in each.companies)]
    beside.delete()
    _write_down(
        GrantToReturn(
            organization=connection.organization,
            provider_name=connection.provider_name,
            connection=connection,
            sealed_for=connection.pk,
            tokens=grant.tokens,
            key_id=grant.key_id,
            person_id=grant.person_id,
            companies=companies,
        )
    )
    grant.delete()


def release_others(connection: Connection, covered: Sequence[Company]) -> None:
    """Of the companies that a sign-in covers, release those that it added and that were not chosen."""
    others = [company for company in covered if company.id != connection.company_id and company.added_now]
    if others:
        _write_down(
            GrantToReturn(
                organization=connection.organization,
                provider_name=connection.provider_name,
                connection=connection,
                sealed_for=connection.pk,
                companies=[company_as_json(company) for company in others],
            )
        )


def return_unused(attempt: ConnectAttempt, candidates: Sequence[Candidate]) -> None:
    """Give back a consent that no connection came of, with the companies that it added."""
    if candidates:
        first = candidates[0]
        _return(attempt, first.connection_id, first.sealed_tokens.record, first.key_id, first.person_id, candidates)


def return_tokens(attempt: ConnectAttempt, token_set: TokenSet) -> None:
    """Give back a consent whose companies could not even be read."""
    sealed_for = uuid4()
    try:
        sealed = tokens.seal_tokens(token_set, tokens.place(attempt.organization_id, attempt.provider_name, sealed_for))
    except KeyUnavailable:
        logger.exception("Connect attempt %s: its tokens could not be sealed, and are dropped.", attempt.reference)
        return
    _return(attempt, str(sealed_for), sealed.record, sealed.key_id, token_set.person_id, [])


def return_abandoned() -> None:
    """Give back what attempts that nobody came back to still hold, and erase it there."""
    for attempt_id in attempts.abandoned().values_list("pk", flat=True):
        with transaction.atomic():
            attempt = (
                attempts.abandoned().filter(pk=attempt_id).select_for_update(skip_locked=True, no_key=True).first()
            )
            if attempt:
                return_unused(attempt, [Candidate.from_json(stored) for stored in attempt.candidates])
                attempt.code_verifier, attempt.candidates = "", []
                attempt.save(update_fields=["code_verifier", "candidates"])


def wake_due() -> None:
    due = GrantToReturn.objects.filter(next_try_at__lte=database_now())
    for grant_id in due.values_list("pk", flat=True):
        waking.wake_for_return(grant_id)


def give_back(grant_id: UUID) -> None:
    """One try at ending the access at the provider. Anything certain erases the tokens; no answer is tried again."""
    now = database_now()
    # Moving the due time takes the work: a second worker, woken twice, finds nothing due.
    if not GrantToReturn.objects.filter(pk=grant_id, next_try_at__lte=now).update(next_try_at=now + _ONE_TRY):
        return
    returned = GrantToReturn.objects.select_related("connection").get(pk=grant_id)
    try:
        _end(returned)
    except tokens.StoredAccessBroken:
        logger.critical("The sealed tokens of grant %s were altered or moved; it can't be ended there.", grant_id)
    except (GrantLost, CompanyGone, TokenRejected) as error:
        logger.info("Grant %s was gone already: %s", grant_id, type(error).__name__)
    except (ProviderError, KeyUnavailable) as error:
        logger.warning("Grant %s could not be given back: %s", grant_id, type(error).__name__)
        _try_again(returned, now)
        return
    returned.delete()


def is_waiting_for_answer(connection: Connection) -> bool:
    """Whether the provider has not yet answered to our giving the connection's access back."""
    return connection.grants_to_return.filter(failures__gt=0).exclude(tokens=None).exists()


def _return(
    attempt: ConnectAttempt, sealed_for: str, record: bytes, key_id: str, person_id: str, covered: Sequence[Candidate]
) -> None:
    _write_down(
        GrantToReturn(
            organization_id=attempt.organization_id,
            provider_name=attempt.provider_name,
            sealed_for=UUID(sealed_for),
            tokens=record,
            key_id=key_id,
            person_id=person_id,
            companies=[company_as_json(each.company) for each in covered if each.company.added_now],
        )
    )


def _write_down(returned: GrantToReturn) -> None:
    returned.began_at = returned.next_try_at = database_now()
    returned.save()
    waking.wake_for_return(returned.pk)


def _end(returned: GrantToReturn) -> None:
    companies = [company_from_json(stored) for stored in returned.companies]
    unused = [company for company in companies if not _is_used(returned.provider_name, company)]
    if returned.tokens is not None:
        _end_grant(returned, unused)
    elif returned.connection:
        _release_beside(returned, returned.connection, unused)


def _release_beside(returned: GrantToReturn, connection: Connection, unused: list[Company]) -> None:
    access = tokens.access_token(connection)
    for company in unused:
        try:
            _disconnect(returned, tokens.Pair(access, ""), company, last=False)
        except TokenRejected:
            access = tokens.access_token(connection, refused=access)
            _disconnect(returned, tokens.Pair(access, ""), company, last=False)


def _end_grant(returned: GrantToReturn, unused: list[Company]) -> None:
    pair = tokens.open_tokens(returned.tokens or b"", _place(returned))
    try:
        _release(returned, pair, unused)
    except TokenRejected:
        pair = _refresh(returned, pair)
        _release(returned, pair, unused)


def _release(returned: GrantToReturn, pair: tokens.Pair, unused: list[Company]) -> None:
    last = _is_last_of_person(returned)
    if last and not unused:
        unused = [Company(id="", name="")]  # nothing to release, and the grant itself to revoke
    for company in unused:
        _disconnect(returned, pair, company, last=last and company is unused[-1])


def _disconnect(returned: GrantToReturn, pair: tokens.Pair, company: Company, *, last: bool) -> None:
    PROVIDERS[returned.provider_name].disconnect(
        refresh_token=pair.refresh, access_token=pair.access, company=company, last_of_this_grant=last
    )


def _refresh(returned: GrantToReturn, pair: tokens.Pair) -> tokens.Pair:
    """The stored access has run out. The new pair is kept for the next try, should this one fail."""
    refreshed = PROVIDERS[returned.provider_name].refresh(pair.refresh)
    sealed = tokens.seal_tokens(refreshed, _place(returned))
    returned.tokens, returned.key_id = sealed.record, sealed.key_id
    returned.save(update_fields=["tokens", "key_id"])
    return tokens.Pair(refreshed.access_token, refreshed.refresh_token)


def _is_used(provider_name: str, company: Company) -> bool:
    """Whether a firm of ours mirrors into the company: then our access to it has to stay."""
    connections = Connection.objects.exclude(status=Connection.Status.DISCONNECTED)
    return connections.filter(provider_name=provider_name, company_id=company.id).exists()


def _is_last_of_person(returned: GrantToReturn) -> bool:
    """Whether revoking ends nothing of ours. Where a grant is a person's it would end what other firms have from the
    same person, or are just getting."""
    if not returned.person_id or attempts.under_way(returned.provider_name):
        return False
    grants = SealedGrant.objects.filter(connection__provider_name=returned.provider_name)
    return not grants.filter(person_id=returned.person_id).exists()


def _try_again(returned: GrantToReturn, now: datetime) -> None:
    if now - returned.began_at > _TRIED_FOR:
        logger.error("Grant %s was erased here; the provider never confirmed its end.", returned.pk)
        if returned.connection and returned.tokens is not None:
            ended = Connection.objects.filter(pk=returned.connection.pk, status_reason=Connection.StatusReason.PERSON)
            ended.update(status_detail=NEVER_CONFIRMED)
        returned.delete()
        return
    wait = doubled(_FIRST_WAIT, returned.failures, at_most=_LONGEST_WAIT)
    GrantToReturn.objects.filter(pk=returned.pk).update(next_try_at=now + wait, failures=returned.failures + 1)


def _place(returned: GrantToReturn) -> vault.Place:
    return tokens.place(returned.organization_id, returned.provider_name, returned.sealed_for)
