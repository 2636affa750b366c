"""Access tokens, fresh. One refresh at a time per connection, and the new pair is committed before it is used."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from integrations.clock import database_now
from integrations.connections import vault
from integrations.connections.kms import SealBroken
from integrations.mirror.crash_points import crash_point
from integrations.models import Connection, SealedGrant
from integrations.providers.base import TokenSet
from integrations.providers.errors import GrantLost

# A token that expires while the call is under way would cost a needless 401.
REFRESH_AHEAD = timedelta(minutes=3)
# The rarest that a grant may be refreshed. Intuit ends an idle one after a hundred days, Xero after sixty.
_IDLE_AT_MOST = timedelta(days=7)


class StoredAccessBroken(GrantLost):
    """The stored access does not open where it belongs: it was altered, or copied from another connection."""


class GrantRefused(GrantLost):
    """The provider refused to refresh a grant: the one that was last refreshed at `refreshed_at`, and no later one."""

    def __init__(self, refusal: GrantLost, grant: SealedGrant) -> None:
        super().__init__(
            refusal.message, code=refusal.code, http_status=refusal.http_status, request_id=refusal.request_id
        )
        self.refreshed_at = grant.refreshed_at


@dataclass(frozen=True)
class Pair:
    """An access and a refresh token, in the clear."""

    access: str
    refresh: str

    def __repr__(self) -> str:
        return "Pair()"


def place(organization_id: int, provider_name: str, connection_id: UUID | str, *, field: str = "tokens") -> vault.Place:
    """Where a connection's tokens belong. `field` is the column: "tokens" or "previous_tokens"."""
    return vault.Place(
        organization=str(organization_id), provider=provider_name, connection=str(connection_id), field=field
    )


def seal_tokens(tokens: TokenSet, where: vault.Place) -> vault.Sealed:
    """Sealed for one connection and no other. Needs only the right to seal."""
    return _seal(Pair(tokens.access_token, tokens.refresh_token), where)


def _seal(pair: Pair, where: vault.Place) -> vault.Sealed:
    stored = {"access_token": pair.access, "refresh_token": pair.refresh}
    return vault.seal(json.dumps(stored).encode(), where)


def open_tokens(record: bytes | memoryview, where: vault.Place) -> Pair:
    """Raises StoredAccessBroken, and KeyUnavailable where the key is not to be had."""
    try:
        pair = json.loads(vault.unseal(bytes(record), where))
    except SealBroken as error:
        raise StoredAccessBroken(str(error)) from None
    return Pair(pair["access_token"], pair["refresh_token"])


@dataclass(frozen=True)
class Lifetimes:
    """When each part of a grant ends, by the database's clock. `grant` is None where the provider sets no hard end."""

    access: datetime
    refresh: datetime
    grant: datetime | None

    @classmethod
    def of(cls, tokens: TokenSet) -> "Lifetimes":
        now = database_now()
        hard_end = now + tokens.grant_expires_in if tokens.grant_expires_in else None
        return cls(now + tokens.access_expires_in, now + tokens.refresh_expires_in, hard_end)


def keep_grant(connection: Connection, sealed: vault.Sealed, lifetimes: Lifetimes, *, person_id: str) -> None:
    """Store a new grant in the caller's transaction, replacing any before it."""
    SealedGrant.objects.update_or_create(
        connection=connection,
        defaults={
            "tokens": sealed.record,
            "previous_tokens": None,
            "key_id": sealed.key_id,
            "person_id": person_id,
            "access_expires_at": lifetimes.access,
            "refresh_expires_at": lifetimes.refresh,
            "grant_expires_at": lifetimes.grant,
            "refreshed_at": database_now(),
        },
    )


