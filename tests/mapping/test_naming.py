"""Which account is meant by what a person types."""

import pytest

from integrations.mapping.naming import ChartNames, NotInChart
from integrations.models import ChartAccount

CHART = [
    ("1", "1000", "Operating Bank"),
    ("2", "090", "Savings"),
    ("3", "", "Matters:Litigation"),
    ("4", "4000", "Sales"),
    ("5", "4100", "Sales"),
    ("6", "", "Twin"),
    ("7", "", "Twin"),
]


def chart() -> list[ChartAccount]:
    return [
        ChartAccount(pk=int(remote_id), remote_id=remote_id, number=number, name=name)
        for remote_id, number, name in CHART
    ]


@pytest.mark.parametrize(
    ("text", "remote_id"),
    [
        ("1000 · Operating Bank", "1"),
        ("1000 operating  bank", "1"),
        ("1000 - Operating Bank", "1"),
        ("  1000 ", "1"),
        ("OPERATING BANK", "1"),
        ("090", "2"),
        ("Matters:Litigation", "3"),
        ("litigation", "3"),
        ("4100", "5"),
        ("4100 · Sales", "5"),
        ("Twin (id 7)", "7"),
    ],
)
def test_a_label_a_number_or_a_name_will_do(text, remote_id):
    assert ChartNames(chart(), provider="QuickBooks").meant_by(text).remote_id == remote_id


@pytest.mark.parametrize(("text", "number"), [("Sales", 2), ("Twin", 2)])
def test_a_name_that_two_have_needs_the_number(text, number):
    with pytest.raises(NotInChart, match=f"QuickBooks has {number} accounts called “{text}”. Type the number too."):
        ChartNames(chart(), provider="QuickBooks").meant_by(text)


@pytest.mark.parametrize("text", ["", "   ", "·", "Oper", "999", "\0", "=1+1", "x" * 10_000])
def test_what_names_nothing_is_said(text):
    with pytest.raises(NotInChart) as unknown:
        ChartNames(chart(), provider="Xero").meant_by(text)
    assert len(str(unknown.value)) < 200


def test_every_label_leads_back_to_its_account():
    names = ChartNames(chart(), provider="Xero")
    assert [names.meant_by(names.label(target)).pk for target in chart()] == [target.pk for target in chart()]


def test_an_account_that_left_gives_way_to_one_that_took_its_number():
    gone = ChartAccount(pk=8, remote_id="8", number="1000", name="Operating Bank", is_listed=False)
    names = ChartNames([*chart(), gone], provider="Xero")
    assert names.meant_by("1000 · Operating Bank").remote_id == "1"
    assert names.meant_by("1000").remote_id == "1"
    assert names.label(gone) == "1000 · Operating Bank (id 8)"
