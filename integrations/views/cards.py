"""What the Connections tab shows: one card per provider, in a fixed order."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from athenty.organizations.models import Organization
from integrations.connections.returning import is_waiting_for_answer
from integrations.connections.start import StartPreview, preview
from integrations.connections.telling import WARNED_FROM, access_ends_at
from integrations.forms import StartForm
from integrations.mapping.reports import MappingFigures, MappingTable, is_being_read, mapping_tables
from integrations.mirror import pacing, reports
from integrations.mirror.reports import QueueFigures, Standing
from integrations.mirror.status import nothing_sent_since
from integrations.models import ConnectAttempt, Connection, SyncMode
from integrations.providers import PROVIDERS
from integrations.providers.base import Provider
from integrations.views import moments, notices
from integrations.views.mapping_panel import Asked, Panel, panel
from integrations.views.notices import Notice, State
from integrations.views.plots import HourlyPlot

# Who saw the provider's error page looks for help soon; what the card says else should not be hidden for long.
_ATTEMPT_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Figures:
    """The facts of a connection that change by themselves."""

    queue: QueueFigures
    mapping: MappingFigures
    next_flush_at: datetime | None
    oldest_waiting_at: datetime | None
    hourly: HourlyPlot
    are_calls_scarce: bool
    """The provider's day has few calls left, so that Live waits between sends."""
    is_reading_chart: bool
    is_working: bool
    """Something changes soon without anyone's help: the page asks again every few seconds."""


@dataclass(frozen=True)
class StartChoice:
    """The start date in the form, and what it would send where it is a date."""

    form: StartForm
    preview: StartPreview | None


@dataclass(frozen=True)
class Forms:
    """What stands below a connected card's facts."""

    panel: Panel | None
    """The mapping table; None until the chart was read."""
    start: StartChoice | None


@dataclass(frozen=True)
class Card:
    """`figures` is None where no company is known yet, `forms` where none is connected."""

    provider_name: str
    provider: Provider
    connection: Connection | None
    notice: Notice | None
    figures: Figures | None = None
    forms: Forms | None = None

    @property
    def has_chart(self) -> bool:
        return self.connection is not None and self.connection.chart_read_at is not None

    @property
    def quarter(self) -> int:
        """How many quarters of the drain that is under way are done: each is announced once."""
        progress = self.notice.progress if self.notice else None
        return 4 * progress.sent // progress.total if progress else 0

    @property
    def chart_stamp(self) -> str:
        """Changes with every reading of the chart; empty before the first."""
        read_at = self.connection.chart_read_at if self.connection else None
        return f"{read_at.timestamp():.0f}" if read_at else ""


def card(
    organization: Organization,
    provider_name: str,
    *,
    start_form: StartForm | None = None,
    asked: Asked | None = None,
) -> Card:
    """The whole card. `start_form`: the start date that a person is trying; `asked`: how the mapping is looked at."""
    forms = {provider_name: start_form} if start_form else {}
    [found] = cards(organization, [provider_name], start_forms=forms, asked={provider_name: asked or Asked()})
    return found


def cards(
    organization: Organization,
    names: Sequence[str],
    *,
    start_forms: Mapping[str, StartForm],
    asked: Mapping[str, Asked],
) -> list[Card]:
    """The whole cards of these providers. What they show is read for all of them at once."""
    shown = cards_facts(organization, names)
    connected = [each.connection for each in shown if each.connection and each.connection.is_connected]
    tables = mapping_tables([connection for connection in connected if connection.chart_read_at])
    return [
        dataclasses.replace(
            each,
            forms=_forms(
                each.connection,
                start_forms.get(each.provider_name),
                asked[each.provider_name],
                tables.get(each.connection.pk),
            ),
        )
        if each.connection in connected and each.connection
        else each
        for each in shown
    ]


def card_facts(organization: Organization, provider_name: str) -> Card:
    """The card without its forms: cheap enough to be asked for every few seconds."""
    [found] = cards_facts(organization, [provider_name])
    return found


