"""Why an entry was set aside and the one thing to do about it, in plain words."""

from dataclasses import dataclass
from datetime import date

from integrations.models import ChartAccount, Connection
from integrations.providers.base import Cause


@dataclass(frozen=True)
class Explanation:
    sentence: str
    fix: str


def explain(
    connection: Connection, cause: Cause, *, account: ChartAccount | None = None, on: date | None = None
) -> Explanation:
    """`account`: the one of theirs that was blamed, where it is known; `on`: the entry's date, None of several."""
    short = connection.provider.short_name
    if cause == Cause.ACCOUNT:
        return Explanation(_refused(short, account), "Choose another account in the mapping, or put it right there.")
    if cause == Cause.PERIOD:
        return Explanation(_closed(connection, on), f"Reopen the period in {short}, then Retry.")
    if cause == Cause.DUPLICATE:
        return Explanation(
            f"{short} already has another journal under this entry's number.",
            f"Look the number up in {short}. If the entry is not there, contact support.",
        )
    if cause == Cause.PERMISSION:
        return Explanation(
            f"{short} does not let the person who connected it post journals.",
            "Disconnect, and have someone connect who may post journals there.",
        )
    if cause == Cause.UNAVAILABLE:
        return Explanation(
            f"{short} did not answer for an hour.", "It goes again by itself once it does; you need do nothing."
        )
    return Explanation(
        f"{short} refused it and gave a reason we do not recognise.",
        f"Read what {short} said, then Retry, or contact support.",
    )


def _refused(short: str, account: ChartAccount | None) -> str:
    if account is None:
        return f"{short} does not accept one of the accounts."
    if not account.is_listed:
        return f"{account} is no longer in the {short} chart of accounts."
    if account.refusal == "inactive":
        return f"{account} is inactive in {short}."
    return f"{short} does not accept {account}."


def _closed(connection: Connection, on: date | None) -> str:
    short = connection.provider.short_name
    dated = f"; this entry is dated {_day(on)}" if on else ""
    if connection.closed_through:
        return f"Your books in {short} are closed up to {_day(connection.closed_through)}{dated}."
    return f"The period is closed in {short}{dated}."


def _day(on: date) -> str:
    return f"{on.day} {on:%b %Y}"
