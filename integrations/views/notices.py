"""The one notice line of a card: what stops or slows the books most, and the one thing to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from integrations.connections.attempts import STATE_LIFETIME
from integrations.mapping.reports import MappingFigures, is_being_read
from integrations.mirror import pacing
from integrations.mirror.reports import Progress, QueueFigures, Trouble
from integrations.models import ConnectAttempt, Connection, QueueRow, SyncMode
from integrations.providers.base import Provider
from integrations.views.moments import clock, counted, day


@dataclass(frozen=True)
class Notice:
    """`level` is the notice's style: info, warning or error. `href` empty: nothing to do."""

    level: str
    text: str
    action: str = ""
    href: str = ""
    progress: Progress | None = None
    mentions_support: bool = False


@dataclass(frozen=True)
class State:
    """Everything the choice of a connection's notice depends on."""

    connection: Connection
    queue: QueueFigures
    mapping: MappingFigures
    mode: SyncMode
    trouble: Trouble | None
    now: datetime
    is_paused: bool = False
    """Support has stopped the firm's mirror."""
    access_ends_at: datetime | None = None
    """When the provider ends our access, where that is near."""
    is_return_unanswered: bool = False
    """Disconnected here, and the provider has not answered to it yet."""
    late_since: datetime | None = None
    """Entries are due, nothing is known to hold them, and yet nothing has gone since."""
    progress: Progress | None = None

    @property
    def short(self) -> str:
        return self.connection.provider.short_name

    @property
    def waiting(self) -> str:
        """Those sealed into a delivery that is to be sent again wait as well."""
        return counted(self.queue.under_way, "entry", "entries")


def before_connecting(provider: Provider, attempt: ConnectAttempt | None, now: datetime) -> Notice:
    """For a card without a connection. `attempt`: someone left for the provider and has not come back."""
    if attempt:
        return _left_for_provider(provider, attempt, now)
    needed = f"You need to be an administrator of the {provider.short_name} company."
    return Notice("info", f"Connect to start mirroring posted entries. {needed}")


def notice(state: State, attempt: ConnectAttempt | None) -> Notice | None:
    """None when all is well."""
    if state.connection.status == Connection.Status.ERROR:
        return _stopped(state)
    if state.connection.status == Connection.Status.DISCONNECTED:
        provider = state.connection.provider
        return _left_for_provider(provider, attempt, state.now) if attempt else _disconnected(state)
    return next(_worth_saying(state), None)


def _worth_saying(state: State) -> Iterator[Notice]:
    """For a connected one, the worst first."""
    yield from what_holds(state)
    if state.access_ends_at:
        yield _ends_soon(state, state.access_ends_at)
    if state.mode == SyncMode.LIVE or state.queue.sending:
        yield from _sending(state)
    yield from _what_needs_a_person(state)
    if pacing.is_widened(state.connection, state.now) and state.mode == SyncMode.LIVE:
        yield Notice(
            "info",
            f"{state.short} allows {counted(state.connection.calls_left_today or 0, 'more call')} today, so entries go "
            "together, a few minutes apart. Switch to Batched to spare them.",
            "Change sync mode",
            _sync_mode_tab(),
        )
    if state.connection.chart_error:
        yield Notice(
            "warning",
            f"We could not read the {state.short} chart of accounts again. Your saved mapping is unchanged, and "
            "entries are still sent.",
        )


def what_holds(state: State) -> Iterator[Notice]:
    """What keeps the entries of a connected one from being sent, the worst first."""
    yield from _before_the_first_entry(state)
    if state.mapping.unmapped:
        yield _unmapped(state)
    if state.is_paused:
        yield Notice("info", f"Paused by support. {_entries_are_waiting(state)}", mentions_support=True)
    if state.mode == SyncMode.OFF:
        yield _off(state)
    slowed_until = state.connection.slowed_until
    if slowed_until and slowed_until > state.now and state.queue.under_way:
        yield _slowed(state, slowed_until)
    if state.trouble:
        yield _troubled(state, state.trouble)
    elif state.connection.troubled_since:
        yield _not_responding(state, state.connection.next_probe_at)
    if state.late_since:
        yield _late(state, state.late_since)


