"""Choosing the start date, retrying what was set aside."""

from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.connections.start import AlreadyStarted, start_mirroring
from integrations.forms import StartForm
from integrations.mirror import queue
from integrations.views.connected import PageRequest, connection_or_404, done, refused
from integrations.views.moments import counted


@admin_required
@require_POST
def start(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    form = StartForm(request.POST)
    if not form.is_valid():
        return refused(request, connection.provider_name, " ".join(map(str, form.errors["on"])))
    on = form.cleaned_data["on"]
    try:
        waiting = start_mirroring(connection, on, actor=request.user, ip=client_ip(request))
    except AlreadyStarted:
        return refused(request, connection.provider_name, "The start date was chosen before and stays as it is.")
    return done(request, connection.provider_name, _started(on, waiting))


@admin_required
@require_POST
def retry(request: PageRequest, connection_id: UUID) -> HttpResponse:
    """Let entries that were set aside go again: those named by `row`, those set aside for a `cause`, or with `all`
    every one."""
    connection = connection_or_404(request, connection_id)
    parked = connection.queue.needing_attention()
    if cause := request.POST.get("cause"):
        parked = parked.filter(cause=cause)
    elif "all" not in request.POST:
        parked = parked.filter(pk__in=[int(row) for row in request.POST.getlist("row") if row.isdecimal()])
    rows = list(parked.values_list("pk", flat=True))
    retried = queue.retry(connection, rows, actor=request.user, ip=client_ip(request))
    if not retried:
        return done(request, connection.provider_name, "Nothing to retry: no such entry needs attention any more.")
    return done(request, connection.provider_name, f"{counted(retried, 'entry', 'entries')} queued to be sent again.")


def _started(on: date, waiting: int) -> str:
    entries = counted(waiting, "entry", "entries")
    return f"Mirroring from {format_date(on, 'j M Y')}. {entries} {'is' if waiting == 1 else 'are'} waiting to be sent."
