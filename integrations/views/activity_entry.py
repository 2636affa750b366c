"""One entry at one provider, and what a person may decide about it; retrying one or all that one thing stopped."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.forms import ActivityFilter
from integrations.mirror import activity, queue
from integrations.mirror.entry_story import story_of
from integrations.models import QueueRow
from integrations.providers.base import Cause
from integrations.views.connected import PageRequest, connection_or_404
from integrations.views.moments import counted


@admin_required
@require_safe
def show(request: PageRequest, row_id: int) -> HttpResponse:
    return _page(request, _row_or_404(request, row_id))


@admin_required
@require_POST
def retry(request: PageRequest, row_id: int) -> HttpResponse:
    """Let an entry that was set aside go again."""
    row = _row_or_404(request, row_id)
    if queue.retry(row.connection, [row.pk], actor=request.user, ip=client_ip(request)):
        messages.success(request, f"1 entry queued: {row.entry} goes to {row.connection.provider.short_name} again.")
    else:
        messages.success(request, f"Nothing to retry: {row.entry} does not need attention any more.")
    return redirect("integrations:activity_entry", row.pk)


@admin_required
@require_POST
def retry_all(request: PageRequest) -> HttpResponse:
    """Let all the entries go again that one thing stopped, as the list groups them."""
    try:
        connection_id, cause = UUID(request.POST.get("connection", "")), Cause(request.POST.get("cause", ""))
    except ValueError:
        raise BadRequest("No such cause.") from None
    connection = connection_or_404(request, connection_id)
    stopped = activity.stopped_by(
        connection, cause, account_id=request.POST.get("account", ""), code=request.POST.get("code", "")
    )
    row_ids = list(stopped.values_list("pk", flat=True))
    retried = queue.retry(connection, row_ids, actor=request.user, ip=client_ip(request))
    if retried:
        messages.success(request, f"{counted(retried, 'entry', 'entries')} queued to be sent again.")
    else:
        messages.success(request, "Nothing to retry: no such entry needs attention any more.")
    return redirect(_list_url(request.POST.get("query", "")))


@admin_required
@require_POST
def decide(request: PageRequest, row_id: int) -> HttpResponse:
    """What became of an entry whose outcome was never learned: only a person who has looked can say."""
    row = _row_or_404(request, row_id)
    decision, short = request.POST.get("decision"), row.connection.provider.short_name
    if decision not in {"there", "again"}:
        return _page(request, row, error="Choose whether the entry is there.")
    if decision == "there":
        remote_id = request.POST.get("remote_id", "").replace("\0", "").strip()
        decided = queue.confirm(row, remote_id, actor=request.user, ip=client_ip(request))
        sentence = f"{row.entry} is marked as sent: you found it in {short}."
    else:
        decided = queue.send_again(row, actor=request.user, ip=client_ip(request))
        sentence = f"{row.entry} is queued to be sent to {short} again."
    if not decided:
        row.refresh_from_db(fields=["state"])
        sentence = f"{row.entry} was decided already: {row.get_state_display().lower()}."
    messages.success(request, sentence)
    return redirect("integrations:activity_entry", row.pk)


def _row_or_404(request: PageRequest, row_id: int) -> QueueRow:
    mine = QueueRow.objects.filter(
        connection__organization=request.organization, entry__organization=request.organization
    )
    row = get_object_or_404(mine.select_related("connection", "entry"), pk=row_id)
    row.connection.organization = request.organization
    return row


def _page(request: PageRequest, row: QueueRow, *, error: str = "") -> HttpResponse:
    story = story_of(row)
    context = {
        "story": story,
        "row": row,
        "entry": row.entry,
        "connection": row.connection,
        "short": row.connection.provider.short_name,
        "journal_url": activity.journal_url(row),
        "is_account": row.cause == Cause.ACCOUNT,
        "is_permission": row.cause == Cause.PERMISSION,
        "error": error,
    }
    return TemplateResponse(request, "integrations/activity_entry.html", context, status=422 if error else 200)


def _list_url(query: str) -> str:
    """The list as it was filtered. What is no filter of ours is left out."""
    form = ActivityFilter(QueryDict(query[:1_000]))
    kept = {name: form.data[name] for name in form.fields if form.data.get(name)} if form.is_valid() else {}
    url = reverse("integrations:activity")
    return f"{url}?{urlencode(kept)}" if kept else url
