"""Companies, journals and tokens for the provider tests."""

from datetime import date
from decimal import Decimal

from integrations.providers.base import Company, DraftLine, JournalDraft, Provider, SealedSend

ACCESS_TOKEN = "eyJhbGciOi.eyJhdXRoIjoxfQ.c2lnbmF0dXJl"
REFRESH_TOKEN = "RT1-17-H0-a-refresh-token-of-the-test"


def company(**changes: object) -> Company:
    return Company(**{"id": "9130350000000001", "name": "Harbor Law LLP", "home_currency": "USD"} | changes)


def draft(
    reference: str = "ATH-0000001",
    *,
    amount: str = "125.00",
    memo: str = "Retainer moved to fees",
    debit_account: tuple[str, str] = ("81", "2100"),
    credit_account: tuple[str, str] = ("12", "4000"),
    on: date = date(2026, 3, 2),
) -> JournalDraft:
    """A two-line journal. Accounts are given as (id, number)."""
    money = Decimal(amount)
    return JournalDraft(
        reference=reference,
        on=on,
        memo=memo,
        lines=(
            DraftLine(*debit_account, debit=money, credit=None, description="Matter 118"),
            DraftLine(*credit_account, debit=None, credit=money, description=""),
        ),
    )


def sealed_send(
    provider: Provider, *drafts: JournalDraft, key: str = "0" * 32, of: Company | None = None
) -> SealedSend:
    of = of or company()
    sealed = provider.seal(drafts, of)
    return SealedSend(
        company_id=of.id,
        idempotency_key=key,
        body=sealed.body,
        references=tuple(draft.reference for draft in drafts),
        item_ids=sealed.item_ids,
    )
