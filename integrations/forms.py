"""What a person may type on the integrations' pages."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from zlib import crc32

from django import forms

from integrations.mapping.naming import ChartNames, NotInChart
from integrations.mirror.activity import Wanted
from integrations.models import QueueRow, SyncMode
from integrations.models.connection import ProviderName

_TARGET = re.compile(r"account-([0-9]{1,18})")
_LOADED = re.compile(r"([0-9]{1,18}):([0-9]{0,18}):([0-9a-f]{1,8})")
_LONGEST_TEXT = 700
"""Longer than any label: a number of 40, a name of 600, and what stands between."""


class SyncModeForm(forms.Form):
    mode = forms.ChoiceField(
        choices=SyncMode.choices,
        error_messages={
            "required": "Choose Live, Batched or Off.",
            "invalid_choice": "Choose Live, Batched or Off.",
        },
    )


def _optional_day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "Enter a date such as 2026-03-31."},
    )


class ActivityFilter(forms.Form):
    """Which entries the sync activity shows. Every field may be empty; the address holds them all."""

    status = forms.ChoiceField(required=False, choices=[("", "All"), *QueueRow.State.choices])
    provider = forms.ChoiceField(
        required=False, label="Accounting system", choices=[("", "All"), *ProviderName.choices]
    )
    first = _optional_day("Dated from")
    last = _optional_day("Dated to")

    def clean(self) -> None:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "This day is before the first one. Choose a later one.")

    def wanted(self) -> Wanted:
        """What the form asks for; a form with errors asks for everything."""
        if not self.is_valid():
            return Wanted()
        given = self.cleaned_data
        return Wanted(given["status"], given["provider"], given["first"], given["last"])


class TieOutFilter(forms.Form):
    """Which tie-out to show. An unknown provider is the first there is: an old address still finds the page."""

    provider = forms.CharField(required=False, max_length=20)
    month = forms.CharField(required=False, max_length=7)
    as_of = _optional_day("As of")

    def month_start(self) -> date | None:
        """The first day of the month that is asked for; None when none is."""
        try:
            return date.fromisoformat(f"{self.cleaned_data.get('month', '')}-01")
        except ValueError:
            return None


class TrialBalanceForm(forms.Form):
    as_of = forms.DateField(
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": "Enter the date of the report, such as 2026-03-31.",
            "invalid": "Enter the date of the report, such as 2026-03-31.",
        },
    )
    file = forms.FileField(
        error_messages={
            "required": "Choose the CSV file of the report.",
            "empty": "The file is empty.",
            "invalid": "Choose the CSV file of the report.",
        }
    )


class StartForm(forms.Form):
    on = forms.DateField(
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": "Enter the first date to mirror, such as 2026-03-31.",
            "invalid": "Enter the first date to mirror, such as 2026-03-31.",
        },
    )


@dataclass(frozen=True)
class LoadedRow:
    """What a row of the mapping table showed when the page was made: the saved target, and a digest of its label."""

    target_id: int | None
    digest: str


class MappingForm:
    """The mapping table as a person sends it back.

    One field per row, `account-` and our account's id, holding what stands in the row's text box; and one, `loaded`,
    that says what the page showed. A row whose text is as it was loaded is left alone, however often the account has
    been renamed there meanwhile.
    """

    def __init__(self, data: Mapping[str, str]) -> None:
        self.loaded = {
            int(found[1]): LoadedRow(int(found[2]) if found[2] else None, found[3])
            for found in _LOADED.finditer(data.get("loaded", ""))
        }
        typed = {int(found[1]): data[name].strip() for name in data if (found := _TARGET.fullmatch(name))}
        self.changed = {pk: text for pk, text in typed.items() if not self._is_untouched(pk, text)}
        """What was typed, by our account's id, in rows that differ from what the page showed."""

    def seen(self) -> dict[int, int | None]:
        """The target that each row showed, by our account's id."""
        return {pk: row.target_id for pk, row in self.loaded.items()}

    def choices(self, names: ChartNames) -> tuple[dict[int, int | None], dict[int, str]]:
        """The chosen chart row's id for each changed row, and a sentence for each that names no account."""
        choices: dict[int, int | None] = {}
        errors: dict[int, str] = {}
        for pk, text in self.changed.items():
            try:
                choices[pk] = names.meant_by(text[:_LONGEST_TEXT]).pk if text else None
            except NotInChart as unknown:
                errors[pk] = str(unknown)
        return choices, errors

    def _is_untouched(self, pk: int, text: str) -> bool:
        row = self.loaded.get(pk)
        return row is not None and row.digest == digest(text)


def loaded_field(rows: Iterable[tuple[int, int | None, str]]) -> str:
    """The value of `loaded`: our account's id, its target's and the label shown, for each row."""
    return ",".join(f"{pk}:{target_id or ''}:{digest(label)}" for pk, target_id, label in rows)


def digest(text: str) -> str:
    return f"{crc32(text.strip().encode()):x}"
