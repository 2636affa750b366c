"""Connecting, choosing the company, connecting anew before access ends, disconnecting."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from athenty.organizations.access import admin_required, public
from athenty.organizations.client_address import client_ip
from integrations.connections import attempts
from integrations.connections import connect as connecting
from integrations.connections.disconnect import disconnect as end_connection
from integrations.connections.telling import access_ends_at
from integrations.models import ConnectAttempt, Connection
from integrations.providers import PROVIDERS
from integrations.views.callbacks import connected_sentence, failure_sentence
from integrations.views.connected import PageRequest, card_url, connection_or_404, refused, visitor


@admin_required
@require_POST
def connect(request: PageRequest, provider_name: str) -> HttpResponse:
    """Leave for the provider, in the same window."""
    if provider_name not in PROVIDERS:
        raise Http404("There is no such accounting system.")
    try:
        return redirect(connecting.begin(provider_name, visitor(request), renewing="renew" in request.POST))
    except attempts.ConnectFailed as failure:
        return refused(request, provider_name, failure_sentence(failure))


@admin_required
@require_http_methods(["GET", "POST"])
def choose(request: PageRequest, reference: str) -> HttpResponse:
    """Which of the companies that the sign-in covers, or whether to replace the one that was connected before."""
    made = get_object_or_404(ConnectAttempt, organization=request.organization, reference=reference)
    provider_name = made.provider_name
    if made.outcome == ConnectAttempt.Outcome.CONNECTED:
        return redirect(card_url(provider_name))  # the second press of the button
    attempt = attempts.open_choice(visitor(request), reference)
    if attempt is None:
        return refused(
            request, provider_name, "This sign-in took too long or was started in another window. Start again."
        )
    if request.method == "GET":
        return _choice_page(request, attempt)
    if "cancel" in request.POST:
        connecting.choose_none(attempt)
        messages.info(request, "Nothing was connected, and nothing has changed.")
        return redirect(card_url(provider_name))
    if not request.POST.get("company"):
        return _choice_page(request, attempt, error="Choose the company to send entries to.")
    try:
        connection = connecting.choose(attempt, request.POST["company"], visitor(request))
    except attempts.ConnectFailed as failure:
        if attempts.open_choice(visitor(request), reference):
            return _choice_page(request, attempt, error=str(failure))
        return refused(request, provider_name, failure_sentence(failure))
    messages.success(request, connected_sentence(connection))
    return redirect(card_url(provider_name))


@admin_required
@require_safe
def reconnect(request: PageRequest, provider_name: str) -> HttpResponse:
    """Where the card's warning and Intuit's own reminder lead before access ends: registered there as Reconnect URL."""
    if provider_name not in PROVIDERS:
        raise Http404("There is no such accounting system.")
    current = Connection.objects.for_organization(request.organization).current()
    connection = current.filter(provider_name=provider_name).first()
    context = {
        "provider_name": provider_name,
        "provider": PROVIDERS[provider_name],
        "connection": connection,
        "ends_at": access_ends_at(connection) if connection else None,
    }
    return TemplateResponse(request, "integrations/reconnect.html", context)


@public
@require_safe
def disconnected_there(request: HttpRequest, provider_name: str) -> HttpResponse:
    """Where Intuit sends a person who has disconnected Athenty over there: registered there as Disconnect URL.

    Anyone can call it, so it changes nothing and reads nothing: what really happened shows at the next call.
    """
    if provider_name not in PROVIDERS:
        raise Http404("There is no such accounting system.")
    context = {"provider_name": provider_name, "provider": PROVIDERS[provider_name]}
    return TemplateResponse(request, "integrations/disconnected_there.html", context)


@admin_required
@require_http_methods(["GET", "POST"])
def disconnect(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    if request.method == "GET":
        context = {"connection": connection, "waiting": connection.queue.under_way().count()}
        return TemplateResponse(request, "integrations/disconnect.html", context)
    forget = "forget_mapping" in request.POST
    if end_connection(connection, actor=request.user, ip=client_ip(request), forget_mapping=forget):
        kept = "Your history is kept, and the mapping is deleted." if forget else "Your mapping and history are kept."
        messages.success(request, f"Disconnected from {connection.company_name}. {kept}")
    else:
        messages.success(request, f"{connection.provider.short_name} was disconnected already.")
    return redirect(card_url(connection.provider_name))


def _choice_page(request: PageRequest, attempt: ConnectAttempt, error: str = "") -> HttpResponse:
    companies = [candidate["company"] for candidate in attempt.candidates]
    previous = connecting.previous_company(attempt)
    context = {
        "attempt": attempt,
        "provider": PROVIDERS[attempt.provider_name],
        "companies": companies,
        "previous": previous,
        "is_previous_listed": previous is not None and previous.company_id in {each["id"] for each in companies},
        "error": error,
    }
    return TemplateResponse(request, "integrations/choose.html", context, status=422 if error else 200)
