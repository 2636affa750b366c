"""Every firm's audit log, to read."""

from django.contrib import admin

from athenty.organizations.ops import AgeFilter, ReadOnlyAdmin
from audit.models import AuditEvent


class OccurredFilter(AgeFilter):
    title, parameter_name, field = "when", "age", "occurred_at"


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "organization", "who", "action", "object_label", "source")
    list_select_related = ("organization", "actor")
    list_filter = ("action", OccurredFilter)
    search_fields = ("organization__name", "organization__slug", "object_label", "actor__email")
    ordering = ("-occurred_at", "-pk")
    fields = ("occurred_at", "organization", "who", "action", "object_label", "data", "source", "ip")
