"""How far the mirror has come with journal entries, for the pages of the ledger: `{% load sync_status %}`.

{% sync_statuses entries as statuses %}
{% for entry in entries %}{% sync_status statuses entry %}{% endfor %}
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection as database
from django.template import Library
from django.utils.safestring import SafeString, mark_safe

from athenty.organizations.pages import numbered_url
from integrations.models import QueueRow
from integrations.providers import PROVIDERS
from ledger.models import JournalEntry

register = Library()

# A row without an entry for a system that has none of them.
_IN_QUEUE = """
    SELECT connection.provider_name, rows.entry_id, rows.id, rows.state
      FROM integrations_connection connection
      LEFT JOIN journal_sync_queue rows ON rows.connection_id = connection.id AND rows.entry_id = ANY(%(entries)s)
     WHERE connection.organization_id = %(organization)s AND connection.is_current
       AND connection.mirror_from IS NOT NULL
     ORDER BY connection.provider_name
"""


@dataclass(frozen=True)
class SyncStatus:
    """One entry at one provider. `row_id` is its place in the queue; None when it is not mirrored there."""

    provider: str
    """The provider's short name."""
    words: str
    row_id: int | None
    needs_a_person: bool


@register.simple_tag
def sync_statuses(entries: Iterable[JournalEntry]) -> dict[int, list[SyncStatus]]:
    """By the entry's id, a status for each system that the firm mirrors to. One query, however many entries."""
    shown = list(entries)
    if not shown:
        return {}
    with database.cursor() as cursor:
        cursor.execute(_IN_QUEUE, {"organization": shown[0].organization_id, "entries": [entry.pk for entry in shown]})
        found = {(name, entry_id): (row_id, state) for name, entry_id, row_id, state in cursor}
    statuses = defaultdict(list)
    for name in dict.fromkeys(name for name, _ in found):
        for entry in shown:
            statuses[entry.pk].append(_status(name, *found.get((name, entry.pk), (None, None))))
    return dict(statuses)


@register.simple_tag
def sync_status(statuses: Mapping[int, list[SyncStatus]], entry: JournalEntry) -> SafeString:
    """The entry's statuses, each with the way to its story; empty where the firm mirrors to no system."""
    # Nothing in them is anybody's input.
    return mark_safe("\n".join(_written(each) for each in statuses.get(entry.pk, [])))  # noqa: S308


def _written(status: SyncStatus) -> str:
    words = status.words
    if status.row_id is not None:
        words = f'<a href="{numbered_url("integrations:activity_entry", status.row_id)}">{words}</a>'
    if status.needs_a_person:
        return (
            f'<span class="sync-status is-flagged"><span aria-hidden="true">▲</span> {status.provider}: {words}</span>'
        )
    return f'<span class="sync-status">{status.provider}: {words}</span>'


def _status(provider_name: str, row_id: int | None, state: str | None) -> SyncStatus:
    return SyncStatus(
        provider=PROVIDERS[provider_name].short_name,
        # A posted entry without a place in the queue is dated before the day from which entries are mirrored.
        words=QueueRow.State(state).label if state else "Not sent: dated before the mirror's start",
        row_id=row_id,
        needs_a_person=state in (QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED),
    )
