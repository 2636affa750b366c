"""What a person may type on the integrations' pages."""

import re
from collections.abc import Mapping

from django import forms

from integrations.models import SyncMode

_TARGET = re.compile(r"account-(\d{1,18})")
_LARGEST_ID = 2**63 - 1


class SyncModeForm(forms.Form):
    mode = forms.ChoiceField(
        choices=SyncMode.choices,
        error_messages={
            "required": "Choose Live, Batched or Off.",
            "invalid_choice": "Choose Live, Batched or Off.",
        },
    )


class StartForm(forms.Form):
    on = forms.DateField(
        input_formats=["%Y-%m-%d"],
        error_messages={
            "required": "Enter the first date to mirror, such as 2026-03-31.",
            "invalid": "Enter the first date to mirror, such as 2026-03-31.",
        },
    )


class MappingForm(forms.Form):
    """The mapping table: one field per row on the page, `account-` and our account's id, holding the id of a chart row
    or nothing. Whether a choice can stand is for `mapping.saving` to say."""

    def __init__(self, data: Mapping[str, str]) -> None:
        super().__init__(data)
        for name in data:
            if _TARGET.fullmatch(name):
                self.fields[name] = forms.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID)

    def choices(self) -> dict[int, int | None]:
        """Our account's id to the chosen chart row's id, where both can be read."""
        self.full_clean()
        return {_account_id(name): target_id for name, target_id in self.cleaned_data.items()}

    def unreadable(self) -> dict[int, str]:
        """A sentence for each of our accounts whose choice is not one the page offers."""
        return {_account_id(name): "Choose an account from the list." for name in self.errors}


def _account_id(field_name: str) -> int:
    return int(field_name.removeprefix("account-"))
