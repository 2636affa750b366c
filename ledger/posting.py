"""Make entries final: the only way into the books. Also answer one with its opposite, since none is ever changed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from django.db import connection, transaction
from django.utils import timezone

from athenty.organizations.models import Organization, User
from audit import recording
from audit.actions import Action
from ledger.models import (
    LONGEST_DESCRIPTION,
    LONGEST_KEY,
    LONGEST_MEMO,
    LONGEST_REFERENCE,
    Account,
    JournalEntry,
    JournalLine,
)
from ledger.signals import journal_entries_posted

_CENT = Decimal("0.01")
_MOST = Decimal("999999999999.99")  # what numeric(14,2) holds
_ROWS_PER_STATEMENT = 2_000
_T = TypeVar("_T")


@dataclass(frozen=True)
class EntryLine:
    """One line to be posted. Exactly one of `debit` and `credit` is positive, with at most two decimals; the other is
    None or zero. Amounts are in the organization's currency."""

    account: Account
    debit: Decimal | None
    credit: Decimal | None
    description: str = ""


@dataclass(frozen=True)
class EntryDraft:
    """An entry to be posted. `key` names this posting: the same key never posts twice in one organization."""

    on: date
    memo: str
    lines: Sequence[EntryLine]
    key: str
    reference: str = ""


class PostingRefused(Exception):
    """The entry breaks a rule of the books. The message says which, for the person who entered it."""


class EntryUnbalanced(PostingRefused):
    """Debits and credits differ, or there are fewer than two lines."""


class EntryInvalid(PostingRefused):
    """The entry's own date, memo, reference or key can't be kept."""


class LineInvalid(PostingRefused):
    """A line's amounts or description can't be kept."""


class AccountUnknown(PostingRefused):
    """A line names an account that is not in this organization's chart, or is inactive."""


class KeyReused(PostingRefused):
    """The key has posted an entry with other content."""


class AlreadyReversed(PostingRefused):
    """The entry has been reversed before, or is not posted."""


def hold_postings(organization: Organization) -> None:
    """Until the caller's transaction ends, nobody else posts in this organization.

    It is the lock under which entries get their numbers, so numbers follow the order of commits.
    """
    Organization.objects.select_for_update(no_key=True).only("pk").get(pk=organization.pk)


@transaction.atomic
def post_entry(
    organization: Organization, draft: EntryDraft, *, actor: User | None, ip: str | None = None
) -> JournalEntry:
    """Post one entry and record it in the audit log.

    May be repeated: the same key with the same content answers with the entry posted before and writes nothing. Raises
    a PostingRefused, and then writes nothing.
    """
    [entry], posted_now = _post(organization, [draft], actor=actor)
    if posted_now:
        _record(Action.ENTRY_POSTED, entry, draft, actor=actor, ip=ip)
    return entry


@transaction.atomic
def post_entries(organization: Organization, drafts: Sequence[EntryDraft], *, actor: User | None) -> list[JournalEntry]:
    """Post many entries, numbered in the given order: all, or none. Answers with one entry per draft.

    As repeatable as `post_entry`. The caller records the act as a whole.
    """
    entries, _ = _post(organization, drafts, actor=actor)
    return entries


@transaction.atomic
def reverse_entry(
    entry: JournalEntry, *, on: date, memo: str | None = None, actor: User | None, key: str, ip: str | None = None
) -> JournalEntry:
    """Answer a posted entry with its opposite: every debit becomes a credit. An entry is reversed once.

    May be repeated with the same key. Raises AlreadyReversed, or another PostingRefused, and then writes nothing.
    """
    if entry.posted_at is None:
        raise AlreadyReversed("Only a posted entry can be reversed.")
    if on < entry.date:
        raise EntryInvalid(f"Date: {entry} is dated {entry.date}; date its reversal on that day or later.")
    lines = [
        EntryLine(line.account, debit=line.credit, credit=line.debit, description=line.description)
        for line in entry.lines.select_related("account")
    ]
    draft = EntryDraft(
        on=on, memo=f"Reversal of {entry}" if memo is None else memo, lines=lines, key=key, reference=entry.reference
    )
    [reversal], posted_now = _post(entry.organization, [draft], actor=actor, reverses=entry)
    if posted_now:
        _record(Action.ENTRY_REVERSED, reversal, draft, actor=actor, ip=ip)
    return reversal


