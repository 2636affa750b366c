"""Choosing the start date, and testing the connection."""

from datetime import date
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.connections.start import AlreadyStarted, start_mirroring
from integrations.forms import StartForm
from integrations.mapping.chart import ask_for_reading
from integrations.models import Connection
from integrations.views.connected import PageRequest, connection_or_404, done, refused
from integrations.views.moments import counted, short_date


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
def test(request: PageRequest, connection_id: UUID) -> HttpResponse:
    """Have a worker ask which company this is, and read its chart: a web process can open no token."""
    connection = connection_or_404(request, connection_id)
    short = connection.provider.short_name
    if connection.status == Connection.Status.DISCONNECTED:
        return refused(request, connection.provider_name, f"{short} is disconnected. Reconnect it first.")
    with transaction.atomic():
        ask_for_reading(connection)
    return done(
        request, connection.provider_name, f"Asking {short}. In a few seconds, “Last answer” says what came of it."
    )


def _started(on: date, waiting: int) -> str:
    entries = counted(waiting, "entry", "entries")
    return f"Mirroring from {short_date(on)}. {entries} {'is' if waiting == 1 else 'are'} waiting to be sent."
