"""Tables, by concept. `journal_sync_queue` is `queue.QueueRow`."""

from integrations.models.chart import AccountMapping, ChartAccount
from integrations.models.connection import ConnectAttempt, Connection, SealedGrant
from integrations.models.delivery import Attempt, Delivery, DeliveryItem
from integrations.models.queue import QueueRow
from integrations.models.schedule import Heartbeat, ProviderGate, SyncMode, SyncSettings

__all__ = [
    "AccountMapping",
    "Attempt",
    "ChartAccount",
    "ConnectAttempt",
    "Connection",
    "Delivery",
    "DeliveryItem",
    "Heartbeat",
    "ProviderGate",
    "QueueRow",
    "SealedGrant",
    "SyncMode",
    "SyncSettings",
]
