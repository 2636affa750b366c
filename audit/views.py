"""Settings ▸ Audit Log: read only, for owners and admins."""

from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from athenty.organizations.access import OrganizationRequest, admin_required
from athenty.organizations.client_address import client_ip
from athenty.organizations.pages import page_asked_for, without_page
from audit import exporting, recording
from audit.actions import Action
from audit.forms import LogFilter
from audit.models import AuditEvent


@admin_required
@require_safe
def log(request: OrganizationRequest) -> HttpResponse:
    zone = ZoneInfo(request.organization.time_zone)
    log_filter = LogFilter(request.GET, organization=request.organization, time_zone=zone)
    page = page_asked_for(log_filter.events().values_list("pk", flat=True), request.GET)
    context = {
        "events": AuditEvent.objects.filter(pk__in=list(page)).newest_first().select_related("actor"),
        "filter": log_filter,
        "page": page,
        "query": without_page(request.GET),
        "scope": log_filter.in_words(),
        "wanted": {name: request.GET[name] for name in log_filter.fields if request.GET.get(name)},
    }
    return TemplateResponse(request, "audit/log.html", context, status=200 if log_filter.is_valid() else 422)


@admin_required
@require_POST
@transaction.atomic
def export(request: OrganizationRequest) -> HttpResponse:
    """The filtered set as a file. A POST, since the export is itself recorded."""
    zone = ZoneInfo(request.organization.time_zone)
    log_filter = LogFilter(request.POST, organization=request.organization, time_zone=zone)
    if not log_filter.is_valid():
        return HttpResponse("The filter's dates can't be read. Go back and correct them.", status=422)
    events = list(log_filter.events())
    # Recorded after reading, so that the file does not hold its own export.
    wanted = log_filter.wanted()
    recording.record(
        Action.AUDIT_EXPORTED,
        request.organization,
        actor=request.user,
        obj="Audit Log",
        ip=client_ip(request),
        data={"filter": wanted, "events": len(events)},
    )
    name = exporting.file_name(request.organization, wanted, timezone.now().astimezone(zone))
    return HttpResponse(
        exporting.as_csv(events),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
