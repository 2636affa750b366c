"""How the ledger announces a posting."""

from django.dispatch import Signal

journal_entries_posted = Signal()
"""Sent inside the posting transaction, after numbering, with sender JournalEntry, `organization`, and `entries`: the
list of entries posted just now, never those found posted before. A receiver that raises undoes the posting."""
