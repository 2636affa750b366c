"""How many entries wait for a person, for the settings' navigation."""

from typing import Any

from django.db import connection as database
from django.template import Library

register = Library()

# By the index that leaves out what waits or was sent. Each page asks it, so it is not put together each time.
_NEEDING_A_PERSON = """
    SELECT count(*) FROM journal_sync_queue
     WHERE connection_id = ANY(ARRAY(
               SELECT id FROM integrations_connection WHERE organization_id = %(organization)s AND is_current
           ))
       AND state IN ('needs_attention', 'unconfirmed')
"""


@register.simple_tag(takes_context=True)
def needing_a_person(context: dict[str, Any]) -> int:
    """On all of the firm's current connections, as the page has counted them, or else by one query."""
    if "needing_a_person" in context:
        return context["needing_a_person"]
    with database.cursor() as cursor:
        cursor.execute(_NEEDING_A_PERSON, {"organization": context["organization"].pk})
        [number] = cursor.fetchone()
    return number
