"""Tables, by concept. `journal_sync_queue` is `queue.QueueRow`."""

from integrations.models.chart import AccountMapping, ChartAccount
from integrations.models.connection import ConnectAttempt, Connection
from integrations.models.delivery import Attempt, Delivery, DeliveryItem
from integrations.models.grant import GrantToReturn, SealedGrant
from integrations.models.notice import AccessNotice
from integrations.models.queue import QueueRow
from integrations.models.schedule import Heartbeat, ProviderGate, SyncMode, SyncSettings
from integrations.models.trial_balance_check import TrialBalanceCheck

__all__ = [
    "AccessNotice",
    "AccountMapping",
    "Attempt",
    "ChartAccount",
    "ConnectAttempt",
    "Connection",
    "Delivery",
    "DeliveryItem",
    "GrantToReturn",
    "Heartbeat",
    "ProviderGate",
    "QueueRow",
    "SealedGrant",
    "SyncMode",
    "SyncSettings",
    "TrialBalanceCheck",
]
