"""Reading the provider's chart of accounts, in the worker: it needs the access token in the clear."""

import logging
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from integrations.clock import database_now
from integrations.connections import disconnect, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mapping import parties
from integrations.mirror import gates, pacing, queue, waking
from integrations.models import ChartAccount, Connection
from integrations.providers.base import Cause, Company, RemoteAccount
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, RateLimited, TokenRejected

logger = logging.getLogger(__name__)

_EVERY, _AFTER_FAILURE = timedelta(days=1), timedelta(minutes=1)
_NEEDS_NAME = "needs_name"  # as `providers.base.RemoteAccount.refusal` says it
# What a bookkeeper knows an account by: a change of it is shown beside what was mapped to it.
_IDENTITY = ("number", "name", "kind", "classification")
_READ_FIELDS = [
    *_IDENTITY,
    *("currency", "is_active", "is_trust", "refusal", "party", "is_listed", "unusable_since", "former", "altered_at"),
]


def ask_for_reading(connection: Connection) -> None:
    """Have a worker read the chart soon, in the caller's transaction."""
    Connection.objects.filter(pk=connection.pk).update(chart_due_at=database_now(), chart_error="")
    waking.wake_for_chart(connection.pk)


def read_if_due(connection_id: UUID) -> None:
    """Read the chart once if it is due. A failure is noted for the page and tried again; the stored chart stays."""
    connection = _take(connection_id)
    if connection is None:
        return
    try:
        company, accounts = _read(connection)
    except (GrantLost, CompanyGone, TokenRejected) as error:
        disconnect.stop(connection_id, error)
        out_of_reach = Connection.objects.filter(pk=connection_id, status=Connection.Status.ERROR)
        out_of_reach.update(chart_due_at=None, chart_error=f"{connection.provider.name} does not let us in.")
        return
    except RateLimited as error:
        Connection.objects.filter(pk=connection_id).update(chart_due_at=gates.slow_down(connection, error))
        return
    except (ProviderError, KeyUnavailable) as error:
        logger.warning("The chart of connection %s could not be read: %s", connection_id, type(error).__name__)
        due_again = Connection.objects.filter(pk=connection_id)
        due_again.update(chart_error=f"{connection.provider.name} did not give its chart of accounts.")
        return
    _store(connection_id, company, accounts)


@transaction.atomic
def _take(connection_id: UUID) -> Connection | None:
    """The connection if its chart is due and it may call now. If only later, the reading is due then.

    Moving the due time takes the work: a second worker, woken twice, finds nothing due.
    """
    now = database_now()
    due = Connection.objects.askable().filter(pk=connection_id, chart_due_at__lte=now)
    connection = due.select_for_update(no_key=True).first()
    if connection is None:
        return None
    begins_at = _begins_at(connection, now)
    is_now = begins_at <= now
    connection.chart_due_at = now + _AFTER_FAILURE if is_now else begins_at
    connection.save(update_fields=["chart_due_at", "next_send_at"])
    if is_now:
        gates.reserve(connection, now, connection.provider.limits.calls_to_read)
    elif begins_at - now < settings.MIRROR_SWEEP_INTERVAL:
        waking.wake_for_chart(connection_id, in_=begins_at - now)
    return connection if is_now else None


def _begins_at(connection: Connection, now: datetime) -> datetime:
    """Its calls count like any others: they wait where the company or the provider is not to be called, and take their
    turn between sends."""
    calls = connection.provider.limits.calls_to_read
    away_until = max(connection.slowed_until or now, gates.opens_at(gates.gate_of(connection), now))
    if away_until > now:
        return away_until
    if connection.chart_due_at and pacing.holds_slots(connection, connection.chart_due_at, calls):
        return now
    return pacing.take_slots(connection, now, calls)


def _read(connection: Connection) -> tuple[Company, list[RemoteAccount]]:
    token = tokens.access_token(connection)
    try:
        return _ask(connection, token)
    except TokenRejected:
        return _ask(connection, tokens.access_token(connection, refused=token))


def _ask(connection: Connection, token: str) -> tuple[Company, list[RemoteAccount]]:
    provider = connection.provider
    company = provider.company(token, connection.company)
    parties.create_asked_for(connection, token, company)
    return company, provider.list_accounts(token, company)


@transaction.atomic
def _store(connection_id: UUID, company: Company, accounts: list[RemoteAccount]) -> None:
    connection = Connection.objects.select_for_update(no_key=True).get(pk=connection_id)
    now = database_now()
    before = {row.remote_id: row for row in connection.chart.all()}
    closed_before = connection.closed_through
    named = set(connection.parties.exclude(remote_id="").values_list("party", flat=True))
    rows = [_row(connection, account, named, before.get(account.id), now) for account in accounts]
    rows += [_gone(before[remote_id], now) for remote_id in before.keys() - {row.remote_id for row in rows}]
    ChartAccount.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["connection", "remote_id"], update_fields=_READ_FIELDS
    )
    connection.adopt(company)
    connection.chart_read_at = now
    connection.chart_due_at, connection.chart_error = now + _EVERY, ""
    connection.save()
    disconnect.go_on(connection)
    mended = {row.remote_id for row in rows if row.is_eligible and _was_in_the_way(before.get(row.remote_id), row)}
    _release_what_was_mended(connection, mended, closed_before)
    waking.wake_on_commit(connection_id)


def _was_in_the_way(before: ChartAccount | None, row: ChartAccount) -> bool:
    """Whether this reading explains a refusal: it took no journals, or it was sent to by a number it has no more."""
    return before is not None and (not before.is_eligible or before.number != row.number)


def _release_what_was_mended(connection: Connection, remote_ids: set[str], closed_before: date | None) -> None:
    """Entries set aside for an account that takes journals again, or for a period that was opened again, go.

    Only a change that the chart itself shows lets them go: a refusal that it does not explain would come again.
    """
    mended = connection.chart.eligible().filter(remote_id__in=remote_ids)
    if mended:
        queue.release(connection, Cause.ACCOUNT, touching=[row.pk for row in mended])
    if closed_before and (connection.closed_through is None or connection.closed_through < closed_before):
        queue.release(connection, Cause.PERIOD, dated_after=connection.closed_through)


def _row(
    connection: Connection, account: RemoteAccount, named: set[str], before: ChartAccount | None, now: datetime
) -> ChartAccount:
    """`named`: the parties that lines can name, so that an account which wants one takes journals."""
    row = ChartAccount(
        connection=connection,
        remote_id=account.id,
        number=account.number,
        name=account.name,
        kind=account.kind,
        classification=account.classification or "",
        currency=account.currency,
        is_active=account.is_active,
        is_trust=account.is_trust,
        refusal="" if account.refusal == _NEEDS_NAME and account.party in named else account.refusal,
        party=account.party or "",
        is_listed=True,
    )
    if before is None:
        return row
    row.former, row.altered_at = before.former, before.altered_at
    was = {name: getattr(before, name) for name in _IDENTITY}
    if was != {name: getattr(row, name) for name in _IDENTITY}:
        row.former, row.altered_at = was, now
    if not row.is_eligible:
        row.unusable_since = now if before.is_eligible else before.unusable_since
    return row


def _gone(before: ChartAccount, now: datetime) -> ChartAccount:
    """The row of an account that this reading no longer has."""
    if before.is_listed:
        before.is_listed = False
        before.unusable_since = before.unusable_since or now
    before.pk = None  # an upsert finds it by its remote id
    return before
