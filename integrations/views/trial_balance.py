"""Comparing the trial balance that a person exported at the provider with what was sent. The file is not kept."""

from decimal import Decimal
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from athenty.organizations.access import admin_required
from athenty.organizations.client_address import client_ip
from integrations.forms import TrialBalanceForm
from integrations.mirror.trial_balance_checking import check_trial_balance
from integrations.mirror.trial_balance_file import MAX_BYTES, UnreadableTrialBalance, read_trial_balance
from integrations.models import Connection, TrialBalanceCheck
from integrations.views import moments
from integrations.views.connected import PageRequest, connection_or_404


@admin_required
@require_http_methods(["GET", "POST"])
def compare(request: PageRequest, connection_id: UUID) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    if request.method == "GET":
        return _page(request, connection, TrialBalanceForm(initial={"as_of": moments.today(request.organization)}))
    form = TrialBalanceForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, connection, form)
    file = form.cleaned_data["file"]
    try:
        # One byte more than allowed shows that it is too long, whatever its length.
        found = read_trial_balance(file.read(MAX_BYTES + 1))
        check = check_trial_balance(
            connection,
            found,
            as_of=form.cleaned_data["as_of"],
            file_name=file.name,
            actor=request.user,
            ip=client_ip(request),
        )
    except UnreadableTrialBalance as unreadable:
        form.add_error("file", str(unreadable))
        return _page(request, connection, form)
    return redirect("integrations:trial_balance_result", connection.pk, check.pk)


@admin_required
@require_safe
def result(request: PageRequest, connection_id: UUID, check_id: int) -> HttpResponse:
    connection = connection_or_404(request, connection_id)
    checks = TrialBalanceCheck.objects.filter(connection=connection).select_related("checked_by")
    check = get_object_or_404(checks, pk=check_id)
    context = {
        "connection": connection,
        "short": connection.provider.short_name,
        "check": check,
        "rows": [_amounts(row) for row in check.rows],
        "agreeing": check.accounts - check.differing,
    }
    return TemplateResponse(request, "integrations/trial_balance_result.html", context)


def _amounts(row: dict[str, str]) -> dict[str, object]:
    return {"account": row["account"], **{name: Decimal(row[name]) for name in ("sent", "theirs", "difference")}}


def _page(request: PageRequest, connection: Connection, form: TrialBalanceForm) -> HttpResponse:
    context = {"connection": connection, "short": connection.provider.short_name, "form": form}
    return TemplateResponse(request, "integrations/trial_balance.html", context, status=422 if form.errors else 200)
