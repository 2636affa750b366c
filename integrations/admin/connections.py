"""Connections and the attempts to make one. Neither page has a field that holds a token, a code or half of either."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from athenty.organizations.ops import AgeFilter, AnyAdmin, ReadOnlyAdmin, utc
from integrations.admin import acts
from integrations.models import ConnectAttempt, Connection, Delivery, QueueRow

_STUCK = [QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED]


class LastSuccessFilter(AgeFilter):
    title, parameter_name, field, never = "last success", "age", "last_sync_at", "Never"


class StartedFilter(AgeFilter):
    title, parameter_name, field = "when", "age", "started_at"


class FailingFilter(admin.SimpleListFilter):
    title, parameter_name = "entries", "entries"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("failing", "Needing a person")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "waiting":
            return queryset.filter(waiting__gt=0)
        return queryset.filter(failing__gt=0) if self.value() == "failing" else queryset


class ReasonFilter(admin.SimpleListFilter):
    """Django's own filter would offer the empty reason as a link without a word."""

    title, parameter_name = "reason", "reason"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        return [(value, label) for value, label in Connection.StatusReason.choices if value]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(status_reason=self.value()) if self.value() else queryset


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = (
        "company_name",
        "organization",
        "provider_name",
        "state",
        "last_success",
        "waiting",
        "failing",
        "next_attempt",
    )
    list_select_related = ("organization__sync_settings",)
    list_filter = ("status", "provider_name", ReasonFilter, LastSuccessFilter, FailingFilter, "is_current")
    search_fields = ("organization__name", "organization__slug", "company_name", "=company_id")
    ordering = ("organization__name", "provider_name")
    actions = (acts.retry_connections, acts.revoke)
    fields = (
        ("organization", "provider_name", "is_current"),
        ("company_name", "company_id", "company_country", "company_is_demo", "home_currency"),
        ("status", "status_reason", "status_detail", "status_changed_at"),
        ("connected_at", "connected_by", "mirror_from"),
        ("last_success", "waiting", "failing", "next_attempt"),
        ("chart_read_at", "chart_due_at", "chart_error"),
        ("next_send_at", "slowed_until", "coalesce_until", "calls_left_today", "day_allowance"),
        ("troubled_since", "next_probe_at", "failed_probes", "batch_size"),
        ("refuses_duplicate_numbers", "closed_through"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """The counts come along, each over a partial index that leaves the sent rows out."""
        again = Delivery.objects.open().filter(connection=OuterRef("pk")).with_next_try().order_by("next_try_at")
        return (
            super()
            .get_queryset(request)
            .annotate(
                waiting=_number_of(QueueRow.objects.waiting()),
                failing=_number_of(QueueRow.objects.filter(state__in=_STUCK)),
                again_at=Subquery(again.values("next_try_at")[:1]),
            )
        )

    @admin.display(ordering="status")
    def state(self, connection: Connection) -> str:
        """The status, why, and whether another connection has taken this one's place."""
        parts = [connection.get_status_display(), connection.get_status_reason_display()]
        if not connection.is_current:
            parts.append("Replaced")
        return ". ".join(filter(None, parts))

    @admin.display(description="last success", ordering="last_sync_at")
    def last_success(self, connection: Connection) -> str:
        return utc(connection.last_sync_at, never="never")

    @admin.display(ordering="waiting")
    def waiting(self, connection: Any) -> int:
        return int(connection.waiting)

    @admin.display(description="needing a person", ordering="failing")
    def failing(self, connection: Any) -> int:
        return int(connection.failing)

    @admin.display(description="next attempt")
    def next_attempt(self, connection: Any) -> str:
        """When something is tried next, where that is known."""
        known = [connection.again_at, connection.next_probe_at]
        chosen = getattr(connection.organization, "sync_settings", None)
        if connection.waiting:
            known += [connection.slowed_until, chosen.next_flush_at if chosen else None]
        return utc(min(filter(None, known), default=None))


def _number_of(rows: QuerySet[QueueRow]) -> Coalesce:
    counted = rows.filter(connection=OuterRef("pk")).order_by().values("connection").annotate(number=Count("pk"))
    return Coalesce(Subquery(counted.values("number"), output_field=IntegerField()), 0)


@admin.register(ConnectAttempt)
class ConnectAttemptAdmin(ReadOnlyAdmin):
    """What a person quotes to support is the reference of one of these."""

    list_display = ("reference", "organization", "provider_name", "user", "outcome", "started_at", "finished_at")
    list_select_related = ("organization", "user")
    list_filter = ("outcome", "provider_name", StartedFilter)
    search_fields = ("reference", "organization__name", "organization__slug", "=user__email")
    ordering = ("-started_at",)
    fields = ("reference", "organization", "provider_name", "user", "outcome", "detail", "started_at", "finished_at")
