"""The options of the mapping table's selects."""

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from integrations.mapping.reports import MappingTable
from integrations.models import ChartAccount


class TargetOptions:
    """Markup written once per table: a firm's chart means a hundred selects of as many options each."""

    def __init__(self, table: MappingTable) -> None:
        groups = [_group(kind, _usable(accounts)) for kind, accounts in table.groups]
        if table.refused:
            # Visible, since an account that is simply missing looks like a mistake of ours.
            groups.append(_group("Cannot be used", _unusable(table.refused)))
        self._markup = "".join(groups)

    def with_selected(self, chosen_id: int | None) -> SafeString:
        # Names are escaped, so that this attribute occurs once: in the option that has it.
        value = f' value="{chosen_id}"'
        return mark_safe(self._markup.replace(value, f"{value} selected", 1))  # noqa: S308


def _group(label: str, options: SafeString) -> SafeString:
    return format_html('<optgroup label="{}">{}</optgroup>', label, options)


def _usable(accounts: Iterable[ChartAccount]) -> SafeString:
    return format_html_join(
        "", '<option value="{}">{} · {}</option>', ((account.pk, account, account.kind) for account in accounts)
    )


def _unusable(refused: Iterable[tuple[str, list[ChartAccount]]]) -> SafeString:
    return format_html_join(
        "",
        '<option value="{}" disabled>{} – {}</option>',
        ((account.pk, account, reason) for reason, accounts in refused for account in accounts),
    )
