"""Choosing the start date, and testing the connection."""

from datetime import date
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.connections.kms import KeyUnavailable
from integrations.connections.start import AlreadyStarted, start_mirroring
from integrations.forms import StartForm
from integrations.mirror import probing
from integrations.models import Connection
from integrations.providers.errors import CompanyGone, GrantLost, ProviderError, TokenRejected
from integrations.views.connected import PageRequest, connection_or_404, done, refused
from integrations.views.moments import clock, counted


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
    """Ask the provider which company this is, and say on the page what it answered."""
    connection = connection_or_404(request, connection_id)
    short = connection.provider.short_name
    if connection.status == Connection.Status.DISCONNECTED:
        return refused(request, connection.provider_name, f"{short} is disconnected. Reconnect it first.")
    try:
        company = probing.ask_now(connection, actor=request.user, ip=client_ip(request))
    except probing.NotNow as wait:
        at = clock(wait.until, connection.organization)
        sentence = f"{short} is not asked before {at}, since it limits us or did not answer others. Nothing is lost."
    except (GrantLost, CompanyGone, TokenRejected):
        return refused(
            request, connection.provider_name, f"{short} answered, and does not let us in. Its card says what to do."
        )
    except KeyUnavailable:
        sentence = "Athenty's own key service did not answer, so nobody was asked. Nothing is lost; try again soon."
    except ProviderError:
        sentence = f"{short} did not give a usable answer just now. Nothing is lost, and we ask again by ourselves."
    else:
        at = clock(timezone.now(), connection.organization)
        sentence = f"{short} answered at {at}: we reach {company.name}."
    return done(request, connection.provider_name, sentence)


def _started(on: date, waiting: int) -> str:
    entries = counted(waiting, "entry", "entries")
    return f"Mirroring from {format_date(on, 'j M Y')}. {entries} {'is' if waiting == 1 else 'are'} waiting to be sent."
