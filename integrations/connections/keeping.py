"""Keeping access alive where nothing uses it: while Sync Mode is Off, mapping is unfinished, or nothing is posted.

The chart is read daily, which renews the access and shows a disconnect at the provider. This is the second net:
whatever keeps the chart from being read must not let a grant run out.
"""

import logging
from uuid import UUID

from integrations.connections import disconnect, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.mirror import waking
from integrations.models import Connection
from integrations.providers.errors import GrantLost, ProviderError

logger = logging.getLogger(__name__)


def wake_idle() -> None:
    for connection_id in tokens.idle().values_list("pk", flat=True):
        waking.wake_for_renewal(connection_id)


def renew_if_idle(connection_id: UUID) -> None:
    """Refresh the access if nothing else has for a week. A failure that may pass is tried again at the next turn."""
    connection = Connection.objects.filter(pk=connection_id).first()
    if connection is None:
        return
    try:
        tokens.renew(connection)
    except GrantLost as error:
        disconnect.stop(connection_id, error)
    except (ProviderError, KeyUnavailable) as error:
        logger.warning("The access of connection %s could not be renewed: %s", connection_id, type(error).__name__)