def cards_facts(organization: Organization, names: Sequence[str]) -> list[Card]:
    current = Connection.objects.for_organization(organization).current().filter(provider_name__in=names)
    connections = list(current.select_related("grant").defer("grant__tokens", "grant__previous_tokens"))
    for connection in connections:
        connection.organization = organization
    standings = reports.standings(connections)
    hourly = reports.sent_by_hour(connections) if connections else {}
    connected = {connection.provider_name for connection in connections if connection.is_connected}
    attempts = _unfinished_attempts(organization, set(names) - connected)
    by_name = {connection.provider_name: connection for connection in connections}
    return [
        _card(standings[by_name[name].pk], hourly[by_name[name].pk], attempts.get(name))
        if name in by_name
        else _empty_card(name, attempts.get(name))
        for name in names
    ]


def _empty_card(provider_name: str, attempt: ConnectAttempt | None) -> Card:
    provider = PROVIDERS[provider_name]
    return Card(provider_name, provider, None, notices.before_connecting(provider, attempt, timezone.now()))


def _card(standing: Standing, hourly: list[int], attempt: ConnectAttempt | None) -> Card:
    connection, now = standing.connection, standing.now
    state = State(
        connection=connection,
        queue=standing.queue,
        mapping=standing.mapping,
        mode=SyncMode(standing.chosen.mode),
        trouble=standing.trouble,
        now=now,
        is_paused=standing.chosen.paused_at is not None,
        access_ends_at=_ends_soon_at(connection, now),
        is_return_unanswered=not connection.is_connected and is_waiting_for_answer(connection),
        late_since=nothing_sent_since(standing),
        progress=standing.progress,
    )
    figures = Figures(
        queue=standing.queue,
        mapping=standing.mapping,
        next_flush_at=standing.chosen.next_flush_at,
        oldest_waiting_at=standing.oldest_waiting_at,
        hourly=HourlyPlot(hourly, now),
        are_calls_scarce=pacing.is_widened(connection, now),
        is_reading_chart=is_being_read(connection, now),
        is_working=_is_working(state),
    )
    notice = notices.notice(state, attempt)
    return Card(connection.provider_name, connection.provider, connection, notice, figures)


def _ends_soon_at(connection: Connection, now: datetime) -> datetime | None:
    ends_at = access_ends_at(connection)
    return ends_at if ends_at and ends_at - now <= WARNED_FROM else None


def _is_working(state: State) -> bool:
    if is_being_read(state.connection, state.now):
        return True
    if not state.connection.is_connected:
        return False
    is_flowing = state.mode == SyncMode.LIVE and state.queue.waiting and not state.mapping.unmapped
    return bool(state.queue.sending or is_flowing)


def _unfinished_attempts(organization: Organization, names: Collection[str]) -> dict[str, ConnectAttempt]:
    """The last press of Connect for each of these, while nobody has come back from it."""
    if not names:
        return {}
    recent = organization.connect_attempts.filter(
        provider_name__in=names, started_at__gt=timezone.now() - _ATTEMPT_SHOWN_FOR
    )
    last = {attempt.provider_name: attempt for attempt in recent.order_by("started_at")}
    return {name: each for name, each in last.items() if each.outcome == ConnectAttempt.Outcome.STARTED}


def _forms(connection: Connection, start_form: StartForm | None, asked: Asked, table: MappingTable | None) -> Forms:
    return Forms(
        panel=panel(connection, asked, table) if table else None,
        start=None if connection.mirror_from else _start_choice(connection, start_form),
    )


def _start_choice(connection: Connection, form: StartForm | None) -> StartChoice:
    if form is None:
        form = StartForm({"on": moments.today(connection.organization).isoformat()})
    on = form.cleaned_data["on"] if form.is_valid() else None
    return StartChoice(form, preview(connection.organization, on) if on else None)
