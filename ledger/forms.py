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
_MOST_LINES = 60


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
    account = forms.ChoiceField(required=False)
    debit = MoneyField(label="Debit")
    credit = MoneyField(label="Credit")
    description = forms.CharField(max_length=LONGEST_DESCRIPTION, required=False)

    def __init__(self, *args: Any, accounts: dict[str, Account], row: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accounts = accounts
        choices = [("", "Choose an account"), *((number, str(account)) for number, account in accounts.items())]
        self.fields["account"] = forms.ChoiceField(choices=choices, required=False)
        for name, field in self.fields.items():
            # Sighted people read the column's header; the label is for everyone else.
            field.widget.attrs["aria-label"] = f"Line {row}, {name}"

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

    @property
    def line(self) -> EntryLine | None:
        """None when the row was left empty."""
        entered = self.cleaned_data
        if not entered.get("account"):
            return None
        account = self.accounts[entered["account"]]
        return EntryLine(account, entered["debit"], entered["credit"], entered["description"])


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
        data = typed if check else None
        new = {"date": today, "key": uuid.uuid4()}
        self.head = EntryForm(data, initial=new if typed is None else _as_typed(EntryForm, typed))
        self.lines = []
        for row in range(1, _rows_in(typed) + 1):
            prefix = f"line-{row}"
            initial = _as_typed(LineForm, typed or QueryDict(), f"{prefix}-")
            self.lines.append(LineForm(data, initial=initial, prefix=prefix, accounts=accounts, row=row))

    def is_valid(self) -> bool:
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
    asked = int(text) if text.isdecimal() and len(text) < 4 else LINES_SHOWN
    return min(max(asked, LINES_SHOWN), _MOST_LINES)
