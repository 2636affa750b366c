"""Comparing a provider's own trial balance, as a person exported it, with what was sent. Only the result is kept.

What it can tell: an account that nobody but Athenty posts to must agree to the cent. What it can't: their balance also
holds what others entered there, what was there before the mirror began, and, for income and expenses, only the present
financial year.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db import transaction

from athenty.organizations.models import User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.mapping.naming import ChartNames, NotInChart
from integrations.mirror.tie_out import sent_by_target
from integrations.mirror.trial_balance_file import FileAccount, TrialBalanceFile, UnreadableTrialBalance
from integrations.models import ChartAccount, Connection, TrialBalanceCheck

_ZERO = Decimal("0.00")


@transaction.atomic
def check_trial_balance(
    connection: Connection,
    found: TrialBalanceFile,
    *,
    as_of: date,
    file_name: str,
    actor: User,
    ip: str | None = None,
) -> TrialBalanceCheck:
    """Compare, for each account of theirs that we send to, their balance with what we sent. Raises
    UnreadableTrialBalance when the file names one of them twice, or none at all."""
    chart = list(connection.chart.all())
    theirs = _by_account(connection, chart, found.accounts)
    sent = sent_by_target(connection, as_of=as_of)
    mapped = set(connection.mappings.exclude(target=None).values_list("target__remote_id", flat=True))
    ours = [account for account in chart if account.remote_id in mapped | set(sent)]
    if not any(account.pk in theirs for account in ours):
        raise UnreadableTrialBalance(
            f"The file names no account that Athenty sends to. Is it the trial balance of {connection.company_name}?"
        )
    rows = [_row(account, sent.get(account.remote_id, _ZERO), theirs.get(account.pk)) for account in ours]
    check = TrialBalanceCheck.objects.create(
        connection=connection,
        as_of=as_of,
        file_name=file_name[:200],
        checked_at=database_now(),
        checked_by=actor,
        file_debits=found.debits,
        file_credits=found.credits,
        accounts=len(rows),
        differing=sum(Decimal(row["difference"]) != 0 for row in rows),
        others=len(found.accounts) - sum(account.pk in theirs for account in ours),
        rows=rows,
    )
    recording.record(
        Action.TRIAL_BALANCE_CHECKED,
        connection.organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={
            "provider": connection.provider_name,
            "as_of": as_of.isoformat(),
            "file": check.file_name,
            "file_debits": str(found.debits),
            "file_credits": str(found.credits),
            "accounts": check.accounts,
            "differing": check.differing,
        },
    )
    return check


def _row(account: ChartAccount, sent: Decimal, theirs: FileAccount | None) -> dict[str, str]:
    """An account that their file leaves out has a balance of nothing there."""
    balance = theirs.balance if theirs else _ZERO
    return {
        "account": str(account),
        "sent": f"{sent:.2f}",
        "theirs": f"{balance:.2f}",
        "difference": f"{balance - sent:.2f}",
        "row": str(theirs.row) if theirs else "",
    }


def _by_account(
    connection: Connection, chart: list[ChartAccount], accounts: Iterable[FileAccount]
) -> dict[int, FileAccount]:
    """The file's accounts by their chart row's id. What is in no chart that we have read is left out."""
    names = ChartNames(chart, provider=connection.provider.short_name)
    by_number: dict[str, list[ChartAccount]] = defaultdict(list)
    for account in chart:
        if account.number and account.is_listed:
            by_number[account.number].append(account)
    found: dict[int, FileAccount] = {}
    for each in accounts:
        meant = _meant(each, names, by_number)
        if meant is None:
            continue
        if meant.pk in found:
            raise UnreadableTrialBalance(
                f"Rows {found[meant.pk].row} and {each.row} both name {meant}. Export the report without subtotals."
            )
        found[meant.pk] = each
    return found


def _meant(each: FileAccount, names: ChartNames, by_number: dict[str, list[ChartAccount]]) -> ChartAccount | None:
    """By number where there is one, then by name, then by the last part of a sub-account's path."""
    if len(numbered := by_number.get(each.number, [])) == 1:
        return numbered[0]
    for text in (each.name, each.name.rpartition(":")[2]):
        try:
            return names.meant_by(text)
        except NotInChart:
            continue
    return None
