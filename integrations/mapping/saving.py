"""Saving which of our accounts goes to which of theirs: all of a form or none of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """How many accounts got another target, how many required ones still lack one, how many parked entries go again,
    and how many other accounts each other person has changed since the form was loaded."""

    changed: int
    missing: int
    released: int
    meanwhile: dict[str, int] = field(default_factory=dict)


@transaction.atomic
def save_mapping(
    connection: Connection,
    choices: Mapping[int, int | None],
    *,
    actor: User,
    loaded: Mapping[int, int | None] | None = None,
    ip: str | None = None,
) -> Saved:
    """Choose targets: our account id to the id of a chart row of this connection, or None for no target.

    Accounts not named keep what they have. `loaded` is what the person saw when choosing, in the same form: a row that
    somebody else has changed since is not overwritten unseen. Applies to entries not yet sealed; what was sent keeps
    the target it was sent to. Raises MappingRefused, and then writes nothing.
    """
    # Two people saving at once take turns, so that the audit log's "before" is true.
    connection = (
        Connection.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=connection.pk)
    )
    existing = {m.account_id: m for m in connection.mappings.select_related("target", "account", "saved_by")}
    accounts = {a.pk: a for a in Account.objects.filter(organization=connection.organization, pk__in=choices)}
    targets = {row.pk: row for row in connection.chart.filter(pk__in=[pk for pk in choices.values() if pk])}

    changes = {pk: target for pk, target in choices.items() if target != _target_id(existing.get(pk))}
    seen = loaded or {}
    others = {pk: m for pk, m in existing.items() if pk in seen and seen[pk] != m.target_id}
    errors = {pk: _overtaken_by(others[pk]) for pk in changes if pk in others}
    errors |= _objections(connection, changes, accounts, targets, existing)
    if errors:
        raise MappingRefused(errors)
    _write(connection, changes, actor)
    released = 0
    if changes:
        _record(connection, changes, accounts, targets, existing, actor=actor, ip=ip)
        released = queue.release(connection, Cause.ACCOUNT, touching=[pk for pk in changes.values() if pk])
        waking.wake_on_commit(connection.pk)
    meanwhile = Counter(str(m.saved_by) for pk, m in others.items() if pk not in choices and m.saved_by)
    return Saved(len(changes), connection.mappings.missing().count(), released, dict(meanwhile))


def _target_id(mapping: AccountMapping | None) -> int | None:
    return mapping.target_id if mapping else None


def _write(connection: Connection, changes: Mapping[int, int | None], actor: User) -> None:
    """One statement, however many rows. A posting may require an account in this moment: its row is taken over."""
    AccountMapping.objects.bulk_create(
        [
            AccountMapping(
                connection=connection,
                account_id=pk,
                target_id=target,
                is_required=False,
                saved_by=actor,
                saved_at=Now(),
            )
            for pk, target in changes.items()
        ],
        update_conflicts=True,
        unique_fields=["connection", "account"],
        update_fields=["target", "saved_by", "saved_at"],
    )


def objections(connection: Connection, choices: Mapping[int, int | None]) -> dict[int, str]:
    """A sentence for each of our accounts whose choice `save_mapping` would refuse, were it saved now."""
    existing = {m.account_id: m for m in connection.mappings.select_related("target", "account", "saved_by")}
    accounts = {a.pk: a for a in Account.objects.filter(organization=connection.organization, pk__in=choices)}
    targets = {row.pk: row for row in connection.chart.filter(pk__in=[pk for pk in choices.values() if pk])}
    changes = {pk: target for pk, target in choices.items() if target != _target_id(existing.get(pk))}
    return _objections(connection, changes, accounts, targets, existing)


def _objections(
    connection: Connection,
    changes: Mapping[int, int | None],
    accounts: Mapping[int, Account],
    targets: Mapping[int, ChartAccount],
    existing: Mapping[int, AccountMapping],
) -> dict[int, str]:
    errors = {}
    for pk, target_id in changes.items():
        account = accounts.get(pk)
        if account is None:
            errors[pk] = "This account is not in your chart of accounts."
        elif target_id and (sentence := _objection(connection, account, targets.get(target_id))):
            errors[pk] = sentence
    return _mixed_with_trust(changes, accounts, existing) | errors


def _overtaken_by(mapping: AccountMapping) -> str:
    chosen = str(mapping.target) if mapping.target else "no account"
    return (
        f"{mapping.saved_by or 'Somebody else'} chose {chosen} meanwhile. Save again to replace that with your choice."
    )


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


def _mixed_with_trust(
    changes: Mapping[int, int | None], accounts: Mapping[int, Account], existing: Mapping[int, AccountMapping]
) -> dict[int, str]:
    """The changed accounts that would share a target with money of the other kind: clients' beside the firm's own."""
    after = {pk: m.target_id for pk, m in existing.items()} | dict(changes)
    known = {pk: m.account for pk, m in existing.items()} | dict(accounts)
    held: dict[int, list[Account]] = defaultdict(list)
    for pk, target_id in after.items():
        if target_id and pk in known:
            held[target_id].append(known[pk])
    errors = {}
    for pk, target_id in changes.items():
        if target_id and pk in known:
            other = next((a for a in held[target_id] if a.is_trust != known[pk].is_trust), None)
            if other:
                errors[pk] = f"Client money and the firm's own never share an account, and {other} goes to this one."
    return errors


def _record(
    connection: Connection,
    changes: Mapping[int, int | None],
    accounts: Mapping[int, Account],
    targets: Mapping[int, ChartAccount],
    existing: Mapping[int, AccountMapping],
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
