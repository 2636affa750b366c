"""Fetching the connection that an address names, and answering to what was done with it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django_htmx.middleware import HtmxDetails

from athenty.organizations.access import OrganizationRequest
from athenty.organizations.client_address import client_ip
from integrations.connections.attempts import Visitor
from integrations.models import Connection
from integrations.views import cards
from integrations.views.mapping_panel import Asked


class PageRequest(OrganizationRequest):
    """A request as the middleware and `admin_required` leave it for a view."""

    htmx: HtmxDetails


def connection_or_404(request: PageRequest, connection_id: UUID) -> Connection:
    mine = Connection.objects.for_organization(request.organization).current().select_related("organization")
    return get_object_or_404(mine, pk=connection_id)


def visitor(request: PageRequest) -> Visitor:
    if not request.session.session_key:
        request.session.save()
    return Visitor(
        user=request.user,
        organization=request.organization,
        session_key=request.session.session_key or "",
        ip=client_ip(request),
    )


def card_url(provider_name: str) -> str:
    return f"{reverse('integrations:index')}?tab=connections#{provider_name}"


def done(request: PageRequest, provider_name: str, sentence: str, asked: Asked | None = None) -> HttpResponse:
    """After an act on a card: the card again for HTMX, with the sentence where the act was done; else the page.

    `asked`: how the mapping table is looked at, where the act was done in it.
    """
    if not request.htmx:
        messages.success(request, sentence)
        return redirect(card_url(provider_name))
    card = cards.card(request.organization, provider_name, asked=asked)
    context = {"card": card, "status": sentence, "is_about_mapping": asked is not None}
    return TemplateResponse(request, "integrations/card.html", context)


def refused(request: PageRequest, provider_name: str, sentence: str) -> HttpResponse:
    """An act that can't be done now: the page again, with the sentence in its banner, and nothing changed."""
    messages.error(request, sentence)
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": card_url(provider_name)})
    return redirect(card_url(provider_name))
