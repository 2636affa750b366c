"""How many entries wait for a person, for the settings' navigation."""

from typing import Any

from django.template import Library

from integrations.models import Connection, QueueRow

register = Library()


@register.simple_tag(takes_context=True)
def needing_a_person(context: dict[str, Any]) -> int:
    """On all of the firm's current connections, as the page has counted them, or else by one count over the index that
    leaves out what waits or was sent."""
    if "needing_a_person" in context:
        return context["needing_a_person"]
    current = Connection.objects.for_organization(context["organization"]).current()
    states = [QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED]
    return QueueRow.objects.filter(connection__in=current, state__in=states).count()
