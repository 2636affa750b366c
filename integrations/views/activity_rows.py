"""The rows of the sync activity. Written here and not in a template, which takes several times as long for a page of
fifty."""

from collections.abc import Iterable

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from athenty.organizations.models import Organization
from athenty.organizations.pages import numbered_url
from integrations.mirror.activity import ListedEntry
from integrations.models import QueueRow
from integrations.views.moments import local, short_date, short_time

_FLAGGED = (QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED)


def rows(listed: Iterable[ListedEntry], organization: Organization) -> SafeString:
    # Every piece is escaped or markup of ours.
    return mark_safe("".join(_row(each, organization) for each in listed))  # noqa: S308


def _row(each: ListedEntry, organization: Organization) -> str:
    short, changed = each.connection.provider.short_name, local(each.changed_at, organization)
    return (
        f'<tr><th scope="row"><a href="{numbered_url("integrations:activity_entry", each.row_id)}">{each}'
        f'<span class="visually-hidden"> to {short}</span></a></th>'
        f'<td class="date" data-label="Dated">{short_date(each.on)}</td>'
        f'<td data-label="Description"><span class="clipped">{escape(each.memo) or "No memo"}</span></td>'
        f'<td class="money" data-label="Debits">{each.total:,.2f}</td>'
        f'<td data-label="To">{short}</td>'
        f'<td data-label="Status"><span>{_status(each, short)}</span></td>'
        f'<td class="count" data-label="Tries">{each.attempts:,}</td>'
        f'<td data-label="Last change"><time datetime="{changed.isoformat()}">'
        f"{short_date(changed)}, {short_time(changed)}</time>"
        f'<span class="row-note">{naturaltime(each.changed_at)}</span></td></tr>\n'
    )


def _status(each: ListedEntry, short: str) -> str:
    flag = '<span aria-hidden="true">▲</span> ' if each.state in _FLAGGED else ""
    state = f'<span class="status-{each.state}">{flag}{QueueRow.State(each.state).label}</span>'
    if not each.journal_url:
        return state
    return (
        f'{state} · <a href="{escape(each.journal_url)}" target="_blank" rel="noopener noreferrer">'
        f"{'#' + escape(each.number_there) if each.number_there else 'Open'}"
        f'<span class="visually-hidden"> {each} in {short}, in a new tab</span></a>'
    )
