"""Where the providers send people back. Answers with redirects only: a page here would stand at an address that holds
the code, for its scripts, its images' Referer and the browser's history to pass on."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from athenty.organizations.access import admin_required
from integrations.connections import connect
from integrations.models import ConnectAttempt, Connection
from integrations.views.connected import PageRequest, card_url, visitor


@admin_required
@require_GET
def quickbooks(request: PageRequest) -> HttpResponse:
    return _finish(request, "quickbooks")


@admin_required
@require_GET
def xero(request: PageRequest) -> HttpResponse:
    return _finish(request, "xero")


def _finish(request: PageRequest, provider_name: str) -> HttpResponse:
    answer = _take_up(request, provider_name)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _take_up(request: PageRequest, provider_name: str) -> HttpResponse:
    try:
        result = connect.finish(provider_name, visitor(request), request.GET.dict())
    except connect.ConnectFailed as failure:
        messages.error(request, failure_sentence(failure))
        return redirect(card_url(provider_name))
    if isinstance(result, ConnectAttempt):
        return redirect("integrations:choose", result.reference)
    messages.success(request, connected_sentence(result))
    return redirect(card_url(result.provider_name))


def connected_sentence(connection: Connection) -> str:
    if connection.mirror_from is None:
        return f"Connected to {connection.company_name}. Next: choose the start date and map your accounts."
    return f"Connected to {connection.company_name}. Its mapping and waiting entries are as they were."


def failure_sentence(failure: connect.ConnectFailed) -> str:
    return f"{failure} Reference {failure.reference}" if failure.reference else str(failure)
