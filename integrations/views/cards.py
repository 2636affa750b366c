"""What the Connections tab shows: one card per provider, in a fixed order."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from athenty.organizations.models import Organization
from integrations.clock import database_now
from integrations.connections.returning import is_waiting_for_answer
from integrations.connections.start import StartPreview, preview
from integrations.connections.telling import WARNED_FROM, access_ends_at
from integrations.forms import StartForm
from integrations.mapping.reports import MappingFigures, is_being_read, mapping_figures
from integrations.mirror import reports, schedule
from integrations.mirror.reports import QueueFigures
from integrations.mirror.status import nothing_sent_since
from integrations.models import ConnectAttempt, Connection, SyncMode
from integrations.providers import PROVIDERS
from integrations.providers.base import Provider
from integrations.views import moments, notices
from integrations.views.mapping_panel import Asked, Panel, panel
from integrations.views.notices import Notice, State

# Who saw the provider's error page looks for help soon; what the card says else should not be hidden for long.
_ATTEMPT_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class Figures:
    """The facts of a connection that change by themselves."""

    queue: QueueFigures
    mapping: MappingFigures
    next_flush_at: datetime | None
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
    facts = card_facts(organization, provider_name)
    connection = facts.connection
    if connection is None or not connection.is_connected:
        return facts
    forms = _forms(connection, start_form, asked or Asked())
    return Card(facts.provider_name, facts.provider, connection, facts.notice, facts.figures, forms)


def card_facts(organization: Organization, provider_name: str) -> Card:
    """The card without its forms: cheap enough to be asked for every few seconds."""
    provider, now = PROVIDERS[provider_name], database_now()
    current = Connection.objects.for_organization(organization).current().select_related("organization")
    connection = current.filter(provider_name=provider_name).first()
    attempt = _unfinished_attempt(organization, provider_name, now)
    if connection is None:
        return Card(provider_name, provider, None, notices.before_connecting(provider, attempt, now))
    settings = schedule.sync_settings(organization)
    state = State(
        connection=connection,
        queue=reports.queue_figures(connection),
        mapping=mapping_figures(connection),
        mode=SyncMode(settings.mode),
        trouble=reports.trouble(connection),
        now=now,
        is_paused=settings.paused_at is not None,
        access_ends_at=_ends_soon_at(connection, now),
        is_return_unanswered=is_waiting_for_answer(connection),
        late_since=nothing_sent_since(connection, now),
    )
    figures = Figures(
        queue=state.queue,
        mapping=state.mapping,
        next_flush_at=settings.next_flush_at,
        is_reading_chart=is_being_read(connection, now),
        is_working=_is_working(state),
    )
    return Card(provider_name, provider, connection, notices.notice(state, attempt), figures)


def _ends_soon_at(connection: Connection, now: datetime) -> datetime | None:
    ends_at = access_ends_at(connection)
    return ends_at if ends_at and ends_at - now <= WARNED_FROM else None


def _is_working(state: State) -> bool:
    if not state.connection.is_connected:
        return False
    is_flowing = state.mode == SyncMode.LIVE and state.queue.waiting and not state.mapping.unmapped
    return bool(is_being_read(state.connection, state.now) or state.queue.sending or is_flowing)


def _unfinished_attempt(organization: Organization, provider_name: str, now: datetime) -> ConnectAttempt | None:
    """The last press of Connect, while nobody has come back from it."""
    recent = organization.connect_attempts.filter(provider_name=provider_name, started_at__gt=now - _ATTEMPT_SHOWN_FOR)
    last = recent.order_by("-started_at").first()
    return last if last and last.outcome == ConnectAttempt.Outcome.STARTED else None


def _forms(connection: Connection, start_form: StartForm | None, asked: Asked) -> Forms:
    return Forms(
        panel=panel(connection, asked) if connection.chart_read_at else None,
        start=None if connection.mirror_from else _start_choice(connection, start_form),
    )


def _start_choice(connection: Connection, form: StartForm | None) -> StartChoice:
    if form is None:
        form = StartForm({"on": moments.today(connection.organization).isoformat()})
    on = form.cleaned_data["on"] if form.is_valid() else None
    return StartChoice(form, preview(connection.organization, on) if on else None)
