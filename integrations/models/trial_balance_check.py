"""What came of comparing a provider's own trial balance with what was sent. The file itself is never kept."""

from django.conf import settings
from django.db import models

from integrations.models.connection import Connection


class TrialBalanceCheck(models.Model):
    """One comparison, as a person asked for it. `rows` holds, for each account of theirs that we send to, its label and
    three amounts as text: what we sent, what their file says, and the difference."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="trial_balance_checks")
    as_of = models.DateField()
    file_name = models.CharField(max_length=200)
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    file_debits = models.DecimalField(max_digits=18, decimal_places=2)
    file_credits = models.DecimalField(max_digits=18, decimal_places=2)
    accounts = models.PositiveIntegerField()
    """How many accounts were compared, of which `differing` did not agree to the cent."""
    differing = models.PositiveIntegerField()
    others = models.PositiveIntegerField()
    """Accounts in their file that nothing is sent to."""
    rows = models.JSONField()

    def __str__(self) -> str:
        return f"{self.file_name} against {self.connection} as of {self.as_of}"
