"""The queue, the sealed sends made from it, and each try of one."""

import re

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from athenty.organizations.ops import AgeFilter, ReadOnlyAdmin, ReadOnlyInline
from integrations.admin import acts
from integrations.models import Attempt, Delivery, DeliveryItem, QueueRow

_ENTRY_NUMBER = re.compile(r"(?:JE-)?([0-9]{1,18})", re.IGNORECASE)
_REFERENCE = re.compile(r"ATH-[0-9]+-[A-Z2-7]+", re.IGNORECASE)  # as `deliveries.reference` makes it


class QueuedFilter(AgeFilter):
    title, parameter_name, field = "queued", "age", "queued_at"


class SealedFilter(AgeFilter):
    title, parameter_name, field = "sealed", "age", "sealed_at"


class StartedFilter(AgeFilter):
    title, parameter_name, field = "started", "age", "started_at"


@admin.register(QueueRow)
class QueueRowAdmin(ReadOnlyAdmin):
    list_display = (
        "entry",
        "firm",
        "provider",
        "state",
        "cause",
        "provider_code",
        "queued_at",
        "changed_at",
        "remote_id",
    )
    list_select_related = ("connection__organization", "entry")
    list_filter = ("state", "connection__provider_name", "cause", QueuedFilter)
    search_fields = ("connection__organization__name", "connection__organization__slug", "=remote_id")
    search_help_text = "The firm, an entry number such as JE-1042, a reference, or the provider's id"
    ordering = ("-pk",)
    actions = (acts.retry_entries,)
    fields = (
        ("entry", "firm", "provider", "connection"),
        ("state", "queued_at", "sent_at", "changed_at", "remote_id"),
        ("cause", "provider_code", "provider_message", "blamed_account_id"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[QueueRow], search_term: str
    ) -> tuple[QuerySet[QueueRow], bool]:
        rows = _rows_named(search_term)
        if rows is not None:
            return queryset.filter(pk__in=rows.values("pk")), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(ordering="connection__organization__name")
    def firm(self, row: QueueRow) -> str:
        return str(row.connection.organization)

    @admin.display(ordering="connection__provider_name")
    def provider(self, row: QueueRow) -> str:
        return row.connection.get_provider_name_display()


class ItemInline(ReadOnlyInline):
    model = DeliveryItem
    verbose_name_plural = "entries"
    fields = readonly_fields = ("position", "reference", "row")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeliveryItem]:
        return super().get_queryset(request).select_related("row__entry", "row__connection", "delivery")


class AttemptInline(ReadOnlyInline):
    model = Attempt
    verbose_name_plural = "attempts"
    fields = readonly_fields = (
        "started_at",
        "finished_at",
        "outcome",
        "http_status",
        "request_id",
        "provider_code",
        "provider_message",
    )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What was sealed stands in the entries below; the bytes themselves are the firm's books and stay out of sight."""

    list_display = (
        "id",
        "firm",
        "provider",
        "state",
        "sealed_at",
        "attempts",
        "failures",
        "next_attempt_at",
        "settled_at",
    )
    list_select_related = ("connection__organization",)
    list_filter = ("state", "connection__provider_name", SealedFilter)
    search_fields = ("connection__organization__name", "connection__organization__slug", "=idempotency_key")
    search_help_text = "The firm, an entry number such as JE-1042, a reference, or the idempotency key"
    ordering = ("-sealed_at",)
    inlines = (ItemInline, AttemptInline)
    fields = (
        ("firm", "provider", "state", "idempotency_key"),
        ("sealed_at", "first_sent_at", "settled_at"),
        ("attempts", "failures", "next_attempt_at", "leased_until"),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        rows = _rows_named(search_term)
        if rows is not None:
            return queryset.filter(pk__in=DeliveryItem.objects.filter(row__in=rows).values("delivery")), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(ordering="connection__organization__name")
    def firm(self, delivery: Delivery) -> str:
        return str(delivery.connection.organization)

    @admin.display(ordering="connection__provider_name")
    def provider(self, delivery: Delivery) -> str:
        return delivery.connection.get_provider_name_display()


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "firm", "provider", "outcome", "http_status", "provider_code", "request_id", "took")
    list_select_related = ("delivery__connection__organization",)
    list_filter = ("outcome", "delivery__connection__provider_name", StartedFilter)
    search_fields = (
        "delivery__connection__organization__name",
        "delivery__connection__organization__slug",
        "=request_id",
        "=delivery__items__reference",
    )
    ordering = ("-pk",)
    fields = (
        ("delivery", "firm", "provider"),
        ("started_at", "finished_at", "took"),
        ("outcome", "http_status", "request_id"),
        ("provider_code", "provider_message"),
    )

    @admin.display
    def firm(self, attempt: Attempt) -> str:
        return str(attempt.delivery.connection.organization)

    @admin.display
    def provider(self, attempt: Attempt) -> str:
        return attempt.delivery.connection.get_provider_name_display()

    @admin.display(description="seconds")
    def took(self, attempt: Attempt) -> str:
        if attempt.finished_at is None:
            return "under way"
        return f"{(attempt.finished_at - attempt.started_at).total_seconds():.1f}"


def _rows_named(text: str) -> QuerySet[QueueRow] | None:
    """The queue rows of the entry that a number or a reference names; None when the text is neither."""
    if number := _ENTRY_NUMBER.fullmatch(text.strip()):
        return QueueRow.objects.filter(entry__number=int(number[1]), connection__organization=F("entry__organization"))
    if _REFERENCE.fullmatch(text.strip()):
        return QueueRow.objects.filter(pk__in=DeliveryItem.objects.filter(reference__iexact=text.strip()).values("row"))
    return None
