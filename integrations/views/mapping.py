"""The mapping table: its own page, saving it from there or from its card, accepting suggestions, and what a person may
ask of the provider's chart."""

import dataclasses
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.forms import MappingForm
from integrations.mapping import parties
from integrations.mapping.chart import ask_for_reading
from integrations.mapping.naming import ChartNames
from integrations.mapping.saving import MappingRefused, Saved, objections, save_mapping
from integrations.models import Connection
from integrations.providers.base import Party
from integrations.views import cards, index
from integrations.views.connected import PageRequest, card_url, connection_or_404, done, refused
from integrations.views.mapping_panel import Asked, accepted, panel
from integrations.views.moments import counted

_OWN_PAGE = "page"


@admin_required
@require_http_methods(["GET", "HEAD", "POST"])
def mapping(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    if not connection.is_connected:
        return refused(request, connection.provider_name, "Connect first: the mapping can be changed while connected.")
    if request.method == "POST":
        return _save(request, connection)
    return _own_page(request, connection, Asked.by(request.GET, connection.provider_name, is_own_page=True))


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
    return _answered(request, connection, f"Reading the {short} chart of accounts again.")


@admin_required
@require_POST
def create_party(request: PageRequest, connection_id: UUID, party: str) -> HttpResponse:
    """Have the worker create the customer or supplier that receivable or payable lines name."""
    connection = connection_or_404(request, connection_id)
    if party not in set(Party) or not connection.chart.filter(party=party).exists():
        raise Http404("No account of this company wants that.")
    short = connection.provider.short_name
    if not connection.is_connected:
        return refused(request, connection.provider_name, f"Connect {short} first.")
    with transaction.atomic():
        is_asked = parties.ask_for(connection, Party(party), actor=request.user, ip=client_ip(request))
        if is_asked:
            ask_for_reading(connection)
    if not is_asked:
        return _answered(request, connection, f"The {party} was asked for before.")
    return _answered(request, connection, f"Asking {short} to create a {party} for the mirror. It takes a few seconds.")


def _save(request: PageRequest, connection: Connection) -> HttpResponse:
    form = MappingForm(request.POST)
    before = _asked(request, connection)
    if "fill" in request.POST:
        return _filled(request, connection, dataclasses.replace(before, typed=form.changed), request.POST["fill"])
    choices, errors = form.choices(ChartNames(connection.chart.all(), provider=connection.provider.short_name))
    if not errors:
        try:
            saved = save_mapping(connection, choices, loaded=form.seen(), actor=request.user, ip=client_ip(request))
        except MappingRefused as refusal:
            errors = refusal.errors
        else:
            return _answered(request, connection, _result(connection, saved))
    # All that is wrong at once: what names no account, and what the rules don't allow.
    errors = objections(connection, choices) | errors
    return _shown_again(request, connection, dataclasses.replace(before, typed=form.changed, errors=errors), status=422)


def _filled(request: PageRequest, connection: Connection, asked: Asked, wanted: str) -> HttpResponse:
    """Suggestions put into the boxes, or taken out again, without a script. Nothing is saved."""
    if wanted == "undo":
        undone = {int(pk) for pk in request.POST.get("filled", "").split(",") if pk.isdecimal()}
        kept = {pk: text for pk, text in asked.typed.items() if pk not in undone}
        return _shown_again(request, connection, dataclasses.replace(asked, typed=kept, message="Undone."))
    shown = panel(connection, asked)
    texts = accepted(shown, wanted)
    left = shown.trust_suggestions if wanted == "all" else 0
    asked = dataclasses.replace(
        asked, typed={**asked.typed, **texts}, filled=tuple(texts), message=filled_sentence(len(texts), left)
    )
    return _shown_again(request, connection, asked)


def filled_sentence(number: int, trust_left: int) -> str:
    parts = [f"{counted(number, 'suggestion')} filled in."]
    if trust_left:
        parts.append(f"{counted(trust_left, 'trust account')} left for you to check.")
    return " ".join([*parts, "Nothing is saved yet."])


def _asked(request: PageRequest, connection: Connection) -> Asked:
    return Asked.by(request.GET, connection.provider_name, is_own_page=request.POST.get("on") == _OWN_PAGE)


def _answered(request: PageRequest, connection: Connection, sentence: str) -> HttpResponse:
    """After an act: the page it was done on, or its card for HTMX, with the filter as it was."""
    asked = _asked(request, connection)
    if asked.is_own_page and not request.htmx:
        messages.success(request, sentence)
        return redirect(panel(connection, asked).save_url)
    return done(request, connection.provider_name, sentence, asked)


def _shown_again(request: PageRequest, connection: Connection, asked: Asked, status: int = 200) -> HttpResponse:
    """The form again with what it held, of which nothing is saved."""
    if asked.is_own_page:
        return _own_page(request, connection, asked, status=status)
    if not request.htmx:
        return index.connections_tab(request, asked={connection.provider_name: asked}, status=status)
    card = cards.card(request.organization, connection.provider_name, asked=asked)
    context = {"card": card, "title": "Error: Connections – Integrations – Athenty"}
    return TemplateResponse(request, "integrations/card.html", context, status=status)


def _own_page(request: PageRequest, connection: Connection, asked: Asked, status: int = 200) -> HttpResponse:
    card = cards.card(request.organization, connection.provider_name, asked=asked)
    context = {"card": card, "back": card_url(connection.provider_name), "has_errors": bool(asked.errors)}
    return TemplateResponse(request, "integrations/mapping_page.html", context, status=status)


def _result(connection: Connection, saved: Saved) -> str:
    parts = [_meanwhile(person, number) for person, number in saved.meanwhile.items()]
    if not saved.changed:
        return " ".join(["No changes to save.", *parts])
    parts.insert(0, "Mapping saved.")
    if saved.missing:
        lack = "lacks" if saved.missing == 1 else "lack"
        parts.append(f"{counted(saved.missing, 'required account')} still {lack} a target, so nothing is sent yet.")
    elif waiting := connection.queue.waiting().count():
        parts.append(f"{counted(waiting, 'waiting entry', 'waiting entries')} will now be sent.")
    if saved.released:
        parts.append(f"{counted(saved.released, 'entry', 'entries')} that needed attention will be tried again.")
    return " ".join(parts)


def _meanwhile(person: str, number: int) -> str:
    return f"{person} changed {counted(number, 'other account')} meanwhile, which is kept."
