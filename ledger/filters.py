"""What part of the books a page shows. Every field may be empty; the address holds them all."""

import re

from django import forms
from django.db.models import Q

from athenty.organizations.moments import short_date
from ledger.models import JournalEntryQuerySet


def _day_field(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


class PeriodFilter(forms.Form):
    first = _day_field("From")
    last = _day_field("To")

    def clean(self) -> None:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "This day is before the From day. Choose a later one.")

    def in_words(self) -> str:
        """`from 1 Mar 2026 to 7 Mar 2026`; empty for the whole life of the books, or what can't be read."""
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        parts = [f"from {short_date(first)}" if first else "", f"to {short_date(last)}" if last else ""]
        return " ".join(filter(None, parts))


class JournalFilter(PeriodFilter):
    find = forms.CharField(
        label="Number, memo or reference",
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def applied_to(self, entries: JournalEntryQuerySet) -> JournalEntryQuerySet:
        """The matching entries. A filter with errors matches nothing."""
        if not self.is_valid():
            return entries.none()
        entries = entries.dated(first=self.cleaned_data["first"], last=self.cleaned_data["last"])
        if text := self.cleaned_data["find"]:
            wanted = Q(memo__icontains=text) | Q(reference__icontains=text)
            if number := re.fullmatch(r"(?:JE-)?([0-9]{1,18})", text, re.IGNORECASE):
                wanted |= Q(number=int(number[1]))
            entries = entries.filter(wanted)
        return entries

    def in_words(self) -> str:
        text = self.cleaned_data.get("find")
        return " ".join(filter(None, [super().in_words(), f"with “{text}”" if text else ""]))


class DayFilter(forms.Form):
    as_of = _day_field("At the end of")
