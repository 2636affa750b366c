"""The rows of the mapping table. Written here and not in a template, which takes ten times as long: a page has as many
as both firms' charts together, and is asked for often."""

from collections.abc import Iterator

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from integrations.mapping.reports import MappingRow, Status
from integrations.models import Connection
from integrations.views.mapping_panel import Panel, ShownRow
from integrations.views.moments import counted, moment
from ledger.models import Account

_NOTE = '<p class="row-note">{}</p>'
_WARNING = '<p class="row-note"><span aria-hidden="true">▲</span> {}</p>'


def rows(panel: Panel) -> SafeString:
    connection = panel.connection
    head = _Head(connection.provider_name, connection.provider.short_name)
    # Every piece is escaped or markup of ours.
    return mark_safe("".join(_row(each, connection, head) for each in panel.rows))  # noqa: S308


class _Head:
    """What every row of one table says alike."""

    def __init__(self, name: str, short: str) -> None:
        self.name, self.short = name, short


def _row(each: ShownRow, connection: Connection, head: _Head) -> str:
    row, pk = each.row, each.row.account.pk
    states = [name for name, holds in (("is-blocking", row.is_blocking), ("is-trust", row.account.is_trust)) if holds]
    ours = escape(row.account)
    return (
        f'<tr class="{" ".join(states)}" data-kinds="{each.kinds}"{"" if each.is_shown else " hidden"}>'
        f'<th scope="row">{ours} <span class="row-note">{_what_it_is(row)}</span></th>'
        f'<td data-label="Mapping is">{"Required" if row.is_required else "Optional"}</td>'
        f'<td data-label="{head.short} account">'
        f'<label class="visually-hidden" for="{head.name}-{pk}">{head.short} account for {ours}</label>'
        f"{_box(each, head)}{''.join(_notes(each, connection, head))}</td>"
        f'<td data-label="Status" class="row-status">{_status(row)}</td></tr>\n'
    )


def _what_it_is(row: MappingRow) -> str:
    used = f" · used by {counted(row.entries, 'entry', 'entries')}" if row.entries else ""
    return f"{Account.Type(row.account.type).label}{', trust' if row.account.is_trust else ''}{used}"


def _box(each: ShownRow, head: _Head) -> str:
    pk = each.row.account.pk
    saved = f' data-saved="{escape(each.label)}"' if each.text != each.label else ""
    invalid = f' aria-invalid="true" aria-describedby="{head.name}-{pk}-error"' if each.error else ""
    return (
        f'<input id="{head.name}-{pk}" class="target" name="account-{pk}" list="{head.name}-targets"'
        f' value="{escape(each.text)}" placeholder="Choose an account" autocomplete="off" spellcheck="false"'
        f"{saved}{invalid}>"
    )


def _notes(each: ShownRow, connection: Connection, head: _Head) -> Iterator[str]:
    row, pk = each.row, each.row.account.pk
    if each.error:
        yield format_html('<p class="field-error" id="{}-{}-error">{}</p>', head.name, pk, each.error)
    if each.suggested and row.suggestion:
        yield format_html(
            '<p class="row-note suggestion">Suggested: <span class="suggested">{}</span> – {} '
            '<button class="button button-secondary button-small" type="submit" name="fill" value="{}">Use'
            '<span class="visually-hidden"> {} for {}</span></button></p>',
            each.suggested, row.suggestion.reason, pk, each.suggested, row.account.number,
        )  # fmt: skip
    if row.target and row.status != Status.MAPPED:
        since = row.target.unusable_since
        when = format_html(" Since {}.", moment(since, connection.organization)) if since else ""
        yield format_html(_WARNING, format_html("{}{}", _why(row, connection), when))
    if row.is_altered and row.target and row.target.altered_at:
        at = moment(row.target.altered_at, connection.organization)
        yield format_html(_WARNING, format_html("Was {} in {} until {}.", _former(row), head.short, at))
    if row.sharing:
        yield format_html(_NOTE, f"{row.sharing + 1} accounts share this target.")
    if row.differing_type:
        kinds = f"{row.account.type} → {row.differing_type}"
        yield format_html(_WARNING, f"Different account type: {kinds}. Check with your accountant.")


def _status(row: MappingRow) -> str:
    flag = '<span class="flag" aria-hidden="true">▲</span> ' if row.is_blocking else ""
    return f"{flag}{row.status}"


def _why(row: MappingRow, connection: Connection) -> str:
    """Why the row's target does not do, in the provider's case."""
    if row.status == Status.GONE:
        return f"{connection.provider.short_name} no longer lists it. Choose another account."
    if row.status == Status.BREAKS_TRUST:
        return "Its type was changed there, and client money can't go to it. Choose another account."
    return connection.provider.refusals[row.target.refusal] if row.target else ""


def _former(row: MappingRow) -> str:
    """What the target was called there, with its type, before it was last changed."""
    was = row.target.former if row.target else {}
    name = f"{was['number']} · {was['name']}" if was.get("number") else was.get("name", "")
    return f"{name} ({was['kind']})" if was.get("kind") else name
