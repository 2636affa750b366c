"""Where connections stand: what their cards show and an operator asks. Few queries, however many connections, and none
that grows with what was sent long ago."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection as database

from integrations.mapping.reports import MappingFigures, mapping_figures
from integrations.models import Connection

# Below this a drain is over before a progress bar has been understood.
_WORTH_A_BAR = 60
# Counting further back than this would cost more than the figure is worth on a page that asks every few seconds.
_COUNTED_SENT = 20_000
HOURS = 24


@dataclass(frozen=True)
class QueueFigures:
    """How many entries stand in each state that is not the end."""

    waiting: int = 0
    sending: int = 0
    needs_attention: int = 0
    unconfirmed: int = 0

    @property
    def under_way(self) -> int:
        return self.waiting + self.sending

    @property
    def needing_a_person(self) -> int:
        return self.needs_attention + self.unconfirmed


@dataclass(frozen=True)
class Progress:
    """`sent` of `total` entries; `total` counts what is sent, waiting and being sent."""

    sent: int
    total: int


@dataclass(frozen=True)
class Trouble:
    """The last try of an open delivery failed in a way that is tried again without anyone's help."""

    outcome: str
    """The error's name, as `Attempt.outcome`."""
    next_attempt_at: datetime


@dataclass(frozen=True)
class Chosen:
    """What the organization's `SyncSettings` say."""

    mode: str
    next_flush_at: datetime | None
    paused_at: datetime | None
    changed_at: datetime | None
    resumed_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """Where one connection stands. `now` is the database's clock."""

    connection: Connection
    chosen: Chosen
    now: datetime
    queue: QueueFigures
    mapping: MappingFigures
    trouble: Trouble | None
    oldest_waiting_at: datetime | None
    """When the entry that has waited longest was queued."""
    oldest_due_at: datetime | None
    """The same of those that the firm's mode lets go now."""
    sent_of_drain: int
    """How many were sent since the oldest that is still under way was queued."""
    is_provider_closed: bool
    """Nothing goes to the provider for now: too many companies' sends fail there."""

    @property
    def progress(self) -> Progress | None:
        """How far the drain that is under way has come; None when it is short, or too long to count."""
        total = self.sent_of_drain + self.queue.under_way
        is_counted = self.queue.under_way and total >= _WORTH_A_BAR and self.sent_of_drain < _COUNTED_SENT
        return Progress(self.sent_of_drain, total) if is_counted else None


# Each count is over a partial index that leaves the sent rows out, and a drain's over that of recent changes. The
# oldest are found as a claim finds them (schedule.py).
_FIGURES = """
    SELECT mine.id, clock_timestamp(), open.sending, open.needs_attention, open.unconfirmed,
           (SELECT count(*) FROM journal_sync_queue q WHERE q.connection_id = mine.id AND q.state = 'waiting'),
           waited.queued_at, due.queued_at, tried.outcome, tried.next_attempt_at,
           (SELECT count(*) FROM (
               SELECT 1 FROM journal_sync_queue q
                WHERE q.connection_id = mine.id AND q.state = 'sent'
                  AND q.changed_at >= least(waited.queued_at, open.first_queued_at)
                LIMIT %(counted)s) recent),
           EXISTS (SELECT 1 FROM integrations_providergate gate
                    WHERE gate.provider_name = mine.provider_name AND gate.closed_until > clock_timestamp()),
           coalesce(chosen.mode, 'live'), chosen.next_flush_at, chosen.paused_at,
           chosen.changed_at, chosen.resumed_at
      FROM integrations_connection mine
      LEFT JOIN integrations_syncsettings chosen ON chosen.organization_id = mine.organization_id
      LEFT JOIN LATERAL (
          SELECT count(*) FILTER (WHERE q.state = 'sending') AS sending,
                 count(*) FILTER (WHERE q.state = 'needs_attention') AS needs_attention,
                 count(*) FILTER (WHERE q.state = 'unconfirmed') AS unconfirmed,
                 min(q.queued_at) FILTER (WHERE q.state = 'sending') AS first_queued_at
            FROM journal_sync_queue q
           WHERE q.connection_id = mine.id AND NOT (q.state IN ('waiting', 'sent'))
      ) open ON true
      LEFT JOIN LATERAL (
          SELECT q.queued_at FROM journal_sync_queue q
           WHERE (q.connection_id, q.id) >= (mine.id, mine.queue_from) AND q.connection_id <= mine.id
             AND q.state = 'waiting'
           ORDER BY q.connection_id, q.id LIMIT 1
      ) waited ON true
      LEFT JOIN LATERAL (
          SELECT q.queued_at FROM journal_sync_queue q
           WHERE (q.connection_id, q.id) >= (mine.id, mine.queue_from) AND q.connection_id <= mine.id
             AND q.state = 'waiting'
             AND CASE coalesce(chosen.mode, 'live')
                     WHEN 'live' THEN true WHEN 'batched' THEN q.queued_at < mine.flush_before ELSE false
                 END
           ORDER BY q.connection_id, q.id LIMIT 1
      ) due ON true
      LEFT JOIN LATERAL (
          SELECT tried.outcome, delivery.next_attempt_at
            FROM integrations_delivery delivery
            JOIN integrations_attempt tried ON tried.delivery_id = delivery.id
           WHERE delivery.connection_id = mine.id AND delivery.state = 'open' AND delivery.attempts > 0
             AND tried.outcome NOT IN ('', 'answered')
           ORDER BY delivery.sealed_at, tried.id DESC LIMIT 1
      ) tried ON true
     WHERE mine.id = ANY(%(connections)s)
"""
# By the transaction's own clock: one that moves within the statement would keep the index from being used.
_SENT_BY_HOUR = """
    SELECT connection_id, greatest(floor(date_part('epoch', now() - sent_at) / 3600), 0)::int AS hours_ago, count(*)
      FROM journal_sync_queue
     WHERE connection_id = ANY(%(connections)s) AND state = 'sent' AND changed_at > now() - interval '24 hours'
     GROUP BY 1, 2
"""


def standings(connections: Sequence[Connection]) -> dict[UUID, Standing]:
    """By the connection's id. Two queries."""
    if not connections:
        return {}
    by_id = {each.pk: each for each in connections}
    mapped = mapping_figures(connections)
    found = {}
    with database.cursor() as cursor:
        cursor.execute(_FIGURES, {"connections": list(by_id), "counted": _COUNTED_SENT})
        for row in cursor:
            pk, now, sending, parked, unconfirmed, waiting, oldest, due, outcome, again_at, sent, closed, *chosen = row
            found[pk] = Standing(
                connection=by_id[pk],
                chosen=Chosen(*chosen),
                now=now,
                queue=QueueFigures(waiting, sending, parked, unconfirmed),
                mapping=mapped[pk],
                trouble=Trouble(outcome, again_at) if outcome else None,
                oldest_waiting_at=oldest,
                oldest_due_at=due,
                sent_of_drain=sent,
                is_provider_closed=closed,
            )
    return found


def sent_by_hour(connections: Sequence[Connection]) -> dict[UUID, list[int]]:
    """Entries sent in each of the last 24 hours, the earliest first, by the connection's id. One query."""
    hours = {each.pk: [0] * HOURS for each in connections}
    with database.cursor() as cursor:
        cursor.execute(_SENT_BY_HOUR, {"connections": list(hours)})
        for pk, hours_ago, number in cursor:
            if hours_ago < HOURS:
                hours[pk][HOURS - 1 - hours_ago] = number
    return hours