def _before_the_first_entry(state: State) -> Iterator[Notice]:
    if state.connection.chart_read_at is None and state.connection.chart_error:
        yield Notice(
            "warning",
            f"We could not read the {state.short} chart of accounts. Nothing is lost; we try again every minute.",
        )
    if state.connection.chart_read_at is None and is_being_read(state.connection, state.now):
        yield Notice("info", f"Reading the {state.short} chart of accounts. This takes a few seconds.")
    if state.connection.mirror_from is None:
        yield Notice(
            "info",
            "Nothing is sent yet: choose the date to mirror from.",
            "Choose the start date",
            f"#{state.connection.provider_name}-start",
        )


def _what_needs_a_person(state: State) -> Iterator[Notice]:
    if state.mapping.broken:
        yield _broken(state)
    parked, unconfirmed = state.queue.needs_attention, state.queue.unconfirmed
    if parked:
        needs = "needs" if parked == 1 else "need"
        rest = "The rest are up to date." if not state.queue.under_way else f"{state.waiting} are waiting to be sent."
        yield Notice(
            "warning",
            f"{counted(parked, 'entry', 'entries')} {needs} attention. {rest}",
            f"Review {counted(parked, 'entry', 'entries')}",
            _activity(state, QueueRow.State.NEEDS_ATTENTION),
        )
    if unconfirmed:
        were = "was" if unconfirmed == 1 else "were"
        yield Notice(
            "warning",
            f"{counted(unconfirmed, 'entry', 'entries')} {were} sent, and {state.short} never told us the outcome. "
            "They are not sent again by themselves, since that could enter them twice.",
            "Decide",
            _activity(state, QueueRow.State.UNCONFIRMED),
        )


def _sending(state: State) -> Iterator[Notice]:
    if state.progress:
        text = f"Sending {state.progress.sent:,} of {state.progress.total:,} entries…"
        yield Notice("info", f"{text} It goes on when you leave this page.", progress=state.progress)


def _unmapped(state: State) -> Notice:
    missing = state.mapping.unmapped
    have = "has" if missing == 1 else "have"
    return Notice(
        "warning",
        f"Sync is paused: {counted(missing, 'required account')} {have} no {state.short} account. "
        f"{_entries_are_waiting(state)}",
        f"Map {counted(missing, 'account')}",
        f"#{state.connection.provider_name}-mapping",
    )


def _broken(state: State) -> Notice:
    broken = state.mapping.broken
    accounts = counted(broken, "account")
    theirs = "a target that takes" if broken == 1 else "targets that take"
    return Notice(
        "warning",
        f"{accounts} {'has' if broken == 1 else 'have'} {theirs} no journals any more. "
        f"{'Its' if broken == 1 else 'Their'} entries wait for another target; the others are sent.",
        f"Map {accounts}",
        f"#{state.connection.provider_name}-mapping",
    )


def _off(state: State) -> Notice:
    number = state.queue.under_way
    posted = counted(number, "posted entry", "posted entries")
    waiting = f"{posted} {'is' if number == 1 else 'are'} waiting and will be sent when you turn it on."
    return Notice(
        "info",
        f"Paused: Sync Mode is Off. {waiting if number else 'No entries are waiting.'}",
        "Change sync mode",
        _sync_mode_tab(),
    )


def _slowed(state: State, until: datetime) -> Notice:
    advice = " Switch to Batched to avoid this." if state.mode == SyncMode.LIVE else ""
    return Notice(
        "warning",
        f"{state.short} is limiting how fast we can send. Nothing is lost. {_entries_are_waiting(state)} "
        f"Next attempt at {clock(until, state.connection.organization)}.{advice}",
        "Change sync mode" if advice else "",
        _sync_mode_tab() if advice else "",
    )


def _troubled(state: State, trouble: Trouble) -> Notice:
    if trouble.outcome == "Misconfigured":
        return Notice(
            "error",
            f"{state.short} does not accept Athenty's own access. This is ours to fix. Nothing is lost.",
            mentions_support=True,
        )
    return _not_responding(state, trouble.next_attempt_at)


