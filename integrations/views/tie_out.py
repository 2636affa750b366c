"""Settings ▸ Integrations ▸ Tie-out: whether each accounting system has what our ledger has, and what is in between."""

import csv
import io
from dataclasses import dataclass
from datetime import date

from django.http import Http404, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from athenty.organizations.access import admin_required
from athenty.organizations.csv_cells import BYTE_ORDER_MARK, inert
from athenty.organizations.pages import page_asked_for
from integrations.forms import TieOutFilter
from integrations.mirror import tie_out as tying_out
from integrations.mirror.tie_out import AccountRow
from integrations.models import Connection, QueueRow
from integrations.views import moments
from integrations.views.activity import current_connections
from integrations.views.connected import PageRequest
from ledger.models import Account

ALL_TIME = "all"
_MONTHS_LISTED = 24
_HEADER = (
    "month",
    "account",
    "account name",
    "their account",
    "our debits",
    "our credits",
    "acknowledged debits",
    "acknowledged credits",
    "debit difference",
    "credit difference",
)


@dataclass(frozen=True)
class Asked:
    """What the address asks for, made good: `connection` is one of the firm's that has a start date."""

    form: TieOutFilter
    connections: list[Connection]
    connection: Connection
    as_of: date
    month: date | None

    def query(self, **changes: str) -> str:
        """The address's query with these values put in, and what is as it is anyway left out."""
        asked = {"provider": self.connection.provider_name, "month": f"{self.month:%Y-%m}" if self.month else ""}
        asked["as_of"] = self.form["as_of"].value() or ""
        return urlencode({name: value for name, value in {**asked, **changes}.items() if value})


@admin_required
@require_safe
def tie_out(request: PageRequest) -> HttpResponse:
    asked = _asked(request)
    if asked is None:
        return TemplateResponse(request, "integrations/tie_out.html", {"connections": []})
    found = tying_out.tie_out(asked.connection, as_of=asked.as_of, month=asked.month)
    context = {
        "asked": asked,
        "filter": asked.form,
        "connections": [
            (each, asked.query(provider=each.provider_name), each == asked.connection) for each in asked.connections
        ],
        "connection": asked.connection,
        "short": asked.connection.provider.short_name,
        "tie_out": found,
        "months": [(row, asked.query(month=f"{row.first:%Y-%m}")) for row in found.months[:_MONTHS_LISTED]],
        "older_months": max(len(found.months) - _MONTHS_LISTED, 0),
        "query": asked.query(),
        "all_time_query": asked.query(month=""),
        "checks": asked.connection.trial_balance_checks.select_related("checked_by").defer("rows").order_by("-pk")[:5],
    }
    return TemplateResponse(request, "integrations/tie_out.html", context, status=_status(asked))


@admin_required
@require_safe
def entries(request: PageRequest) -> HttpResponse:
    """The entries that make the difference, of a month or an account or all."""
    asked = _asked(request)
    if asked is None:
        raise Http404("No accounting system has a start date yet.")
    account = None
    if number := request.GET.get("account", "").replace("\0", ""):
        account = Account.objects.for_organization(request.organization).filter(number=number).first()
    missing = tying_out.entries_in_between(asked.connection, as_of=asked.as_of, month=asked.month, account=account)
    page = page_asked_for(missing, request.GET)
    shown = list(page.object_list)
    places = {
        row.entry_id: row
        for row in QueueRow.objects.filter(connection=asked.connection, entry__in=[e.pk for e in shown])
    }
    totals = tying_out.totals_of(shown)
    context = {
        "asked": asked,
        "connection": asked.connection,
        "short": asked.connection.provider.short_name,
        "account": account,
        "page": page,
        "entries": [(entry, totals.get(entry.pk), places.get(entry.pk)) for entry in shown],
        "query": asked.query(account=account.number if account else ""),
        "back_query": asked.query(),
    }
    return TemplateResponse(request, "integrations/tie_out_entries.html", context, status=_status(asked))


@admin_required
@require_safe
def download(request: PageRequest) -> HttpResponse:
    """Every month and account of one connection, up to the date."""
    asked = _asked(request)
    if asked is None or asked.form.has_error("as_of"):
        return HttpResponse("There is no such tie-out. Go back and correct the date.", status=422)
    text = io.StringIO()
    text.write(BYTE_ORDER_MARK)
    writer = csv.writer(text)
    writer.writerow(_HEADER)
    for month, row in tying_out.accounts_by_month(asked.connection, as_of=asked.as_of):
        writer.writerow(_cells(month, row))
    name = f"tie-out-{request.organization.slug}-{asked.connection.provider_name}-{asked.as_of.isoformat()}.csv"
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cells(month: date, row: AccountRow) -> list[str]:
    amounts = row.amounts
    figures = (
        amounts.debits,
        amounts.credits,
        amounts.sent_debits,
        amounts.sent_credits,
        amounts.debit_difference,
        amounts.credit_difference,
    )
    texts = (f"{month:%Y-%m}", row.account.number, inert(row.account.name), inert("; ".join(row.targets)))
    return [*texts, *(f"{figure:.2f}" for figure in figures)]


def _asked(request: PageRequest) -> Asked | None:
    """None while the firm has no connection with a start date."""
    connections = [each for each in current_connections(request.organization) if each.mirror_from]
    if not connections:
        return None
    form = TieOutFilter(request.GET)
    form.is_valid()
    wanted = [each for each in connections if each.provider_name == form.cleaned_data.get("provider")]
    return Asked(
        form=form,
        connections=connections,
        connection=(wanted or connections)[0],
        as_of=form.cleaned_data.get("as_of") or moments.today(request.organization),
        month=form.month_start(),
    )


def _status(asked: Asked) -> int:
    return 422 if asked.form.has_error("as_of") else 200
