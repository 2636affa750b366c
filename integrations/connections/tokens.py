"""Access tokens, fresh. One refresh at a time per connection, and the new pair is committed before it is used."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from integrations.clock import database_now
from integrations.connections import vault
from integrations.models import Connection, SealedGrant
from integrations.providers.base import TokenSet
from integrations.providers.errors import GrantLost

# A token that expires while the call is under way would cost a needless 401.
REFRESH_AHEAD = timedelta(minutes=3)


def seal_tokens(connection: Connection, tokens: TokenSet) -> bytes:
    """Sealed for this connection and no other. Needs only the right to seal."""
    pair = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token}
    return vault.seal(json.dumps(pair).encode(), _place(connection))


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


def keep_grant(connection: Connection, sealed: bytes, lifetimes: Lifetimes) -> None:
    """Store a new grant in the caller's transaction, replacing any before it."""
    SealedGrant.objects.update_or_create(
        connection=connection,
        defaults={
            "tokens": sealed,
            "previous_tokens": None,
            "access_expires_at": lifetimes.access,
            "refresh_expires_at": lifetimes.refresh,
            "grant_expires_at": lifetimes.grant,
            "refreshed_at": database_now(),
            "is_to_be_revoked": False,
        },
    )


def access_token(connection: Connection, *, refused: str | None = None) -> str:
    """An access token good for a call made now, refreshed if need be.

    `refused` is a token that the provider has just turned down: another is got even if it looked fresh. Raises
    GrantLost when the grant is gone, KeyUnavailable when it can't be opened, and the provider's transient errors.
    """
    grant = SealedGrant.objects.filter(connection=connection).first()
    if grant is None:
        raise GrantLost("There is no stored access for this connection.")
    access, _ = _open(connection, grant.tokens)
    if access != refused and _is_fresh(grant):
        return access
    return _refresh(connection, refused=refused)


def distrust(connection: Connection) -> None:
    """The provider has turned an access token down: the next call gets another, however fresh the stored one looks."""
    SealedGrant.objects.filter(connection=connection).update(access_expires_at=database_now())


@transaction.atomic
def _refresh(connection: Connection, *, refused: str | None) -> str:
    """Refresh tokens rotate, so two workers must never both spend one: the row stays locked across the call."""
    grant = SealedGrant.objects.select_for_update(no_key=True).get(connection=connection)
    access, refresh = _open(connection, grant.tokens)
    if access != refused and _is_fresh(grant):
        return access  # another worker refreshed while this one waited for the lock
    tokens = _spend(connection, grant, refresh)
    grant.previous_tokens = grant.tokens
    grant.tokens = seal_tokens(connection, tokens)
    lifetimes = Lifetimes.of(tokens)
    grant.access_expires_at, grant.refresh_expires_at = lifetimes.access, lifetimes.refresh
    # Only some answers repeat the hard end; it does not move.
    grant.grant_expires_at = lifetimes.grant or grant.grant_expires_at
    grant.refreshed_at = database_now()
    grant.save()
    return tokens.access_token


def _spend(connection: Connection, grant: SealedGrant, refresh: str) -> TokenSet:
    """If the answer to an earlier refresh was lost, the pair before it may still be honoured: tried once."""
    try:
        return connection.provider.refresh(refresh)
    except GrantLost:
        if grant.previous_tokens is None:
            raise
        _, earlier = _open(connection, grant.previous_tokens)
        if earlier == refresh:
            raise
        return connection.provider.refresh(earlier)


def stored_refresh_token(connection: Connection) -> str:
    """For giving the grant back at the provider."""
    _, refresh = _open(connection, SealedGrant.objects.get(connection=connection).tokens)
    return refresh


def _is_fresh(grant: SealedGrant) -> bool:
    return grant.access_expires_at > database_now() + REFRESH_AHEAD


def _open(connection: Connection, sealed: bytes | memoryview) -> tuple[str, str]:
    pair = json.loads(vault.unseal(bytes(sealed), _place(connection)))
    return pair["access_token"], pair["refresh_token"]


def _place(connection: Connection) -> vault.Place:
    return vault.Place(
        organization=str(connection.organization_id),
        provider=connection.provider_name,
        connection=str(connection.pk),
        field="tokens",
    )
