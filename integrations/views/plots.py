"""A small plot of entries sent per hour, drawn as SVG, with the same said in a sentence."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from athenty.organizations.models import Organization
from integrations.views.moments import clock, counted

_BAR, _GAP, _HEIGHT, _LEAST = 8, 2, 32, 2


@dataclass(frozen=True)
class HourlyPlot:
    """Entries in each of the hours up to `until`, the earliest first."""

    hours: list[int]
    until: datetime

    def sentence(self, organization: Organization) -> str:
        total, most = sum(self.hours), max(self.hours, default=0)
        if not total:
            return "No entries sent"
        entries = counted(total, "entry", "entries")
        if most == total:
            return f"{entries} sent, in the hour to {self._end_of(most, organization)}"
        return f"{entries} sent; the most, {most:,}, in the hour to {self._end_of(most, organization)}"

    def drawn(self, organization: Organization) -> SafeString:
        sentence = self.sentence(organization)
        if not sum(self.hours):
            return format_html("{}", sentence)
        return format_html('{}<span class="fact-more">{}</span>', self._svg(), sentence)

    def _end_of(self, most: int, organization: Organization) -> str:
        later = len(self.hours) - 1 - self.hours.index(most)
        return clock(self.until - timedelta(hours=later), organization)

    def _svg(self) -> SafeString:
        highest, width = max(self.hours), len(self.hours) * (_BAR + _GAP)
        bars = []
        for place, number in enumerate(self.hours):
            height = max(round(number / highest * _HEIGHT), _LEAST) if number else 0
            if height:
                x, y = place * (_BAR + _GAP), _HEIGHT - height
                bars.append(f'<rect x="{x}" y="{y}" width="{_BAR}" height="{height}" rx="1"/>')
        return mark_safe(  # noqa: S308  numbers alone
            f'<svg class="hourly" viewBox="0 0 {width} {_HEIGHT + 1}" width="{width}" height="{_HEIGHT + 1}"'
            f' aria-hidden="true" focusable="false"><path d="M0 {_HEIGHT}.5H{width}"/>{"".join(bars)}</svg>'
        )
