"""What a person may type to post an entry or to reverse one."""

import datetime
import re
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict

from athenty.organizations.models import Organization
from ledger.models import LONGEST_DESCRIPTION, LONGEST_MEMO, LONGEST_REFERENCE, Account
from ledger.posting import EntryDraft, EntryLine

LINES_SHOWN = 6
_MOST_LINES = 500


class MoneyField(forms.DecimalField):
    """An amount as people write it, also with thousands separators: `1,234.50`. Zero counts as empty."""

    def __init__(self, *, label: str) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "money", "size": "12"}
        super().__init__(
            label=label,
            required=False,
            min_value=Decimal(0),
            max_digits=14,
            decimal_places=2,
            widget=forms.TextInput(attrs=attrs),
            error_messages={
                "invalid": "Enter an amount such as 1,234.50.",
                "min_value": "Enter a positive amount, or use the other column.",
                "max_decimal_places": "Enter at most two decimals.",
            },
        )

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # the stubs have IntegerField's type
        text = str(value or "").strip()
        # Only commas between thousands: where 1,50 means one and a half it must not become 150.
        if re.fullmatch(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", text):
            text = text.replace(",", "")
        return super().to_python(text) or None


class EntryForm(forms.Form):
    """The head of an entry. `key` was drawn when the form was shown, so sending the form twice posts once."""

    date = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    memo = forms.CharField(max_length=LONGEST_MEMO)
    reference = forms.CharField(max_length=LONGEST_REFERENCE, required=False)
    key = forms.UUIDField(widget=forms.HiddenInput)


class LineForm(forms.Form):
    account = forms.CharField(
        required=False, max_length=200, widget=forms.TextInput(attrs={"list": "accounts", "autocomplete": "off"})
    )
    """A number, or what the list offers: `1100 Trust Bank`. One list serves every line, so that there may be many."""
    debit = MoneyField(label="Debit")
    credit = MoneyField(label="Credit")
    description = forms.CharField(max_length=LONGEST_DESCRIPTION, required=False)

    def __init__(self, *args: Any, accounts: dict[str, Account], row: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = accounts
        for name, field in self.fields.items():
            # Sighted people read the column's header; the label is for everyone else.
            field.widget.attrs["aria-label"] = f"Line {row}, {name}"

    def clean_account(self) -> Account | None:
        typed = str(self.cleaned_data["account"])
        if not typed:
            return None
        number = re.match(r"[0-9]+(?=\s|$)", typed)
        by_number = self.accounts.get(number[0]) if number else None
        named = [account for account in self.accounts.values() if account.name.lower() == typed.lower()]
        found = by_number or (named[0] if len(named) == 1 else None)
        if found is None:
            raise forms.ValidationError(f"No active account is called “{typed}”. Choose one from the list.")
        return found

    def clean(self) -> None:
        entered = self.cleaned_data
        has_amount = bool(entered.get("debit") or entered.get("credit"))
        if self.errors or not (has_amount or entered.get("account") or entered.get("description")):
            return
        if not entered.get("account"):
            self.add_error("account", "Choose the account of this line.")
        if entered.get("debit") and entered.get("credit"):
            self.add_error("credit", "Enter a debit or a credit, not both.")
        if not has_amount:
            self.add_error("debit", "Enter a debit or a credit.")

    def amount(self, side: str) -> Decimal:
        """What stands in that column, checked or not; zero for what is no amount."""
        try:
            return self.fields[side].clean(self[side].value()) or Decimal(0)
        except forms.ValidationError:
            return Decimal(0)

    @property
    def line(self) -> EntryLine | None:
        """None when the row was left empty."""
        entered = self.cleaned_data
        if not entered.get("account"):
            return None
        return EntryLine(entered["account"], entered["debit"], entered["credit"], entered["description"])


class EntrySheet:
    """The whole form, a head and some lines: empty, or as typed, and then checked unless it only grows by lines."""

    def __init__(
        self,
        organization: Organization,
        typed: QueryDict | None = None,
        *,
        today: datetime.date,
        check: bool = True,
    ) -> None:
        accounts = {account.number: account for account in Account.objects.for_organization(organization).active()}
        self.accounts = accounts.values()
        data = typed if check else None
        new = {"date": today, "key": uuid.uuid4()}
        self.head = EntryForm(data, initial=new if typed is None else _as_typed(EntryForm, typed))
        self.lines = []
        self.is_too_long = _rows_in(typed) > _MOST_LINES
        for row in range(1, min(_rows_in(typed), _MOST_LINES) + 1):
            prefix = f"line-{row}"
            initial = _as_typed(LineForm, typed or QueryDict(), f"{prefix}-")
            self.lines.append(LineForm(data, initial=initial, prefix=prefix, accounts=accounts, row=row))

    def is_valid(self) -> bool:
        if self.is_too_long:
            self.head.add_error(None, f"An entry takes at most {_MOST_LINES} lines here. Import a longer one.")
        return all([self.head.is_valid(), *[line.is_valid() for line in self.lines]])

    def draft(self) -> EntryDraft:
        head = self.head.cleaned_data
        return EntryDraft(
            on=head["date"],
            memo=head["memo"],
            reference=head["reference"],
            lines=[form.line for form in self.lines if form.line],
            key=f"form:{head['key']}",
        )

    @property
    def totals(self) -> tuple[Decimal, Decimal]:
        """Debits and credits as typed so far; what is no amount counts as nothing."""
        debits = sum((line.amount("debit") for line in self.lines), Decimal("0.00"))
        credits = sum((line.amount("credit") for line in self.lines), Decimal("0.00"))
        return debits, credits

    def problems(self) -> list[tuple[str, str]]:
        """Each problem with the id of the field it is about, for the summary that links to them."""
        return [*problems_of(self.head), *(problem for line in self.lines for problem in problems_of(line))]


class ReversalForm(forms.Form):
    date = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    memo = forms.CharField(max_length=LONGEST_MEMO)
    key = forms.UUIDField(widget=forms.HiddenInput)


def problems_of(form: forms.Form) -> list[tuple[str, str]]:
    """Pairs of a field's id and what is wrong there; the id is empty for what is wrong with the whole."""
    return [problem for name, messages in form.errors.items() for problem in _named(form, name, messages)]


def _named(form: forms.Form, name: str, messages: Iterable[Any]) -> list[tuple[str, str]]:
    if name not in form.fields:
        return [("", str(message)) for message in messages]
    field = form[name]
    label = field.field.widget.attrs.get("aria-label", field.label)
    return [(field.id_for_label, f"{label}: {message}") for message in messages]


def _as_typed(form: type[forms.Form], typed: QueryDict, prefix: str = "") -> dict[str, str]:
    return {name: typed.get(f"{prefix}{name}", "") for name in form.base_fields}


def _rows_in(typed: QueryDict | None) -> int:
    text = typed.get("rows", "") if typed else ""
    return max(int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0, LINES_SHOWN)
