"""Saving the sync mode."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from athenty.organizations.models import Organization
from integrations.forms import SyncModeForm
from integrations.mirror import schedule
from integrations.models import QueueRow, SyncMode
from integrations.views import index
from integrations.views.connected import PageRequest
from integrations.views.moments import clock, counted


@admin_required
@require_POST
def save(request: PageRequest) -> HttpResponse:
    form = SyncModeForm(request.POST)
    if not form.is_valid():
        return index.sync_mode_tab(request, refused=form)
    mode = SyncMode(form.cleaned_data["mode"])
    changed = schedule.set_mode(request.organization, mode, actor=request.user, ip=client_ip(request))
    sentence = _result(request.organization, mode) if changed else f"No change: Sync Mode is {mode.label}."
    messages.success(request, sentence)
    return redirect(f"{reverse('integrations:index')}?tab=sync-mode")


@admin_required
@require_POST
def flush(request: PageRequest) -> HttpResponse:
    """Send what waits in Batched mode now."""
    waiting = schedule.flush_now(request.organization, actor=request.user, ip=client_ip(request))
    if waiting:
        messages.success(request, f"Sending {counted(waiting, 'waiting entry', 'waiting entries')} now.")
    else:
        messages.success(request, "Nothing was waiting for the next batch.")
    return redirect(f"{reverse('integrations:index')}?tab=sync-mode")


def _result(organization: Organization, mode: SyncMode) -> str:
    waiting = (
        QueueRow.objects.filter(connection__organization=organization, connection__is_current=True).waiting().count()
    )
    entries = counted(waiting, "entry", "entries")
    if mode == SyncMode.OFF:
        return f"Sync is off. {entries} {'is' if waiting == 1 else 'are'} waiting."
    if mode == SyncMode.BATCHED:
        flush_at = schedule.sync_settings(organization).next_flush_at
        next_batch = f"; next batch at {clock(flush_at, organization)}" if flush_at else ""
        return f"Sync is Batched. {entries} waiting{next_batch}."
    sending = f"Sending {counted(waiting, 'waiting entry', 'waiting entries')}." if waiting else "Nothing is waiting."
    return f"Sync is Live. {sending}"
