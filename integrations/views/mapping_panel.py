"""How the mapping table is shown: the filter in the address, what a form not yet saved holds, and the list to choose
from, sent once however many rows choose from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from integrations.forms import loaded_field
from integrations.mapping.reports import MappingRow, MappingTable, mapping_table
from integrations.models import Connection

_SHOWN: dict[str, tuple[str, Callable[[MappingRow], bool]]] = {
    "all": ("All", lambda row: True),
    "required": ("Required only", lambda row: row.is_required),
    "unmapped": ("Unmapped only", lambda row: row.is_blocking),
    "changed": ("Changed there", lambda row: row.is_worth_a_look),
}
_LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Asked:
    """What a request says of one table. `typed` and `errors` are a form's that is not saved, by our account's id;
    `filled` are the rows that accepted suggestions were just put into."""

    show: str = "all"
    search: str = ""
    is_own_page: bool = False
    typed: Mapping[int, str] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)
    filled: tuple[int, ...] = ()
    message: str = ""

    @classmethod
    def by(cls, query: QueryDict, provider_name: str, *, is_own_page: bool = False) -> "Asked":
        """The filter that the address holds; what it does not know is "all"."""
        show = query.get(provider_name, "all")
        search = query.get(f"{provider_name}_q", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
        return cls(show=show if show in _SHOWN else "all", search=search, is_own_page=is_own_page)


@dataclass(frozen=True)
class ShownRow:
    row: MappingRow
    label: str
    """Of the saved target; empty when there is none."""
    text: str
    """What stands in the box."""
    suggested: str
    """The label of the suggestion, where one is worth showing."""
    error: str
    kinds: str
    """The filters that show it, for the script that filters in place."""
    is_shown: bool


@dataclass(frozen=True)
class Filter:
    name: str
    label: str
    count: int
    url: str
    is_current: bool


@dataclass(frozen=True)
class Panel:
    """The mapping table of one connection as a page shows it."""

    connection: Connection
    table: MappingTable
    asked: Asked

    @cached_property
    def rows(self) -> list[ShownRow]:
        return [self._shown(row) for row in self.table.rows]

    @property
    def errors(self) -> list[ShownRow]:
        return [row for row in self.rows if row.error]

    @property
    def visible(self) -> int:
        return sum(row.is_shown for row in self.rows)

    @property
    def loaded(self) -> str:
        return loaded_field(
            (each.row.account.pk, each.row.target.pk if each.row.target else None, each.label) for each in self.rows
        )

    @property
    def suggestible(self) -> list[ShownRow]:
        """Rows whose suggestion may be accepted with the others: those of client money are looked at one by one."""
        return [each for each in self.rows if each.suggested and not each.row.account.is_trust]

    @property
    def trust_suggestions(self) -> int:
        return sum(bool(each.suggested) and each.row.account.is_trust for each in self.rows)

    @property
    def undo(self) -> str:
        return ",".join(str(pk) for pk in self.asked.filled)

    @property
    def save_url(self) -> str:
        return self._address(reverse("integrations:mapping", args=[self.connection.pk]), self.asked.show)

    @property
    def filters(self) -> list[Filter]:
        counts = {name: sum(shows(row) for row in self.table.rows) for name, (_, shows) in _SHOWN.items()}
        return [
            Filter(name, label, counts[name], self._address(self.page_url, name), name == self.asked.show)
            for name, (label, _) in _SHOWN.items()
            if counts[name] or name in ("all", self.asked.show)
        ]

    @property
    def page_url(self) -> str:
        if self.asked.is_own_page:
            return reverse("integrations:mapping", args=[self.connection.pk])
        return reverse("integrations:index")

    @property
    def discard_url(self) -> str:
        """The same page as it stands in the database."""
        return self._address(self.page_url, self.asked.show)

    @property
    def unsearched_url(self) -> str:
        return self._address(self.page_url, self.asked.show, search="")

    @property
    def options(self) -> SafeString:
        """Every account of theirs, once: those that may be chosen by type, then those that may not with the reason."""
        label = self.table.names.label
        usable = format_html_join(
            "",
            '<option value="{}" label="{}">',
            ((label(target), kind) for kind, targets in self.table.groups for target in targets),
        )
        refused = format_html_join(
            "",
            '<option value="{}" label="{}" disabled>',
            ((label(target), reason) for reason, targets in self.table.refused for target in targets),
        )
        return usable + refused

    def _address(self, path: str, show: str, *, search: str | None = None) -> str:
        name = self.connection.provider_name
        wanted = {} if self.asked.is_own_page else {"tab": "connections"}
        if show != "all":
            wanted[name] = show
        if sought := self.asked.search if search is None else search:
            wanted[f"{name}_q"] = sought
        anchor = "" if self.asked.is_own_page or path != self.page_url else f"#{name}-mapping"
        return f"{path}?{urlencode(wanted)}{anchor}" if wanted else f"{path}{anchor}"

    def _shown(self, row: MappingRow) -> ShownRow:
        pk, label = row.account.pk, self.table.names.label(row.target) if row.target else ""
        text, error = self.asked.typed.get(pk, label), self.asked.errors.get(pk, "")
        suggested = self.table.names.label(row.suggestion.target) if row.suggestion else ""
        kinds = [name for name, (_, shows) in _SHOWN.items() if shows(row)]
        found = _finds(self.asked.search, f"{row.account} {label} {text}")
        return ShownRow(
            row=row,
            label=label,
            text=text,
            suggested="" if suggested == text else suggested,
            error=error,
            kinds=" ".join(kinds),
            is_shown=bool(error) or (self.asked.show in kinds and found),
        )


def panel(connection: Connection, asked: Asked, table: MappingTable | None = None) -> Panel:
    return Panel(connection, table or mapping_table(connection), asked)


def accepted(shown: Panel, wanted: str) -> dict[int, str]:
    """What accepting suggestions puts into the boxes, by our account's id. `wanted`: "all", which leaves client money
    out, or one account's id."""
    if wanted == "all":
        return {each.row.account.pk: each.suggested for each in shown.suggestible if not each.text}
    return {each.row.account.pk: each.suggested for each in shown.rows if str(each.row.account.pk) == wanted}


def _finds(search: str, text: str) -> bool:
    return all(word in text.casefold() for word in search.casefold().split())