def access_token(connection: Connection, *, refused: str | None = None) -> str:
    """An access token good for a call made now, refreshed if need be.

    `refused` is a token that the provider has just turned down: another is got even if it looked fresh. Raises
    GrantLost when the grant is gone or does not open, KeyUnavailable when its key is not to be had, and the provider's
    transient errors.
    """
    grant = SealedGrant.objects.filter(connection=connection).first()
    if grant is None:
        raise GrantLost("There is no stored access for this connection.")
    access = open_tokens(grant.tokens, _place(connection)).access
    if access != refused and _is_fresh(grant):
        return access
    return _refresh(connection, refused=refused)


def distrust(connection: Connection) -> None:
    """The provider has turned an access token down: the next call gets another, however fresh the stored one looks."""
    SealedGrant.objects.filter(connection=connection).update(access_expires_at=database_now())


def idle() -> QuerySet[Connection]:
    """The connections whose access nothing has refreshed for a week: switched off, unmapped, or without entries."""
    return Connection.objects.connected().filter(grant__refreshed_at__lt=database_now() - _IDLE_AT_MOST)


def renew(connection: Connection) -> None:
    """Refresh an idle grant long before the provider lets it lapse. Raises as `access_token` does."""
    if idle().filter(pk=connection.pk).exists():
        distrust(connection)
        access_token(connection)


# Durable: were this part of a larger transaction, a rollback would lose a pair that the provider has issued.
@transaction.atomic(durable=True)
def _refresh(connection: Connection, *, refused: str | None) -> str:
    """Refresh tokens rotate, so two workers must never both spend one: the row stays locked across the call."""
    grant = SealedGrant.objects.select_for_update(no_key=True).filter(connection=connection).first()
    if grant is None:
        raise GrantLost("The connection was disconnected.")
    held = open_tokens(grant.tokens, _place(connection))
    if held.access != refused and _is_fresh(grant):
        return held.access  # another worker refreshed while this one waited for the lock
    crash_point("refreshing")
    try:
        tokens = _spend(connection, grant, held.refresh)
    except StoredAccessBroken:
        raise
    except GrantLost as refusal:
        raise GrantRefused(refusal, grant) from None
    crash_point("refreshed")
    _keep_refreshed(connection, grant, tokens, before=held)
    return tokens.access_token


def _spend(connection: Connection, grant: SealedGrant, refresh: str) -> TokenSet:
    """If the provider knows nothing of the latest pair, the one before it may still be honoured: tried once."""
    try:
        return connection.provider.refresh(refresh)
    except GrantLost:
        if grant.previous_tokens is None:
            raise
        earlier = open_tokens(grant.previous_tokens, _place(connection, field="previous_tokens")).refresh
        if earlier == refresh:
            raise
        return connection.provider.refresh(earlier)


def _keep_refreshed(connection: Connection, grant: SealedGrant, tokens: TokenSet, *, before: Pair) -> None:
    sealed = seal_tokens(tokens, _place(connection))
    # Sealed anew: a record says which column it belongs to, and one column names the key of both.
    grant.previous_tokens = _seal(before, _place(connection, field="previous_tokens")).record
    grant.tokens, grant.key_id = sealed.record, sealed.key_id
    lifetimes = Lifetimes.of(tokens)
    grant.access_expires_at, grant.refresh_expires_at = lifetimes.access, lifetimes.refresh
    grant.grant_expires_at = _hard_end(grant.grant_expires_at, lifetimes.grant)
    grant.person_id = tokens.person_id or grant.person_id
    grant.refreshed_at = database_now()
    grant.save()


def _hard_end(known: datetime | None, told: datetime | None) -> datetime | None:
    """It does not move. Only some answers repeat it, and each a few milliseconds off the last."""
    if known and told and abs(told - known) < timedelta(days=1):
        return known
    return told or known


def _is_fresh(grant: SealedGrant) -> bool:
    return grant.access_expires_at > database_now() + REFRESH_AHEAD


def _place(connection: Connection, *, field: str = "tokens") -> vault.Place:
    return place(connection.organization_id, connection.provider_name, connection.pk, field=field)
