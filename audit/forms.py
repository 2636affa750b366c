import datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator

from athenty.organizations.models import Membership, Organization
from athenty.organizations.moments import short_date
from audit import wording
from audit.actions import Action
from audit.models import AuditEvent, AuditEventQuerySet

SYSTEM = "system"
_EARLIEST, _LATEST = datetime.date(1900, 1, 1), datetime.date(2199, 12, 31)


def _day_field(label: str) -> forms.DateField:
    """Within the days whose midnights every time zone has a moment for."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[
            MinValueValidator(_EARLIEST, "Choose a day after 1899."),
            MaxValueValidator(_LATEST, "Choose a day before 2200."),
        ],
    )


class LogFilter(forms.Form):
    """What part of an organization's log to show. Every field may be empty; the address holds them all."""

    first = _day_field("From")
    last = _day_field("To")
    person = forms.ChoiceField(required=False)
    action = forms.ChoiceField(required=False, choices=[("", "Every action"), *Action.choices])
    provider = forms.ChoiceField(required=False, choices=[("", "Every provider"), *wording.PROVIDERS.items()])

    def __init__(self, *args: Any, organization: Organization, time_zone: datetime.tzinfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.time_zone = time_zone
        people = self._people()
        self.fields["person"] = forms.ChoiceField(required=False, choices=people)
        self._labels = {"person": dict(people), "action": dict(Action.choices), "provider": wording.PROVIDERS}

    def _people(self) -> list[tuple[str, str]]:
        """Everyone who acted, also those who have left the firm, and everyone who could."""
        acted = AuditEvent.objects.for_organization(self.organization).exclude(actor=None)
        names = dict(acted.values_list("actor_id", "actor__name").distinct())
        names |= dict(Membership.objects.for_organization(self.organization).values_list("user_id", "user__name"))
        people = sorted(((str(pk), name) for pk, name in names.items()), key=lambda person: person[1])
        return [("", "Everyone"), (SYSTEM, "Athenty (system)"), *people]

    def clean(self) -> None:
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and last < first:
            self.add_error("last", "This day is before the From day. Choose a later one.")

    def events(self) -> AuditEventQuerySet:
        """The matching events, newest first. Days are the firm's days. A form with errors matches nothing."""
        events = AuditEvent.objects.for_organization(self.organization).newest_first().select_related("actor")
        if not self.is_valid():
            return events.none()
        wanted = self.cleaned_data
        events = events.between(self._midnight(wanted["first"]), self._midnight(wanted["last"], days_later=1))
        if wanted["person"] == SYSTEM:
            events = events.by_the_system()
        elif wanted["person"]:
            events = events.filter(actor_id=int(wanted["person"]))
        if wanted["action"]:
            events = events.filter(action=wanted["action"])
        if wanted["provider"]:
            events = events.about_provider(wanted["provider"])
        return events

    def wanted(self) -> dict[str, str]:
        """What was asked for, by field, the person by name; for the export's file name and its own record."""
        chosen = {name: str(value) for name, value in self.cleaned_data.items() if value}
        if "person" in chosen:
            chosen["person"] = self._chosen("person")
        return chosen

    def in_words(self) -> str:
        """What the filter lets through: `between 1 Mar 2026 and 7 Mar 2026, by Ada Park`; empty for everything."""
        if not self.is_valid():
            return ""
        wanted = self.cleaned_data
        parts = [_days_in_words(wanted["first"], wanted["last"])]
        if wanted["person"]:
            parts.append(f"by {self._chosen('person')}")
        if wanted["action"]:
            parts.append(f"with the action “{self._chosen('action')}”")
        if wanted["provider"]:
            parts.append(f"at {self._chosen('provider')}")
        return ", ".join(filter(None, parts))

    def _chosen(self, name: str) -> str:
        return self._labels[name][self.cleaned_data[name]]

    def _midnight(self, day: datetime.date | None, *, days_later: int = 0) -> datetime.datetime | None:
        if day is None:
            return None
        day += datetime.timedelta(days=days_later)
        return datetime.datetime.combine(day, datetime.time.min, self.time_zone)


def _days_in_words(first: datetime.date | None, last: datetime.date | None) -> str:
    if first and last:
        return f"on {short_date(first)}" if first == last else f"between {short_date(first)} and {short_date(last)}"
    if first:
        return f"from {short_date(first)} on"
    return f"up to {short_date(last)}" if last else ""
