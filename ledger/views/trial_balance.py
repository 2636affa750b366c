"""The trial balance at the end of a day, as a page to read and print and as a file."""

from datetime import date

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from athenty.organizations.access import OrganizationRequest, admin_required
from athenty.organizations.moments import today
from ledger import reports
from ledger.filters import DayFilter
from ledger.trial_balance_file import as_csv


@admin_required
@require_safe
def trial_balance(request: OrganizationRequest) -> HttpResponse:
    wanted, as_of = _day_asked_for(request)
    balance = reports.trial_balance(request.organization, as_of=as_of)
    context = {
        "filter": wanted,
        "as_of": as_of,
        "balance": balance,
        "trust": reports.trust_position(balance),
        "query": request.GET.urlencode(),
    }
    status = 200 if wanted.is_valid() else 422
    return TemplateResponse(request, "ledger/trial_balance.html", context, status=status)


@admin_required
@require_safe
def trial_balance_csv(request: OrganizationRequest) -> HttpResponse:
    wanted, as_of = _day_asked_for(request)
    if not wanted.is_valid():
        return HttpResponse("The day can't be read. Go back and correct it.", status=422)
    name = f"trial-balance-{request.organization.slug}-{as_of.isoformat()}.csv"
    return HttpResponse(
        as_csv(request.organization, reports.trial_balance(request.organization, as_of=as_of), as_of),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _day_asked_for(request: OrganizationRequest) -> tuple[DayFilter, date]:
    """The filter, and its day: the firm's today when it names none, or none that can be read."""
    wanted = DayFilter({"as_of": request.GET.get("as_of") or today(request.organization)})
    return wanted, wanted.cleaned_data["as_of"] if wanted.is_valid() else today(request.organization)