def check_draft(organization: Organization, draft: EntryDraft) -> None:
    """Raise the PostingRefused that posting this draft would meet, as far as it can be told without the books."""
    _check_text("Memo", draft.memo, LONGEST_MEMO)
    _check_text("Reference", draft.reference, LONGEST_REFERENCE)
    _check_text("Key", draft.key, LONGEST_KEY)
    if not draft.key:
        raise EntryInvalid("Key: an entry can't be posted without one.")
    for line in draft.lines:
        _check_line(organization, line)
    if len(draft.lines) < 2:
        raise EntryUnbalanced(f"The entry has {len(draft.lines)} lines. Enter at least two.")
    debited = sum((line.debit or Decimal(0) for line in draft.lines), Decimal(0))
    credited = sum((line.credit or Decimal(0) for line in draft.lines), Decimal(0))
    if debited != credited:
        raise EntryUnbalanced(
            f"The entry does not balance: debits are {debited:,.2f} and credits {credited:,.2f}, "
            f"a difference of {abs(debited - credited):,.2f}."
        )


def _check_line(organization: Organization, line: EntryLine) -> None:
    account = line.account
    if account.organization_id != organization.pk:
        # Not by its number or name: they are another organization's.
        raise AccountUnknown("Account: a line names an account that is not in your chart. Choose another.")
    for side, amount in (("Debit", line.debit), ("Credit", line.credit)):
        if amount is None:
            continue
        if not amount.is_finite() or not 0 <= amount <= _MOST:
            raise LineInvalid(f"{side} on {account}: {amount} should be an amount from 0.01 to {_MOST:,}.")
        if amount != amount.quantize(_CENT):
            raise LineInvalid(f"{side} on {account}: {amount} has more than two decimals. Enter cents at most.")
    if bool(line.debit) == bool(line.credit):
        both = "both a debit and a credit" if line.debit else "neither a debit nor a credit"
        raise LineInvalid(f"{account} has {both}. Enter exactly one of them.")
    _check_text(f"Description on {account}", line.description, LONGEST_DESCRIPTION)


