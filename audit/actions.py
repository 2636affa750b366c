"""The closed list of what the Audit Log records."""

from django.db import models


class Action(models.TextChoices):
    """The stored code of each recorded act, and its name in plain language."""

    CONNECTED = "integration.connected", "Accounting system connected"
    DISCONNECTED = "integration.disconnected", "Accounting system disconnected"
    SYNC_MODE_UPDATED = "integration.sync_mode_updated", "Sync mode changed"
    MAPPING_UPDATED = "integration.mapping_updated", "Account mapping changed"
    SYNC_FAILED = "integration.sync_failed", "Sync failed"
    START_DATE_CHOSEN = "integration.start_date_chosen", "Mirror start date chosen"
    FLUSHED = "integration.flushed", "Batch sent early"
    PAUSED = "integration.paused", "Mirror paused by support"
    RESUMED = "integration.resumed", "Mirror resumed by support"
    ENTRY_CONFIRMED = "integration.entry_confirmed", "Entry confirmed as there"
    ENTRY_SENT_AGAIN = "integration.entry_sent_again", "Unconfirmed entry sent again"
    ENTRY_RETRIED = "integration.entry_retried", "Entry sent for another try"
    TRIAL_BALANCE_CHECKED = "integration.trial_balance_checked", "Trial balance compared"
    ENTRY_POSTED = "ledger.entry_posted", "Journal entry posted"
    ENTRY_REVERSED = "ledger.entry_reversed", "Journal entry reversed"
    LEDGER_IMPORTED = "ledger.imported", "Ledger imported"
    AUDIT_EXPORTED = "audit.exported", "Audit log exported"
    SIGNED_IN = "account.signed_in", "Signed in"
