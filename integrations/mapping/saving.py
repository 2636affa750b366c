"""Saving which of our accounts goes to which of theirs: all of a form or none of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from athenty.organizations.models import User
from audit import recording
from audit.actions import Action
from integrations.mirror import queue, waking
from integrations.models import AccountMapping, ChartAccount, Connection
from integrations.providers.base import Cause, Classification
from ledger.models import Account


class MappingRefused(Exception):
    """Nothing was saved. `errors` gives a sentence for each of our accounts (by id) whose choice can't stand."""

    def __init__(self, errors: dict[int, str]) -> None:
        super().__init__("Some choices can't be saved.")
        self.errors = errors


@dataclass(frozen=True)
class Saved:
    """How many accounts got another target, how many required ones still lack one, and how many parked entries go
    again."""

    changed: int
    missing: int
    released: int


@transaction.atomic
def save_mapping(
    connection: Connection, choices: Mapping[int, int | None], *, actor: User, ip: str | None = None
) -> Saved:
    """Choose targets: our account id to the id of a chart row of this connection, or None for no target.

    Accounts not named keep what they have. Applies to entries not yet sealed. Raises MappingRefused, and then writes
    nothing.
    """
    # Two people saving at once take turns, so that the audit log's "before" is true.
    connection = Connection.objects.select_for_update(no_key=True).select_related("organization").get(pk=connection.pk)
    accounts = {a.pk: a for a in Account.objects.filter(organization=connection.organization, pk__in=choices)}
    targets = {row.pk: row for row in connection.chart.filter(pk__in=[pk for pk in choices.values() if pk])}
    existing = {m.account_id: m for m in connection.mappings.select_related("target").filter(account__in=accounts)}

    changes = {pk: target for pk, target in choices.items() if target != _target_id(existing.get(pk))}
    _check(connection, changes, accounts, targets)
    for account_id, target_id in changes.items():
        AccountMapping.objects.update_or_create(
            connection=connection,
            account=accounts[account_id],
            defaults={"target_id": target_id, "saved_by": actor, "saved_at": Now()},
            create_defaults={"target_id": target_id, "saved_by": actor, "saved_at": Now(), "is_required": False},
        )
    released = 0
    if changes:
        _record(connection, changes, accounts, targets, existing, actor=actor, ip=ip)
        released = queue.release(connection, Cause.ACCOUNT, touching=[pk for pk in changes.values() if pk])
        waking.wake_on_commit(connection.pk)
    return Saved(len(changes), connection.mappings.missing().count(), released)


def _target_id(mapping: AccountMapping | None) -> int | None:
    return mapping.target_id if mapping else None


def _check(
    connection: Connection,
    choices: Mapping[int, int | None],
    accounts: dict[int, Account],
    targets: dict[int, ChartAccount],
) -> None:
    errors = {}
    for account_id, target_id in choices.items():
        account = accounts.get(account_id)
        if account is None:
            errors[account_id] = "This account is not in your chart of accounts."
        elif target_id and (sentence := _objection(connection, account, targets.get(target_id))):
            errors[account_id] = sentence
    if errors:
        raise MappingRefused(errors)


def _objection(connection: Connection, account: Account, target: ChartAccount | None) -> str:
    """Why this account may not go to this target; empty when it may."""
    provider = connection.provider
    if target is None or not target.is_listed:
        return f"Choose an account from the {provider.short_name} list."
    if target.refusal:
        return provider.refusals[target.refusal]
    if account.is_trust and account.type == Account.Type.LIABILITY and target.classification == Classification.REVENUE:
        return "Client money owed is never income. Choose a liability account."
    if account.is_trust and account.type == Account.Type.ASSET and target.classification != Classification.ASSET:
        return "Money in trust is an asset. Choose an asset account."
    return ""


def _record(
    connection: Connection,
    changes: Mapping[int, int | None],
    accounts: dict[int, Account],
    targets: dict[int, ChartAccount],
    existing: dict[int, AccountMapping],
    *,
    actor: User,
    ip: str | None,
) -> None:
    rows = []
    for account_id, target_id in changes.items():
        mapping = existing.get(account_id)
        before = mapping.target if mapping else None
        after = targets[target_id] if target_id else None
        rows.append({"account": str(accounts[account_id]), "from": _label(before), "to": _label(after)})
    recording.record(
        Action.MAPPING_UPDATED,
        connection.organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={"provider": connection.provider_name, "changes": rows},
    )


def _label(target: ChartAccount | None) -> str:
    return f"{target} (id {target.remote_id})" if target else ""
