"""Deciding what became of an entry whose outcome was never learned: only a person who has looked can say."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.mirror import queue, reports
from integrations.models import QueueRow
from integrations.views.connected import PageRequest, card_url, connection_or_404


@admin_required
@require_http_methods(["GET", "POST"])
def decide(request: PageRequest, connection_id: UUID, row_id: int) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    row = get_object_or_404(connection.queue.select_related("entry", "connection__organization"), pk=row_id)
    if row.state != QueueRow.State.UNCONFIRMED:
        messages.success(request, f"{row.entry} was decided already: {row.get_state_display().lower()}.")
        return redirect(card_url(connection.provider_name))
    if request.method == "GET" or request.POST.get("decision") not in {"there", "again"}:
        context = {"connection": connection, "entry": reports.unconfirmed_entry(row)}
        return TemplateResponse(request, "integrations/unconfirmed.html", context)
    short = connection.provider.short_name
    if request.POST["decision"] == "there":
        remote_id = request.POST.get("remote_id", "").strip()
        queue.confirm(row, remote_id, actor=request.user, ip=client_ip(request))
        messages.success(request, f"{row.entry} is marked as sent: you found it in {short}.")
    else:
        queue.send_again(row, actor=request.user, ip=client_ip(request))
        messages.success(request, f"{row.entry} is queued to be sent to {short} again.")
    return redirect(card_url(connection.provider_name))
