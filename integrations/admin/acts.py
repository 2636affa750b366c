"""What an operator may do for a firm. Each act first shows what will change, and is recorded under their name."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from athenty.organizations.client_address import client_ip
from athenty.organizations.models import Organization
from athenty.organizations.ops import MOST_AT_ONCE, AnyAdmin, ask_first, concerned_by, is_confirmed
from integrations.connections import disconnect
from integrations.mirror import queue, schedule
from integrations.models import Connection, QueueRow, SyncSettings

_NAMED = 20


@admin.action(description="Retry the chosen entries")
def retry_entries(model_admin: AnyAdmin, request: HttpRequest, rows: QuerySet[QueueRow]) -> HttpResponse | None:
    parked = rows.filter(state=QueueRow.State.NEEDS_ATTENTION)
    return _retry(model_admin, request, parked, rows, action="retry_entries")


@admin.action(description="Retry all that needs attention")
def retry_connections(
    model_admin: AnyAdmin, request: HttpRequest, connections: QuerySet[Connection]
) -> HttpResponse | None:
    chosen = connections.values("pk")
    parked = QueueRow.objects.needing_attention().filter(connection__in=chosen)
    return _retry(model_admin, request, parked, connections, action="retry_connections")


@admin.action(description="Disconnect, and end the access at the provider")
def revoke(model_admin: AnyAdmin, request: HttpRequest, connections: QuerySet[Connection]) -> HttpResponse | None:
    live = list(connections.exclude(status=Connection.Status.DISCONNECTED).select_related("organization"))
    if not live:
        _nothing(model_admin, request, "None of them is connected.")
        return None
    if not is_confirmed(request):
        return ask_first(
            model_admin,
            request,
            action="revoke",
            question=f"Disconnect {_counted(len(live), 'connection')}?",
            button="Disconnect and end the access",
            changes=[
                f"{each.organization} → {each}: nothing more is sent and the access is ended at the provider. "
                "Waiting entries, mapping and history stay; the firm has to connect again."
                for each in live
            ],
            chosen=[each.pk for each in live],
        )
    ended = sum(disconnect.disconnect(each, actor=_operator(request), ip=client_ip(request)) for each in live)
    model_admin.message_user(request, f"{_counted(ended, 'connection')} disconnected.", messages.SUCCESS)
    return None


@admin.action(description="Pause the firm's mirror")
def pause_firms(model_admin: AnyAdmin, request: HttpRequest, firms: QuerySet[Organization]) -> HttpResponse | None:
    return _set_paused(model_admin, request, firms, action="pause_firms", paused=True)


@admin.action(description="Resume the firm's mirror")
def resume_firms(model_admin: AnyAdmin, request: HttpRequest, firms: QuerySet[Organization]) -> HttpResponse | None:
    return _set_paused(model_admin, request, firms, action="resume_firms", paused=False)


def _retry(
    model_admin: AnyAdmin,
    request: HttpRequest,
    parked: QuerySet[QueueRow],
    chosen: QuerySet[Any],
    *,
    action: str,
) -> HttpResponse | None:
    ordered = parked.select_related("connection__organization", "entry").order_by("connection", "entry__number")
    if is_confirmed(request):
        # What came to need attention since the person looked is not what they agreed to.
        ordered = ordered.filter(pk__in=concerned_by(request))
    rows = list(ordered[: MOST_AT_ONCE + 1])
    if not rows:
        _nothing(model_admin, request, "None of them needs attention.")
        return None
    if len(rows) > MOST_AT_ONCE:
        _nothing(model_admin, request, f"Choose at most {MOST_AT_ONCE} entries at a time.")
        return None
    by_connection = [(each, list(its)) for each, its in groupby(rows, key=lambda row: row.connection)]
    if not is_confirmed(request):
        return ask_first(
            model_admin,
            request,
            action=action,
            question=f"Send {_counted(len(rows), 'entry', 'entries')} again?",
            button=f"Retry {_counted(len(rows), 'entry', 'entries')}",
            changes=[
                f"{each.organization} → {each}: {_named(row.entry for row in its)}" for each, its in by_connection
            ],
            chosen=list(chosen.values_list("pk", flat=True)),
            concerned=[row.pk for row in rows],
        )
    retried = sum(
        queue.retry(each, [row.pk for row in its], actor=_operator(request), ip=client_ip(request))
        for each, its in by_connection
    )
    model_admin.message_user(request, f"{retried} queued.", messages.SUCCESS)
    return None


def _set_paused(
    model_admin: AnyAdmin,
    request: HttpRequest,
    firms: QuerySet[Organization],
    *,
    action: str,
    paused: bool,
) -> HttpResponse | None:
    already = SyncSettings.objects.filter(paused_at__isnull=not paused).values("organization")
    concerned = list((firms.exclude(pk__in=already) if paused else firms.filter(pk__in=_paused())).order_by("name"))
    if not concerned:
        _nothing(model_admin, request, f"All of them are {'paused' if paused else 'running'} already.")
        return None
    if not is_confirmed(request):
        effect = "nothing new is sent until it is resumed; entries go on queueing" if paused else "sending goes on"
        verb = "Pause" if paused else "Resume"
        return ask_first(
            model_admin,
            request,
            action=action,
            question=f"{verb} the mirror of {_counted(len(concerned), 'firm')}?",
            button=f"{verb} the mirror",
            changes=[f"{firm}: {effect}." for firm in concerned],
            chosen=[firm.pk for firm in concerned],
        )
    operator, ip = _operator(request), client_ip(request)
    changed = sum(schedule.set_paused(firm, paused=paused, actor=operator, ip=ip) for firm in concerned)
    word = "paused" if paused else "resumed"
    model_admin.message_user(request, f"{_counted(changed, 'firm')} {word}.", messages.SUCCESS)
    return None


def _paused() -> QuerySet[Any]:
    return SyncSettings.objects.filter(paused_at__isnull=False).values("organization")


def _operator(request: HttpRequest) -> Any:
    """The signed-in person: `admin_view` has let nobody else through."""
    return request.user


def _nothing(model_admin: AnyAdmin, request: HttpRequest, sentence: str) -> None:
    model_admin.message_user(request, f"{sentence} Nothing was changed.", messages.WARNING)


def _named(entries: Iterable[object]) -> str:
    labels = [str(entry) for entry in entries]
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(labels[:_NAMED]) + more


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
