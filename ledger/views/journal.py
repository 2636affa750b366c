"""Settings ▸ Trust Accounting: clients' money, the journal, and one entry."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from athenty.organizations.access import OrganizationRequest, admin_required
from athenty.organizations.models import Organization
from athenty.organizations.pages import page_asked_for, without_page
from ledger import reports
from ledger.filters import JournalFilter
from ledger.models import JournalEntry, JournalEntryQuerySet


@admin_required
@require_safe
def trust_accounting(request: OrganizationRequest) -> HttpResponse:
    wanted = JournalFilter(request.GET)
    posted = JournalEntry.objects.for_organization(request.organization).posted().newest_first()
    journal = page_asked_for(_numbers(wanted, posted), request.GET)
    # What costs something per entry is asked for those on the page, not for those before it.
    shown = posted.filter(number__in=list(journal)).with_total().with_reversals()
    context = {
        "entries": list(shown),
        "filter": wanted,
        "journal": journal,
        "query": without_page(request.GET),
        "trust": reports.trust_position_now(request.organization),
    }
    status = 200 if wanted.is_valid() else 422
    return TemplateResponse(request, "ledger/trust_accounting.html", context, status=status)


def _numbers(wanted: JournalFilter, posted: JournalEntryQuerySet) -> Sequence[int] | QuerySet[JournalEntry, int | None]:
    """Of the matching entries, in their order. They have no gaps: without a filter the newest tells them all."""
    if wanted.has_changed():
        return wanted.applied_to(posted).values_list("number", flat=True)
    newest = posted.values_list("number", flat=True).first() or 0
    return range(newest, 0, -1)


@admin_required
@require_safe
def show_entry(request: OrganizationRequest, number: int) -> HttpResponse:
    entry = entry_or_404(request.organization, number)
    lines = entry.lines.select_related("account")
    context = {"entry": entry, "only_this": [entry], "lines": lines}
    context["reversal"] = getattr(entry, "reversed_by", None)
    return TemplateResponse(request, "ledger/entry.html", context)


def entry_or_404(organization: Organization, number: int) -> JournalEntry:
    entries = JournalEntry.objects.for_organization(organization).posted().with_total()
    return get_object_or_404(entries.select_related("posted_by", "reverses", "reversed_by"), number=number)
