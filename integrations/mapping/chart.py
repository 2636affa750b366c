"""Reading the provider's chart of accounts, in the worker: it needs the access token in the clear."""

import logging
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction

from integrations.clock import database_now
from integrations.connections import disconnect, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import queue, waking
from integrations.models import ChartAccount, Connection
from integrations.providers.base import Cause, Company, RemoteAccount
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, TokenRejected

logger = logging.getLogger(__name__)

_EVERY, _AFTER_FAILURE = timedelta(days=1), timedelta(minutes=1)


def ask_for_reading(connection: Connection) -> None:
    """Have a worker read the chart soon, in the caller's transaction."""
    Connection.objects.filter(pk=connection.pk).update(chart_due_at=database_now(), chart_error="")
    waking.wake_for_chart(connection.pk)


def read_if_due(connection_id: UUID) -> None:
    """Read the chart once if it is due. A failure is noted for the page and tried again; the stored chart stays."""
    now = database_now()
    due = Connection.objects.connected().filter(pk=connection_id, chart_due_at__lte=now)
    # Moving the due time takes the work: a second worker, woken twice, finds nothing due.
    if not due.update(chart_due_at=now + _AFTER_FAILURE):
        return
    connection = Connection.objects.get(pk=connection_id)
    try:
        company, accounts = _read(connection)
    except (GrantLost, CompanyGone, TokenRejected) as error:
        disconnect.stop(connection_id, error)
        return
    except (ProviderError, KeyUnavailable) as error:
        logger.warning("The chart of connection %s could not be read: %s", connection_id, type(error).__name__)
        due_again = Connection.objects.filter(pk=connection_id)
        due_again.update(chart_error=f"{connection.provider.name} did not give its chart of accounts.")
        return
    _store(connection_id, company, accounts)


def _read(connection: Connection) -> tuple[Company, list[RemoteAccount]]:
    token = tokens.access_token(connection)
    try:
        return _ask(connection, token)
    except TokenRejected:
        return _ask(connection, tokens.access_token(connection, refused=token))


def _ask(connection: Connection, token: str) -> tuple[Company, list[RemoteAccount]]:
    provider = connection.provider
    company = provider.company(token, connection.company)
    return company, provider.list_accounts(token, company)


@transaction.atomic
def _store(connection_id: UUID, company: Company, accounts: list[RemoteAccount]) -> None:
    connection = Connection.objects.select_for_update(no_key=True).get(pk=connection_id)
    refused_before = set(
        connection.chart.exclude(pk__in=connection.chart.eligible()).values_list("remote_id", flat=True)
    )
    closed_before = connection.closed_through
    fields = ["number", "name", "kind", "classification", "currency", "is_active", "is_trust", "refusal", "is_listed"]
    ChartAccount.objects.bulk_create(
        [_row(connection, account) for account in accounts],
        update_conflicts=True,
        unique_fields=["connection", "remote_id"],
        update_fields=fields,
    )
    connection.chart.exclude(remote_id__in=[account.id for account in accounts]).update(is_listed=False)
    connection.adopt(company)
    connection.chart_read_at = now = database_now()
    connection.chart_due_at, connection.chart_error = now + _EVERY, ""
    connection.save()
    _release_what_was_mended(connection, refused_before, closed_before)
    waking.wake_on_commit(connection_id)


def _release_what_was_mended(connection: Connection, refused_before: set[str], closed_before: date | None) -> None:
    """Entries set aside for an account that takes journals again, or for a period that was opened again, go.

    Only a change that the chart itself shows lets them go: a refusal that it does not explain would come again.
    """
    mended = connection.chart.eligible().filter(remote_id__in=refused_before)
    if mended:
        queue.release(connection, Cause.ACCOUNT, touching=[row.pk for row in mended])
    if closed_before and (connection.closed_through is None or connection.closed_through < closed_before):
        queue.release(connection, Cause.PERIOD, dated_after=connection.closed_through)


def _row(connection: Connection, account: RemoteAccount) -> ChartAccount:
    return ChartAccount(
        connection=connection,
        remote_id=account.id,
        number=account.number,
        name=account.name,
        kind=account.kind,
        classification=account.classification or "",
        currency=account.currency,
        is_active=account.is_active,
        is_trust=account.is_trust,
        refusal=account.refusal,
        is_listed=True,
    )
