"""Where the providers send people back. Answers with redirects only: a page here would stand at an address that holds
the code, for its scripts, its images' Referer and the browser's history to pass on."""

import logging

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from athenty.organizations.access import OrganizationRequest, admin_required
from integrations.connections import connect
from integrations.models import ConnectAttempt, Connection
from integrations.views.connected import card_url, visitor

logger = logging.getLogger(__name__)


@admin_required
@require_GET
def quickbooks(request: OrganizationRequest) -> HttpResponse:
    return _finish(request, "quickbooks")


@admin_required
@require_GET
def xero(request: OrganizationRequest) -> HttpResponse:
    return _finish(request, "xero")


def _finish(request: OrganizationRequest, provider_name: str) -> HttpResponse:
    try:
        result = connect.finish(provider_name, visitor(request), request.GET.dict())
    except connect.ConnectFailed as failure:
        messages.error(request, failure_sentence(failure))
        answer = redirect(card_url(provider_name))
    else:
        answer = _go_on(request, result)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _go_on(request: OrganizationRequest, result: Connection | ConnectAttempt) -> HttpResponse:
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
