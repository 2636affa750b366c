"""Settings ▸ Integrations ▸ Sync activity: what became of each entry, what stopped some, and one fix for each cause."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from athenty.organizations.access import admin_required
from athenty.organizations.models import Organization
from athenty.organizations.pages import page_asked_for
from integrations.forms import ActivityFilter
from integrations.mapping.reports import MappingFigures
from integrations.mirror import activity as mirror_activity
from integrations.mirror import activity_files
from integrations.mirror.reports import QueueFigures
from integrations.models import AccountMapping, Connection, QueueRow, SyncMode, SyncSettings
from integrations.views import notices
from integrations.views.connected import PageRequest
from integrations.views.moments import clock, counted
from integrations.views.notices import Notice, State

_NAMED_ACCOUNTS = 5
_LISTED_CAUSES = 20


@dataclass(frozen=True)
class StatusLink:
    """One status to look at alone, and how many entries have it."""

    value: str
    label: str
    count: int
    query: str
    is_current: bool


@dataclass(frozen=True)
class Hold:
    """What keeps a connection's waiting entries from being sent."""

    connection: Connection
    notice: Notice


@admin_required
@require_safe
def activity(request: PageRequest) -> HttpResponse:
    connections, form = current_connections(request.organization), ActivityFilter(request.GET)
    wanted, asked = form.wanted(), _asked(form)
    by_connection = mirror_activity.counts(connections, wanted)
    in_states = sum(by_connection.values(), Counter[str]())
    count = in_states[wanted.state] if wanted.state else in_states.total()
    page = page_asked_for(range(count), request.GET)
    on_page = cast(range, page.object_list)
    groups = mirror_activity.cause_groups(connections)
    context = {
        "filter": form,
        "connections": connections,
        "page": page,
        "listed": mirror_activity.listed(connections, wanted, start=on_page.start, stop=on_page.stop),
        "statuses": _status_links(in_states, asked),
        "query": urlencode(asked),
        "asked": asked,
        "holds": _holds(connections, by_connection),
        "groups": [group for group in groups if wanted.provider in ("", group.connection.provider_name)][
            :_LISTED_CAUSES
        ],
    }
    if not (wanted.provider or wanted.first or wanted.last):
        states = QueueRow.State
        context["needing_a_person"] = in_states[states.NEEDS_ATTENTION] + in_states[states.UNCONFIRMED]
    template = "integrations/activity.html" + ("#activity" if request.htmx else "")
    return TemplateResponse(request, template, context, status=200 if form.is_valid() else 422)


@admin_required
@require_safe
def download(request: PageRequest) -> HttpResponse:
    """The whole filtered set, as it is found."""
    form = ActivityFilter(request.GET)
    if not form.is_valid():
        return HttpResponse("The filter's dates can't be read. Go back and correct them.", status=422)
    pieces = mirror_activity.in_pieces(current_connections(request.organization), form.wanted())
    response = StreamingHttpResponse(_encoded(activity_files.as_csv(pieces)), content_type="text/csv; charset=utf-8")
    name = "-".join(["sync-activity", request.organization.slug, *_asked(form).values()])
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return cast(HttpResponse, response)  # the decorators take either


def current_connections(organization: Organization) -> list[Connection]:
    """In the order of the cards, each with its organization and that one's settings."""
    current = Connection.objects.for_organization(organization).current()
    return list(current.select_related("organization__sync_settings").order_by("provider_name"))


def _encoded(texts: Iterator[str]) -> Iterator[bytes]:
    return (text.encode() for text in texts)


def _asked(form: ActivityFilter) -> dict[str, str]:
    """The filter as the address holds it, without what is empty or wrong."""
    return {name: str(value) for name, value in form.cleaned_data.items() if value} if form.is_valid() else {}


def _status_links(in_states: dict[str, int], asked: dict[str, str]) -> list[StatusLink]:
    current, others = asked.get("status", ""), {name: value for name, value in asked.items() if name != "status"}
    rare = {QueueRow.State.SENDING, QueueRow.State.UNCONFIRMED}
    shown = [state for state in QueueRow.State if state not in rare or in_states[state] or state == current]
    return [StatusLink("", "All", sum(in_states.values()), urlencode(others), not current)] + [
        StatusLink(state, state.label, in_states[state], urlencode({**others, "status": state}), state == current)
        for state in shown
    ]


def _holds(connections: Sequence[Connection], by_connection: Mapping[UUID, Mapping[str, int]]) -> list[Hold]:
    """For each connection whose entries wait for more than their turn, why."""
    under_way = {
        pk: states[QueueRow.State.WAITING] + states[QueueRow.State.SENDING] for pk, states in by_connection.items()
    }
    if not any(under_way.values()):
        return []
    unmapped: dict[UUID, list[str]] = {}
    lacking = AccountMapping.objects.filter(connection__in=connections).unmapped().select_related("account")
    for mapping in lacking.order_by("account__number"):
        unmapped.setdefault(mapping.connection_id, []).append(str(mapping.account))
    holds = []
    for connection in connections:
        chosen = getattr(connection.organization, "sync_settings", None) or SyncSettings(mode=SyncMode.LIVE)
        number, missing = under_way[connection.pk], unmapped.get(connection.pk, [])
        notice = _hold(connection, number, missing, chosen) if number else None
        if notice:
            holds.append(Hold(connection, notice))
    return holds


def _hold(connection: Connection, waiting: int, unmapped: list[str], chosen: SyncSettings) -> Notice | None:
    state = State(
        connection=connection,
        queue=QueueFigures(waiting=waiting),
        mapping=MappingFigures(required=len(unmapped), unmapped=len(unmapped), broken=0),
        mode=SyncMode(chosen.mode),
        trouble=None,
        now=timezone.now(),
        is_paused=chosen.paused_at is not None,
    )
    if not connection.is_connected:
        return notices.notice(state, None)
    if unmapped and connection.mirror_from:
        return _unmapped(connection, waiting, unmapped)
    held = next(notices.what_holds(state), None)
    if held is None and chosen.next_flush_at:
        at = clock(chosen.next_flush_at, connection.organization)
        entries = counted(waiting, "entry", "entries")
        return Notice("info", f"{entries} {'waits' if waiting == 1 else 'wait'} for the next batch, at {at}.")
    return held


def _unmapped(connection: Connection, waiting: int, unmapped: list[str]) -> Notice:
    entries = f"{counted(waiting, 'entry', 'entries')} {'waits' if waiting == 1 else 'wait'}"
    short, more = connection.provider.short_name, len(unmapped) - _NAMED_ACCOUNTS
    if len(unmapped) == 1:
        text = f"{entries} on one thing: {unmapped[0]} has no {short} account."
    else:
        named = ", ".join(unmapped[:_NAMED_ACCOUNTS]) + (f" and {more} more" if more > 0 else "")
        text = f"{entries} on {len(unmapped)} accounts that have no {short} account: {named}."
    return Notice("warning", text, "Fix mapping", reverse("integrations:mapping", args=[connection.pk]))
