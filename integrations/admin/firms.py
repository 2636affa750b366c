"""Firms, with how their mirror is set."""

from datetime import datetime

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from athenty.organizations.models import Membership, Organization
from athenty.organizations.ops import AnyAdmin, ReadOnlyAdmin, ReadOnlyInline
from integrations.admin import acts
from integrations.models import SyncMode, SyncSettings


class PausedFilter(admin.SimpleListFilter):
    title, parameter_name = "mirror", "mirror"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        return [("paused", "Paused by support"), *SyncMode.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Organization]) -> QuerySet[Organization]:
        if self.value() == "paused":
            return queryset.filter(sync_settings__paused_at__isnull=False)
        if self.value() == SyncMode.LIVE:
            return queryset.exclude(sync_settings__mode__in=[SyncMode.BATCHED, SyncMode.OFF])
        return queryset.filter(sync_settings__mode=self.value()) if self.value() else queryset


class PeopleInline(ReadOnlyInline):
    model = Membership
    verbose_name_plural = "people"
    fields = readonly_fields = ("user", "role", "created_at")


@admin.register(Organization)
class FirmAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "currency", "time_zone", "created_at", "sync_mode", "paused_at")
    list_select_related = ("sync_settings",)
    list_filter = (PausedFilter,)
    search_fields = ("name", "slug", "=people__email")
    ordering = ("name",)
    inlines = (PeopleInline,)
    fields = ("name", "slug", "currency", "time_zone", "created_at", "sync_mode", "paused_at")
    actions = (acts.pause_firms, acts.resume_firms)

    @admin.display(description="sync mode")
    def sync_mode(self, firm: Organization) -> str:
        chosen = _settings_of(firm)
        return chosen.get_mode_display() if chosen else SyncMode.LIVE.label

    @admin.display(description="paused since")
    def paused_at(self, firm: Organization) -> datetime | None:
        chosen = _settings_of(firm)
        return chosen.paused_at if chosen else None


def _settings_of(firm: Organization) -> SyncSettings | None:
    return getattr(firm, "sync_settings", None)
