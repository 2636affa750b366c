"""Settings ▸ Integrations: the Connections and Sync Mode tabs."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from athenty.organizations.access import admin_required
from integrations.forms import StartForm, SyncModeForm
from integrations.mirror import schedule
from integrations.models import Connection, QueueRow, SyncMode
from integrations.providers import PROVIDERS
from integrations.views import cards, moments
from integrations.views.connected import PageRequest, card_url, connection_or_404
from integrations.views.mapping_panel import Asked

_SOON = timedelta(seconds=30)


@admin_required
@require_safe
def integrations(request: PageRequest) -> HttpResponse:
    """An unknown tab is the first one: an old address still finds the page."""
    if request.GET.get("tab") == "sync-mode":
        return sync_mode_tab(request)
    return connections_tab(request)


@admin_required
@require_safe
def card(request: PageRequest, connection_id: UUID) -> HttpResponse:
    """A card's facts, asked for again while something is under way.

    `chart` says what the asking page shows: the mapping table is sent anew only when the chart was read again, since a
    person may be at work in it. `quarter` is how much of a long drain it has announced, `status` what its pill says.
    """
    connection = connection_or_404(request, connection_id)
    name = connection.provider_name
    if not request.htmx:
        return redirect(card_url(name))
    if request.GET.get("status", connection.status) != connection.status:
        return HttpResponse(headers={"HX-Refresh": "true"})  # pill, buttons and table are others now
    found = cards.card_facts(request.organization, name)
    is_own_page = request.GET.get("on") == "page"
    is_chart_new = found.has_chart and request.GET.get("chart") != found.chart_stamp
    if is_chart_new:
        asked = Asked.by(request.GET, name, is_own_page=is_own_page)
        found = cards.card(request.organization, name, asked=asked)
    context = {
        "card": found,
        "is_chart_new": is_chart_new,
        "is_own_page": is_own_page,
        "is_quarter_new": str(found.quarter) > request.GET.get("quarter", "0"),
    }
    return TemplateResponse(request, "integrations/card_facts.html", context)


def connections_tab(
    request: PageRequest, asked: Mapping[str, Asked] | None = None, *, status: int = 200
) -> HttpResponse:
    """`asked`: a mapping form to show again, by its provider."""
    asked = {name: Asked.by(request.GET, name) for name in PROVIDERS} | dict(asked or {})
    tried = {name: request.GET[f"{name}_from"] for name in PROVIDERS if f"{name}_from" in request.GET}
    start_forms = {name: StartForm({"on": on}) for name, on in tried.items()}
    shown = cards.cards(request.organization, list(PROVIDERS), start_forms=start_forms, asked=asked)
    has_errors = any(each.errors for each in asked.values())
    context = {"tab": "connections", "tab_title": "Connections", "cards": shown, "has_errors": has_errors}
    context["needing_a_person"] = sum(each.figures.queue.needing_a_person for each in shown if each.figures)
    return _page(request, context, status=status)


def sync_mode_tab(request: PageRequest, refused: SyncModeForm | None = None) -> HttpResponse:
    connections = list(Connection.objects.for_organization(request.organization).current())
    context = {
        "tab": "sync-mode",
        "tab_title": "Sync Mode",
        "form": refused,
        "current": schedule.sync_settings(request.organization),
        "is_connected": any(each.is_connected for each in connections),
        "waiting": QueueRow.objects.filter(connection__in=connections).under_way().count(),
        "modes": [(mode, mode.label, _hint(mode)) for mode in SyncMode],
        "has_errors": bool(refused),
    }
    return _page(request, context, status=422 if refused else 200)


def _page(request: PageRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    template = "integrations/index.html" + ("#tabs" if request.htmx else "")
    return TemplateResponse(request, template, context, status=status)


def _hint(mode: SyncMode) -> str:
    interval = moments.interval(settings.MIRROR_BATCH_INTERVAL)
    # A lost wake-up is made up for by the next sweep, and the send itself takes its time.
    soon = moments.interval(max(_SOON, 3 * settings.MIRROR_SWEEP_INTERVAL))
    return {
        SyncMode.LIVE: f"Each posted entry is sent within about {soon} (the default).",
        SyncMode.BATCHED: f"Posted entries are sent together every {interval}. Avoids QuickBooks limits on busy days.",
        SyncMode.OFF: "Nothing is sent. Your connections stay; posted entries wait.",
    }[mode]
