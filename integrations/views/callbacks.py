"""Where the providers send people back. Answers with redirects only: a page here would stand at an address that holds
the code, for its scripts, its images' Referer and the browser's history to pass on."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html
from django.views.decorators.http import require_GET

from athenty.organizations.access import Page, admin_required, membership_of
from integrations.connections import attempts, connect
from integrations.models import ConnectAttempt, Connection
from integrations.views.connected import PageRequest, card_url, visitor


def _without_its_parameters(view: Callable[[PageRequest], HttpResponse]) -> Page:
    """Who may not come in, or is signed out by now, is first sent to this address without the code: sign-in would
    carry it along in its own address, and the page that refuses access would stand at it."""
    guarded = admin_required(view)

    @wraps(guarded)
    def answer(request: HttpRequest) -> HttpResponse:
        membership = membership_of(request)
        is_let_in = membership is not None and membership.is_manager
        response = guarded(request) if is_let_in or not request.GET else redirect(request.path)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer


@_without_its_parameters
@require_GET
def quickbooks(request: PageRequest) -> HttpResponse:
    return _finish(request, "quickbooks")


@_without_its_parameters
@require_GET
def xero(request: PageRequest) -> HttpResponse:
    return _finish(request, "xero")


def _finish(request: PageRequest, provider_name: str) -> HttpResponse:
    try:
        result = connect.finish(provider_name, visitor(request), request.GET.dict())
    except attempts.ConnectFailed as failure:
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


def failure_sentence(failure: attempts.ConnectFailed) -> str:
    """With the reference in one piece, to be read out or copied."""
    if not failure.reference:
        return str(failure)
    return format_html('{} <span class="reference">Reference {}</span>', str(failure), failure.reference)