def _check_text(name: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise EntryInvalid(f"{name}: it is {len(text)} characters long. Shorten it to {longest}.")
    if "\0" in text:
        raise EntryInvalid(f"{name}: it holds a character that can't be kept (NUL). Remove it.")


def _post(
    organization: Organization,
    drafts: Sequence[EntryDraft],
    *,
    actor: User | None,
    reverses: JournalEntry | None = None,
) -> tuple[list[JournalEntry], bool]:
    """One entry per draft, and whether any was posted just now."""
    for draft in drafts:
        check_draft(organization, draft)
    drafts = [replace(draft, lines=[_exact(line) for line in draft.lines]) for draft in drafts]
    hold_postings(organization)
    known = _posted_before(organization, drafts, reverses)
    new: dict[str, EntryDraft] = {}
    for draft in drafts:
        if draft.key in known:
            continue
        if draft.key in new and new[draft.key] != draft:
            raise KeyReused(f"The key {draft.key!r} stands on two different entries.")
        new[draft.key] = draft
    _check_active(new.values(), reverses)
    if reverses and new and JournalEntry.objects.filter(reverses=reverses).exists():
        raise AlreadyReversed(f"{reverses} has been reversed already.")
    posted = _write(organization, list(new.values()), actor, reverses) if new else []
    if posted:
        journal_entries_posted.send(JournalEntry, organization=organization, entries=posted)
    entries = known | {entry.key: entry for entry in posted}
    return [entries[draft.key] for draft in drafts], bool(posted)


def _exact(line: EntryLine) -> EntryLine:
    """The line as the books will hold it: cents, and an empty side instead of a zero."""
    return replace(
        line,
        debit=line.debit.quantize(_CENT) if line.debit else None,
        credit=line.credit.quantize(_CENT) if line.credit else None,
    )


def _posted_before(
    organization: Organization, drafts: Sequence[EntryDraft], reverses: JournalEntry | None
) -> dict[str, JournalEntry]:
    """The entries that these drafts' keys have posted, by key. Raises KeyReused when one holds something else."""
    known: dict[str, JournalEntry] = {}
    for some in _in_batches({draft.key: draft for draft in drafts}.values()):
        entries = JournalEntry.objects.for_organization(organization).filter(key__in=[draft.key for draft in some])
        known |= {entry.key: entry for entry in entries.prefetch_related("lines")}
    for draft in drafts:
        entry = known.get(draft.key)
        if entry and _content_of_entry(entry) != (*_content_of_draft(draft), reverses.pk if reverses else None):
            raise KeyReused(f"{entry} was posted under the same key with other content. Nothing was posted.")
    return known


def _content_of_draft(draft: EntryDraft) -> tuple[object, ...]:
    lines = [(line.account.pk, line.debit, line.credit, line.description) for line in draft.lines]
    return draft.on, draft.memo, draft.reference, lines


def _content_of_entry(entry: JournalEntry) -> tuple[object, ...]:
    lines = [(line.account_id, line.debit, line.credit, line.description) for line in entry.lines.all()]
    return entry.date, entry.memo, entry.reference, lines, entry.reverses_id


def _check_active(drafts: Iterable[EntryDraft], reverses: JournalEntry | None) -> None:
    """A reversal may use an account that was closed since: it only takes back what is there."""
    if reverses:
        return
    for draft in drafts:
        for line in draft.lines:
            if not line.account.is_active:
                raise AccountUnknown(f"Account: {line.account} is inactive. Choose another.")


def _write(
    organization: Organization, drafts: Sequence[EntryDraft], actor: User | None, reverses: JournalEntry | None
) -> list[JournalEntry]:
    entries = JournalEntry.objects.bulk_create(
        [
            JournalEntry(
                organization=organization,
                date=draft.on,
                memo=draft.memo,
                reference=draft.reference,
                currency=organization.currency,
                key=draft.key,
                posted_by=actor,
                reverses=reverses,
            )
            for draft in drafts
        ],
        batch_size=_ROWS_PER_STATEMENT,
    )
    JournalLine.objects.bulk_create(
        [
            JournalLine(
                entry=entry,
                position=position,
                account=line.account,
                debit=line.debit,
                credit=line.credit,
                description=line.description,
            )
            for entry, draft in zip(entries, drafts, strict=True)
            for position, line in enumerate(draft.lines)
        ],
        batch_size=_ROWS_PER_STATEMENT,
    )
    _number(organization, entries)
    return entries


def _number(organization: Organization, entries: list[JournalEntry]) -> None:
    """Post the entries under the next numbers, in their order. Postgres checks that no number is skipped."""
    posted_at = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ledger_journalentry entry
            SET posted_at = %s, number = place.position + (
                SELECT coalesce(max(number), 0) FROM ledger_journalentry WHERE organization_id = %s
            )
            FROM unnest(%s::bigint[]) WITH ORDINALITY AS place (id, position)
            WHERE entry.id = place.id
            RETURNING entry.id, entry.number
            """,
            [posted_at, organization.pk, [entry.pk for entry in entries]],
        )
        numbers = dict(cursor.fetchall())
    for entry in entries:
        entry.number, entry.posted_at = numbers[entry.pk], posted_at


def _record(action: Action, entry: JournalEntry, draft: EntryDraft, *, actor: User | None, ip: str | None) -> None:
    total = sum((line.debit or Decimal(0) for line in draft.lines), Decimal(0))
    data = {"date": entry.date.isoformat(), "memo": entry.memo, "total": f"{total:.2f}", "currency": entry.currency}
    if entry.reverses:
        data["reverses"] = str(entry.reverses)
    recording.record(action, entry.organization, actor=actor, obj=entry, data=data, ip=ip)


def _in_batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _ROWS_PER_STATEMENT)):
        yield batch
