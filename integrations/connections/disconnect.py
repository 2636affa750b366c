"""Disconnecting: sending stops at once, and a worker ends the access at the provider. And going on after an error."""

import logging
from uuid import UUID

from django.db import transaction

from athenty.organizations.models import User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.connections import returning, telling
from integrations.connections.tokens import GrantRefused, StoredAccessBroken
from integrations.mapping import saving
from integrations.models import Connection, SealedGrant
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, TokenRejected

logger = logging.getLogger(__name__)


@transaction.atomic
def disconnect(connection: Connection, *, actor: User, ip: str | None = None, forget_mapping: bool = False) -> bool:
    """Stop mirroring. Queue and history stay, and the mapping unless it is to be forgotten.

    False, with nothing changed, when it was disconnected already.
    """
    connection = (
        Connection.objects.select_for_update(of=("self",), no_key=True)
        .select_related("organization")
        .get(pk=connection.pk)
    )
    if connection.status == Connection.Status.DISCONNECTED:
        return False
    _set_status(connection, Connection.Status.DISCONNECTED, Connection.StatusReason.PERSON)
    returning.return_grant_of(connection)
    if forget_mapping:
        mapped = connection.mappings.filter(target__isnull=False).values_list("account_id", flat=True)
        saving.save_mapping(connection, dict.fromkeys(mapped), actor=actor, ip=ip)
    recording.record(
        Action.DISCONNECTED,
        connection.organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={"provider": connection.provider_name, "company": connection.company_name, "cause": "person"},
    )
    return True


@transaction.atomic
def stop(connection_id: UUID, error: GrantLost | CompanyGone | TokenRejected) -> None:
    """The provider ended our access: nothing is sent any more, everything waits for a person. The reason is kept.

    Owners and admins are told at once. What can't be used any more is erased, but for a record that was tampered with.
    """
    connected = Connection.objects.connected().select_related("organization").filter(pk=connection_id)
    connection = connected.select_for_update(of=("self",), no_key=True).first()
    if connection is None or _is_about_an_earlier_grant(connection, error):
        return
    reason, cause = _why(connection, error)
    is_over = reason != Connection.StatusReason.COMPANY_GONE
    status = Connection.Status.DISCONNECTED if is_over else Connection.Status.ERROR
    _set_status(connection, status, reason, detail=error.message)
    if not is_over:
        # It is asked again when a person wants to know, and not by the clock.
        Connection.objects.filter(pk=connection.pk).update(chart_due_at=None)
    if reason == Connection.StatusReason.GRANT_LOST:
        SealedGrant.objects.filter(connection=connection).delete()
    elif reason == Connection.StatusReason.SEAL_BROKEN:
        logger.critical("The sealed tokens of connection %s were altered or moved; it was stopped.", connection.pk)
    data = {"provider": connection.provider_name, "company": connection.company_name, "cause": cause}
    recording.record(
        Action.DISCONNECTED if is_over else Action.SYNC_FAILED,
        connection.organization,
        obj=str(connection),
        data=data | {"provider_error": error.message},
    )
    telling.tell_that_it_ended(connection)


def go_on(connection: Connection) -> None:
    """The provider lets us reach a company again that was out of reach: what waited is sent. The row is locked."""
    if connection.status != Connection.Status.ERROR:
        return
    _set_status(connection, Connection.Status.CONNECTED, Connection.StatusReason.NONE)
    recording.record(
        Action.CONNECTED,
        connection.organization,
        obj=str(connection),
        data={"provider": connection.provider_name, "company": connection.company_name, "cause": "in_reach_again"},
    )


def _is_about_an_earlier_grant(connection: Connection, error: ProviderError) -> bool:
    """Whether a person has connected anew while a worker was learning that the grant before it is gone."""
    if not isinstance(error, GrantRefused):
        return False
    return SealedGrant.objects.filter(connection=connection).exclude(refreshed_at=error.refreshed_at).exists()


def _why(connection: Connection, error: GrantLost | CompanyGone | TokenRejected) -> tuple[Connection.StatusReason, str]:
    """The reason that the card words, and the cause that the audit log keeps."""
    if isinstance(error, CompanyGone):
        return Connection.StatusReason.COMPANY_GONE, Connection.StatusReason.COMPANY_GONE
    if isinstance(error, StoredAccessBroken):
        return Connection.StatusReason.SEAL_BROKEN, Connection.StatusReason.SEAL_BROKEN
    ends_at = telling.access_ends_at(connection)
    is_expired = ends_at is not None and ends_at <= database_now()
    return Connection.StatusReason.GRANT_LOST, "expired" if is_expired else "revoked_at_provider"


def _set_status(
    connection: Connection, status: Connection.Status, reason: Connection.StatusReason, detail: str = ""
) -> None:
    connection.status, connection.status_reason, connection.status_detail = status, reason, detail
    connection.status_changed_at = database_now()
    connection.save(update_fields=["status", "status_reason", "status_detail", "status_changed_at"])
