"""What moved on one account: what it began with, each line with the balance after it, what it ended with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.paginator import Page
from django.db.models import Count, F, Sum, Value, Window
from django.db.models.functions import Coalesce
from django.http import QueryDict

from athenty.organizations.pages import page_asked_for
from ledger.models import Account, JournalLine, JournalLineQuerySet

_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class ActivityLine:
    line: JournalLine
    balance: Decimal
    """After this line, on the side on which the account grows."""
    is_overdrawn: bool


@dataclass(frozen=True)
class AccountActivity:
    """One page of an account's lines, oldest first, between two balances. Balances are on the account's own side."""

    account: Account
    opening: Decimal
    """Before the first day asked for; zero when the whole life of the account is."""
    brought_forward: Decimal
    """Before the first line of this page."""
    lines: Sequence[ActivityLine]
    debits: Decimal
    credits: Decimal
    """All that was debited and credited between the two balances, on every page."""
    closing: Decimal
    page: Page[Any]

    @property
    def is_overdrawn(self) -> bool:
        return _is_overdrawn(self.account, self.closing)


def account_activity(
    account: Account, *, first: date | None = None, last: date | None = None, query: QueryDict
) -> AccountActivity:
    """Posted lines of entries dated from `first` to `last`, both included; None leaves that side open. `query` says
    which page of them.

    The running balance is Postgres's sum over all lines up to each, so a late page costs what the first one does.
    """
    sign = 1 if account.is_debit_normal else -1
    posted = JournalLine.objects.filter(account=account).posted()
    opening = sign * _net(posted.filter(entry__date__lt=first)) if first else _ZERO
    lines = posted.dated(first=first, last=last)
    totals = lines.order_by().aggregate(debits=Sum("debit"), credits=Sum("credit"), number=Count("pk"))
    debits, credits = totals["debits"] or _ZERO, totals["credits"] or _ZERO
    shown = page_asked_for(_running_net(lines), query, count=totals["number"])
    found = JournalLine.objects.select_related("entry").in_bulk([pk for pk, _ in shown])
    rows = []
    for pk, net in shown:
        balance = opening + sign * net
        rows.append(ActivityLine(found[pk], balance, _is_overdrawn(account, balance)))
    return AccountActivity(
        account=account,
        opening=opening,
        brought_forward=rows[0].balance - sign * _effect(rows[0].line) if rows else opening,
        lines=rows,
        debits=debits,
        credits=credits,
        closing=opening + sign * (debits - credits),
        page=shown,
    )


def _running_net(lines: JournalLineQuerySet) -> Any:
    """Each line's id with the sum of all lines up to it. Nothing else, since all of them are sorted for each page."""
    order = [F("entry__date"), F("entry__number"), F("position")]
    net = Coalesce("debit", Value(_ZERO)) - Coalesce("credit", Value(_ZERO))
    return (
        lines.annotate(running_net=Window(Sum(net), order_by=order)).order_by(*order).values_list("pk", "running_net")
    )


def _net(lines: JournalLineQuerySet) -> Decimal:
    totals = lines.order_by().aggregate(debits=Sum("debit"), credits=Sum("credit"))
    return (totals["debits"] or _ZERO) - (totals["credits"] or _ZERO)


def _effect(line: JournalLine) -> Decimal:
    return (line.debit or _ZERO) - (line.credit or _ZERO)


def _is_overdrawn(account: Account, balance: Decimal) -> bool:
    """More was paid out of clients' money than there was."""
    return account.is_trust and balance < 0
