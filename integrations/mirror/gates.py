"""What holds for a provider as a whole: the pace that all companies share, and the breaker that many of them trip.

An outage of a provider shows at every company at once. When most of those that send are failing, the gate closes and
one connection at a time is let through to see whether it is over.
"""

from datetime import datetime, timedelta

from django.db.models import DateTimeField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Greatest, Least

from integrations.clock import database_now
from integrations.mirror import pacing, waking
from integrations.models import Connection, Delivery, ProviderGate
from integrations.providers.errors import RateLimited

_CLOSED_FOR = timedelta(seconds=15)
_TRIPPED_BY_AT_LEAST = 5
_RECENT = timedelta(minutes=5)


def gate_of(connection: Connection) -> ProviderGate:
    """What holds for its provider."""
    return ProviderGate.objects.filter(pk=connection.provider_name).first() or ProviderGate(connection.provider_name)


def opens_at(gate: ProviderGate, now: datetime) -> datetime:
    """When the provider as a whole may be called."""
    return max(filter(None, (now, gate.closed_until or gate.next_call_at)))


def pass_through(gate: ProviderGate, now: datetime) -> bool:
    """Whether a connection of this provider may call now. After a closure only the first that has something to send
    gets through; the others wait for how it fares."""
    if gate.closed_until is None:
        return True
    closed = ProviderGate.objects.filter(pk=gate.pk, closed_until__isnull=False)
    is_first = closed.filter(closed_until__lte=now).update(closed_until=now + _CLOSED_FOR)
    return bool(is_first) or not closed.exists()


def reserve(connection: Connection, now: datetime, calls: int = 1) -> None:
    """Use some of the calls that all companies share. Last in a claim, since all others wait for this row meanwhile."""
    per_minute = connection.provider.limits.app_calls_per_minute
    if per_minute is None:
        return
    gates = ProviderGate.objects.filter(pk=connection.provider_name)
    free_from = Greatest(Coalesce("next_call_at", Value(now)), Value(now), output_field=DateTimeField())
    if not gates.update(next_call_at=free_from + calls * pacing.spacing(per_minute)):
        ProviderGate.objects.get_or_create(pk=connection.provider_name)


def hold(provider_name: str, until: datetime) -> None:
    """The provider limits the app as a whole until then."""
    ProviderGate.objects.get_or_create(pk=provider_name)
    ProviderGate.objects.filter(pk=provider_name).update(
        next_call_at=Greatest(Coalesce(F("next_call_at"), until), until)
    )


def slow_down(connection: Connection, error: RateLimited) -> datetime:
    """Until when all that the limit covers stays away."""
    until = database_now() + error.retry_after
    if error.scope == "app":
        hold(connection.provider_name, until)
    else:
        Connection.objects.filter(pk=connection.pk).update(slowed_until=until)
    return until


def note_failure(connection: Connection, now: datetime) -> datetime | None:
    """A call failed for a reason that may be the provider's as a whole: close the gate if most companies fail.

    Until when it is closed, or None. Whose failure closed it had better ask again then: somebody has to find out.
    """
    companies = Connection.objects.connected().filter(provider_name=connection.provider_name)
    retrying = Exists(Delivery.objects.open().filter(connection=OuterRef("pk"), failures__gt=0))
    failing = companies.filter(Q(troubled_since__isnull=False) | retrying)
    if failing.count() < _TRIPPED_BY_AT_LEAST:
        return None
    well = companies.filter(troubled_since=None, last_sync_at__gt=now - _RECENT).exclude(retrying)
    if failing.count() <= well.count():
        return None
    until = now + _CLOSED_FOR
    ProviderGate.objects.update_or_create(provider_name=connection.provider_name, defaults={"closed_until": until})
    return until


def note_success(connection: Connection) -> None:
    """It answers again. If it was closed, whoever waits for his next try goes now: each has his own pace to keep."""
    if not ProviderGate.objects.filter(pk=connection.provider_name, closed_until__isnull=False).update(
        closed_until=None
    ):
        return
    now = database_now()
    companies = Connection.objects.connected().filter(provider_name=connection.provider_name)
    # Rows that a pass holds are left to it, so that two successes never wait for each other. Those that are due already
    # have only waited for the gate, and are woken, too.
    turned_down = Delivery.objects.open().filter(connection__in=companies, failures__gt=0, leased_until=None)
    locked = turned_down.exclude(connection=connection).select_for_update(skip_locked=True, of=("self",), no_key=True)
    deliveries = dict(locked.values_list("pk", "connection_id"))
    soonest = Greatest(F("rests_until"), Value(now), output_field=DateTimeField())
    Delivery.objects.filter(pk__in=deliveries).update(next_attempt_at=Least(F("next_attempt_at"), soonest))
    troubled = companies.filter(troubled_since__isnull=False, next_probe_at__gt=now).exclude(pk=connection.pk)
    probes = list(troubled.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    Connection.objects.filter(pk__in=probes).update(next_probe_at=now)
    for connection_id in {*deliveries.values(), *probes}:
        waking.wake_on_commit(connection_id)
