"""The form that posts an entry, and the page that reverses one."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from athenty.organizations.access import OrganizationRequest, admin_required
from athenty.organizations.client_address import client_ip
from athenty.organizations.moments import today
from ledger import posting
from ledger.forms import EntrySheet, ReversalForm, problems_of
from ledger.views.journal import entry_or_404

_MORE_LINES = 6


@admin_required
@require_http_methods(["GET", "HEAD", "POST"])
def post_entry(request: OrganizationRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, EntrySheet(request.organization, today=today(request.organization)))
    if "add_rows" in request.POST:
        return _with_more_lines(request)
    form = EntrySheet(request.organization, request.POST, today=today(request.organization))
    if form.is_valid():
        try:
            entry = posting.post_entry(request.organization, form.draft(), actor=request.user, ip=client_ip(request))
        except posting.KeyReused:
            return _offer_a_second_entry(request)
        except posting.PostingRefused as refusal:
            form.head.add_error(None, str(refusal))
        else:
            messages.success(request, f"{entry} posted.")
            return redirect("ledger:trust_accounting")
    return _page(request, form, status=422)


@admin_required
@require_http_methods(["GET", "HEAD", "POST"])
def reverse_entry(request: OrganizationRequest, number: int) -> HttpResponse:
    """Asks first: a reversal is itself final."""
    entry = entry_or_404(request.organization, number)
    suggestion = {
        "date": max(today(request.organization), entry.date),
        "memo": f"Reversal of {entry}",
        "key": uuid.uuid4(),
    }
    form = ReversalForm(request.POST if request.method == "POST" else None, initial=suggestion)
    if form.is_valid():
        try:
            reversal = posting.reverse_entry(
                entry,
                on=form.cleaned_data["date"],
                memo=form.cleaned_data["memo"],
                actor=request.user,
                key=f"form:{form.cleaned_data['key']}",
                ip=client_ip(request),
            )
        except posting.PostingRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{reversal} posted. It reverses {entry}.")
            return redirect("ledger:entry", reversal.number)
    context = {"entry": entry, "lines": entry.lines.select_related("account"), "form": form}
    context |= {"problems": problems_of(form), "reversal": getattr(entry, "reversed_by", None)}
    return TemplateResponse(request, "ledger/reverse.html", context, status=422 if form.errors else 200)


def _page(request: OrganizationRequest, form: EntrySheet, *, status: int = 200) -> HttpResponse:
    context = {"form": form, "problems": form.problems() if status == 422 else []}
    return TemplateResponse(request, "ledger/post.html", context, status=status)


def _with_more_lines(request: OrganizationRequest) -> HttpResponse:
    """The same form with what was typed and more lines below, unchecked."""
    typed = request.POST.copy()
    rows = typed.get("rows", "")
    typed["rows"] = str(int(rows) + _MORE_LINES) if rows.isascii() and rows.isdecimal() and len(rows) < 6 else ""
    return _page(request, EntrySheet(request.organization, typed, today=today(request.organization), check=False))


def _offer_a_second_entry(request: OrganizationRequest) -> HttpResponse:
    """The form came again with other content, as after going back in the browser: that may be meant as a new entry."""
    typed = request.POST.copy()
    typed["key"] = str(uuid.uuid4())
    form = EntrySheet(request.organization, typed, today=today(request.organization))
    message = "This form has posted an entry already: see the journal. Post again if this is a further entry."
    form.head.add_error(None, message)
    return _page(request, form, status=422)
