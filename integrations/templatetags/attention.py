"""How many entries wait for a person, for the settings' navigation."""

from django.template import Library

from athenty.organizations.models import Organization
from integrations.models import Connection, QueueRow

register = Library()


@register.filter
def needing_a_person(organization: Organization) -> int:
    """On all of the firm's current connections. One count, over the index that leaves out what waits or was sent."""
    current = Connection.objects.for_organization(organization).current()
    states = [QueueRow.State.NEEDS_ATTENTION, QueueRow.State.UNCONFIRMED]
    return QueueRow.objects.filter(connection__in=current, state__in=states).count()
