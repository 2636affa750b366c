"""Connecting, choosing the company and the start date, disconnecting, retrying what was set aside."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.dateformat import format as format_date
from django.views.decorators.http import require_http_methods, require_POST

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.connections import connect as connecting
from integrations.connections.disconnect import disconnect as end_connection
from integrations.connections.start import AlreadyStarted, start_mirroring
from integrations.forms import StartForm
from integrations.mirror import queue
from integrations.models import ConnectAttempt, Connection
from integrations.providers import PROVIDERS
from integrations.views.callbacks import connected_sentence, failure_sentence
from integrations.views.connected import PageRequest, card_url, connection_or_404, done, refused, visitor
from integrations.views.moments import counted


@admin_required
@require_POST
def connect(request: PageRequest, provider_name: str) -> HttpResponse:
    """Leave for the provider, in the same window."""
    if provider_name not in PROVIDERS:
        raise Http404("There is no such accounting system.")
    try:
        return redirect(connecting.begin(provider_name, visitor(request)))
    except connecting.ConnectFailed as failure:
        return refused(request, provider_name, failure_sentence(failure))


@admin_required
@require_http_methods(["GET", "POST"])
def choose(request: PageRequest, reference: str) -> HttpResponse:
    """Which of the companies that the sign-in covers, or whether to replace the one that was connected before."""
    made = get_object_or_404(ConnectAttempt, organization=request.organization, reference=reference)
    provider_name = made.provider_name
    if made.outcome == ConnectAttempt.Outcome.CONNECTED:
        return redirect(card_url(provider_name))  # the second press of the button
    attempt = connecting.open_choice(visitor(request), reference)
    if attempt is None:
        return refused(
            request, provider_name, "This sign-in took too long or was started in another window. Start again."
        )
    if request.method == "GET":
        return _choice_page(request, attempt)
    if not request.POST.get("company"):
        return _choice_page(request, attempt, error="Choose the company to send entries to.")
    try:
        connection = connecting.choose(attempt, request.POST["company"], visitor(request))
    except connecting.ConnectFailed as failure:
        return refused(request, provider_name, failure_sentence(failure))
    messages.success(request, connected_sentence(connection))
    return redirect(card_url(provider_name))


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
@require_http_methods(["GET", "POST"])
def disconnect(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    if request.method == "GET":
        context = {"connection": connection, "waiting": connection.queue.waiting().count()}
        return TemplateResponse(request, "integrations/disconnect.html", context)
    short = connection.provider.short_name
    if end_connection(connection, actor=request.user, ip=client_ip(request)):
        messages.success(request, f"Disconnected from {connection.company_name}. Your mapping and history are kept.")
    else:
        messages.success(request, f"{short} was disconnected already.")
    return redirect(card_url(connection.provider_name))


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


def _choice_page(request: PageRequest, attempt: ConnectAttempt, error: str = "") -> HttpResponse:
    context = {
        "attempt": attempt,
        "provider": PROVIDERS[attempt.provider_name],
        "companies": [candidate["company"] for candidate in attempt.candidates],
        "previous": _replaced(attempt),
        "error": error,
    }
    return TemplateResponse(request, "integrations/choose.html", context, status=422 if error else 200)


def _replaced(attempt: ConnectAttempt) -> Connection | None:
    """The connection whose company is not among those signed in to; None when joining one replaces nothing."""
    previous = connecting.previous_company(attempt)
    signed_in_to = {candidate["company"]["id"] for candidate in attempt.candidates}
    return previous if previous and previous.company_id not in signed_in_to else None


def _started(on: date, waiting: int) -> str:
    entries = counted(waiting, "entry", "entries")
    return f"Mirroring from {format_date(on, 'j M Y')}. {entries} {'is' if waiting == 1 else 'are'} waiting to be sent."
