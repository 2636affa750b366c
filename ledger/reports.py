"""Figures of the books."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection as database
from django.db.models import Sum

from athenty.organizations.models import Organization
from ledger.models import Account, JournalEntry, JournalLine

_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class TrialBalanceRow:
    """One account's turnover: all that was debited to it and all that was credited."""

    account: Account
    debits: Decimal
    credits: Decimal

    @property
    def balance(self) -> Decimal:
        """Debits less credits: negative when the account has a credit balance."""
        return self.debits - self.credits

    @property
    def debit_balance(self) -> Decimal | None:
        return self.balance if self.balance > 0 else None

    @property
    def credit_balance(self) -> Decimal | None:
        return -self.balance if self.balance < 0 else None

    @property
    def normal_balance(self) -> Decimal:
        """On the side on which this account grows: positive as long as it is what one expects of it."""
        return self.balance if self.account.is_debit_normal else -self.balance


@dataclass(frozen=True)
class TrialBalance:
    """Every account that has postings or is active, in numeric order."""

    rows: list[TrialBalanceRow]

    @property
    def debits(self) -> Decimal:
        return sum((row.debits for row in self.rows), _ZERO)

    @property
    def credits(self) -> Decimal:
        return sum((row.credits for row in self.rows), _ZERO)

    @property
    def balance(self) -> Decimal:
        """Zero, or the books are broken."""
        return self.debits - self.credits

    @property
    def debit_balances(self) -> Decimal:
        return sum((row.debit_balance or _ZERO for row in self.rows), _ZERO)

    @property
    def credit_balances(self) -> Decimal:
        return sum((row.credit_balance or _ZERO for row in self.rows), _ZERO)


def trial_balance(
    organization: Organization, *, as_of: date | None = None, dated_from: date | None = None
) -> TrialBalance:
    """Posted debits and credits per account, of entries dated from `dated_from` to `as_of`, both included."""
    if dated_from or as_of:
        lines = JournalLine.objects.for_organization(organization).posted().dated(first=dated_from, last=as_of)
    else:
        # Looking at every entry to see that it is posted takes longer than adding up all lines; few or none are not.
        unposted = JournalEntry.objects.for_organization(organization).filter(number__isnull=True)
        lines = JournalLine.objects.filter(account__organization=organization).exclude(entry__in=unposted)
    totals = {
        row["account_id"]: row
        for row in lines.order_by().values("account_id").annotate(debits=Sum("debit"), credits=Sum("credit"))
    }
    rows = []
    for account in Account.objects.for_organization(organization):
        total = totals.get(account.pk)
        if total:
            rows.append(TrialBalanceRow(account, total["debits"] or _ZERO, total["credits"] or _ZERO))
        elif account.is_active:
            rows.append(TrialBalanceRow(account, _ZERO, _ZERO))
    return TrialBalance(rows)


@dataclass(frozen=True)
class TrustPosition:
    """Clients' money in the bank, and what is owed to the clients. A firm in order holds exactly what it owes."""

    held: Decimal
    owed: Decimal

    @property
    def difference(self) -> Decimal:
        return self.held - self.owed


def trust_position(balance: TrialBalance) -> TrustPosition:
    """From the trust accounts of a trial balance: assets are held, liabilities owed."""
    trust = [row for row in balance.rows if row.account.is_trust]
    held = sum((row.balance for row in trust if row.account.type == Account.Type.ASSET), _ZERO)
    owed = sum((-row.balance for row in trust if row.account.type == Account.Type.LIABILITY), _ZERO)
    return TrustPosition(held, owed)


# Account by account, by the index of its lines. What is not posted, few entries or none, is looked up once.
_TRUST_BALANCES = """
    SELECT account.type, sum(coalesce(lines.debits, 0) - coalesce(lines.credits, 0))
      FROM ledger_account account
     CROSS JOIN LATERAL (
           SELECT sum(line.debit) AS debits, sum(line.credit) AS credits
             FROM ledger_journalline line
            WHERE line.account_id = account.id
              AND line.entry_id NOT IN (
                  SELECT id FROM ledger_journalentry WHERE organization_id = %(organization)s AND number IS NULL
              )
     ) lines
     WHERE account.organization_id = %(organization)s AND account.is_trust
     GROUP BY account.type
"""


def trust_position_now(organization: Organization) -> TrustPosition:
    """The same of everything posted, without the trial balance."""
    with database.cursor() as cursor:
        cursor.execute(_TRUST_BALANCES, {"organization": organization.pk})
        balances = dict(cursor.fetchall())
    return TrustPosition(balances.get(Account.Type.ASSET, _ZERO), -balances.get(Account.Type.LIABILITY, _ZERO))
