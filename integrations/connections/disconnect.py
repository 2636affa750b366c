"""Disconnecting: sending stops at once; the worker gives the grant back at the provider and erases it."""

import logging
from uuid import UUID

from django.db import transaction

from athenty.organizations.models import User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import waking
from integrations.models import Connection, SealedGrant
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, TokenRejected

logger = logging.getLogger(__name__)


@transaction.atomic
def disconnect(connection: Connection, *, actor: User, ip: str | None = None) -> bool:
    """Stop mirroring. Mapping, queue and history stay. False when it was disconnected already."""
    connection = (
        Connection.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=connection.pk)
    )
    if connection.status == Connection.Status.DISCONNECTED:
        return False
    connection.status = Connection.Status.DISCONNECTED
    connection.status_reason = Connection.StatusReason.PERSON
    connection.status_detail, connection.status_changed_at = "", database_now()
    connection.save(update_fields=["status", "status_reason", "status_detail", "status_changed_at"])
    SealedGrant.objects.filter(connection=connection).update(is_to_be_revoked=True)
    recording.record(
        Action.DISCONNECTED,
        connection.organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={"provider": connection.provider_name, "company": connection.company_name, "cause": "person"},
    )
    waking.wake_for_revocation(connection.pk)
    return True


@transaction.atomic
def stop(connection_id: UUID, error: GrantLost | CompanyGone | TokenRejected) -> None:
    """The provider ended our access: nothing is sent any more, everything waits for a person. The reason is kept."""
    connected = Connection.objects.connected().select_related("organization").filter(pk=connection_id)
    connection = connected.select_for_update(of=("self",), no_key=True).first()
    if connection is None:
        return
    if isinstance(error, CompanyGone):
        connection.status, reason = Connection.Status.ERROR, Connection.StatusReason.COMPANY_GONE
    else:
        connection.status, reason = Connection.Status.DISCONNECTED, Connection.StatusReason.GRANT_LOST
    connection.status_reason, connection.status_detail = reason, error.message
    connection.status_changed_at = database_now()
    connection.save(update_fields=["status", "status_reason", "status_detail", "status_changed_at"])
    lost_for_good = connection.status == Connection.Status.DISCONNECTED
    recording.record(
        Action.DISCONNECTED if lost_for_good else Action.SYNC_FAILED,
        connection.organization,
        obj=str(connection),
        data={
            "provider": connection.provider_name,
            "company": connection.company_name,
            "cause": reason,
            "provider_error": error.message,
        },
    )


def give_back_grant(connection_id: UUID) -> None:
    """End our access at the provider, then erase the tokens whatever it answered. In the worker: it opens them.

    A reconnect meanwhile has replaced the grant, and nothing is left to give back.
    """
    connection = Connection.objects.filter(pk=connection_id, grant__is_to_be_revoked=True).first()
    if connection is None:
        return
    try:
        access = tokens.access_token(connection)
        connection.provider.disconnect(
            refresh_token=tokens.stored_refresh_token(connection),
            access_token=access,
            company=connection.company,
            last_of_this_grant=False,
        )
    except (ProviderError, KeyUnavailable) as error:
        logger.warning(
            "Connection %s was erased here; the provider did not confirm: %s", connection_id, type(error).__name__
        )
    SealedGrant.objects.filter(connection_id=connection_id, is_to_be_revoked=True).delete()
