"""The chart of accounts, and what moved on one account."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from athenty.organizations.access import OrganizationRequest, admin_required
from athenty.organizations.pages import without_page
from ledger import reports
from ledger.account_activity import account_activity
from ledger.filters import PeriodFilter
from ledger.models import Account


@admin_required
@require_safe
def chart(request: OrganizationRequest) -> HttpResponse:
    context = {"balance": reports.trial_balance(request.organization)}
    return TemplateResponse(request, "ledger/chart.html", context)


@admin_required
@require_safe
def account(request: OrganizationRequest, number: str) -> HttpResponse:
    shown = get_object_or_404(Account.objects.for_organization(request.organization), number=number)
    period = PeriodFilter(request.GET)
    activity = None
    if period.is_valid():
        first, last = period.cleaned_data["first"], period.cleaned_data["last"]
        activity = account_activity(shown, first=first, last=last, query=request.GET)
    context = {"account": shown, "activity": activity, "filter": period, "query": without_page(request.GET)}
    return TemplateResponse(request, "ledger/account.html", context, status=200 if activity else 422)