def _not_responding(state: State, next_attempt_at: datetime | None) -> Notice:
    next_try = "within a minute"
    if next_attempt_at and next_attempt_at > state.now:
        next_try = f"at {clock(next_attempt_at, state.connection.organization)}"
    return Notice(
        "warning",
        f"{state.short} is not responding. We retry automatically and nothing is lost; next attempt {next_try}.",
    )


def _late(state: State, since: datetime) -> Notice:
    at = f"{clock(since, state.connection.organization)}, {day(since, state.connection.organization)}"
    return Notice(
        "warning",
        f"Nothing has been sent since {at}. Nothing is lost. {_entries_are_waiting(state)} This is ours to mend.",
        mentions_support=True,
    )


def _stopped(state: State) -> Notice:
    connection = state.connection
    if connection.status_reason == Connection.StatusReason.COMPANY_GONE:
        return Notice(
            "error",
            f"{state.short} no longer lets us reach {connection.company_name}. It may have been deleted, or the person "
            "who connected it lost access. Disconnect, then connect again.",
        )
    at = clock(connection.status_changed_at, connection.organization)
    return Notice(
        "error",
        f"Something stopped the sync at {at}. Nothing was lost. Try Test connection; if it fails, contact support.",
        mentions_support=True,
    )


def _disconnected(state: State) -> Notice:
    connection = state.connection
    on = day(connection.status_changed_at, connection.organization)
    kept = "Your mapping and history are kept."
    number = counted(state.queue.under_way, "waiting entry", "waiting entries")
    resume = f"Reconnect to send {number}." if state.queue.under_way else ""
    if connection.status_reason == Connection.StatusReason.GRANT_LOST:
        return Notice("warning", f"{state.short} ended our access on {on}. {resume or 'Reconnect to go on.'} {kept}")
    if connection.status_reason == Connection.StatusReason.SEAL_BROKEN:
        return Notice(
            "warning",
            f"Athenty could not open its stored access to {connection.company_name}, and stopped using it on {on}. "
            f"{resume or 'Reconnect to go on.'} {kept}",
        )
    if state.is_return_unanswered or connection.status_detail:
        tried = "has not answered yet" if state.is_return_unanswered else "did not answer"
        return Notice(
            "warning",
            f"Disconnected here on {on}. {state.short} {tried}, so also remove Athenty under "
            f"{connection.provider.removal}. {resume} {kept}".replace("  ", " "),
        )
    return Notice("info", f"Disconnected on {on}. {resume} {kept}".replace("  ", " "))


def _ends_soon(state: State, ends_at: datetime) -> Notice:
    on = day(ends_at, state.connection.organization)
    return Notice(
        "warning",
        f"{state.short} ends our access on {on}. Reconnect before then, so that no entry has to wait. Your mapping is "
        "kept.",
        f"Reconnect {state.short}",
        reverse("integrations:reconnect", args=[state.connection.provider_name]),
    )


def _left_for_provider(provider: Provider, attempt: ConnectAttempt, now: datetime) -> Notice:
    """The provider shows a wrong return address on its own page and sends nobody back: this is the only word of it."""
    short = provider.short_name
    is_open = now - attempt.started_at < STATE_LIFETIME
    first = f"Finish signing in at {short}." if is_open else f"The sign-in at {short} was not finished."
    explained = (
        f"{first} If {short} showed an error page instead of a sign-in, it would not accept our return address. This "
        "is ours to fix: contact support with reference"
    )
    text = format_html('{} <span class="reference">{}</span>.', explained, attempt.reference)
    return Notice("info", text, mentions_support=True)


def _entries_are_waiting(state: State) -> str:
    number = state.queue.under_way
    if not number:
        return "No entries are waiting."
    return f"{state.waiting} {'is' if number == 1 else 'are'} waiting."


def _activity(state: State, status: QueueRow.State) -> str:
    query = urlencode({"status": status, "provider": state.connection.provider_name})
    return f"{reverse('integrations:activity')}?{query}"


def _sync_mode_tab() -> str:
    return f"{reverse('integrations:index')}?tab=sync-mode"
