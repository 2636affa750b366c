"""Saving the mapping table of a card, and reading the provider's chart again."""

from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.forms import MappingForm
from integrations.mapping.chart import ask_for_reading
from integrations.mapping.saving import MappingRefused, Saved, save_mapping
from integrations.models import Connection
from integrations.views import cards, index
from integrations.views.cards import RefusedMapping
from integrations.views.connected import PageRequest, connection_or_404, done, refused
from integrations.views.moments import counted


@admin_required
@require_POST
def save(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    if not connection.is_connected:
        return refused(request, connection.provider_name, "Connect first: the mapping can be changed while connected.")
    form = MappingForm(request.POST)
    choices, errors = form.choices(), form.unreadable()
    if not errors:
        try:
            saved = save_mapping(connection, choices, actor=request.user, ip=client_ip(request))
        except MappingRefused as refusal:
            errors = refusal.errors
        else:
            return done(request, connection.provider_name, _result(connection, saved))
    return _refused(request, RefusedMapping(connection, choices, errors))


@admin_required
@require_POST
def refresh_chart(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    short = connection.provider.short_name
    if not connection.is_connected:
        return refused(
            request, connection.provider_name, f"Connect {short} first: its chart can be read while connected."
        )
    with transaction.atomic():
        ask_for_reading(connection)
    return done(request, connection.provider_name, f"Reading the {short} chart of accounts again.")


def _refused(request: PageRequest, refusal: RefusedMapping) -> HttpResponse:
    """The form again with the choices kept, of which none is saved."""
    if not request.htmx:
        return index.connections_tab(request, refused=refusal)
    card = cards.card(request.organization, refusal.connection.provider_name, refused=refusal)
    context = {"card": card, "title": "Error: Connections – Integrations – Athenty"}
    return TemplateResponse(request, "integrations/card.html", context, status=422)


def _result(connection: Connection, saved: Saved) -> str:
    if not saved.changed:
        return "No changes to save."
    parts = ["Mapping saved."]
    if saved.missing:
        lack = "lacks" if saved.missing == 1 else "lack"
        parts.append(f"{counted(saved.missing, 'required account')} still {lack} a target, so nothing is sent yet.")
    elif waiting := connection.queue.waiting().count():
        parts.append(f"{counted(waiting, 'waiting entry', 'waiting entries')} will now be sent.")
    if saved.released:
        parts.append(f"{counted(saved.released, 'entry', 'entries')} that needed attention will be tried again.")
    return " ".join(parts)
