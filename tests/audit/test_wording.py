"""What was recorded, in words."""

import re

import pytest

from audit.actions import Action
from audit.templatetags.audit_details import details
from audit.wording import PROVIDERS
from integrations.models.connection import ProviderName


def shown(**data: object) -> list[str]:
    """The lines of the Details column, without their markup."""
    lines = re.split(r"</div>|</li>|<ul[^>]*>", details(data))
    return [text for line in lines if (text := re.sub(r"<[^>]+>", "", line).strip())]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ({"from": "live", "to": "off"}, ["Live → Off"]),
        ({"provider": "xero", "company": "Park & Lowe LLP"}, ["Company: Park &amp; Lowe LLP", "Provider: Xero"]),
        ({"cause": "revoked_at_provider"}, ["Why: the access was ended at the provider"]),
        ({"entries": [31, 32, 33]}, ["Entries: JE-31, JE-32, JE-33"]),
        ({"entries": 1200}, ["Entries: 1,200"]),
        ({"from": "2026-03-12", "entries": 3}, ["From: 12 Mar 2026", "Entries: 3"]),
        ({"date": "2026-03-12", "total": "5000.00", "currency": "USD"}, ["Date: 12 Mar 2026", "Total: 5,000.00 USD"]),
        ({"provider_code": "2500", "memo": ""}, ["Memo: none", "Provider&#x27;s code: 2500"]),
        ({"filter": {"first": "2026-03-01", "person": "Ada"}}, ["Filter: from 1 Mar 2026, person Ada"]),
        ({"something_new": None, "is_new": True}, ["Is new: yes", "Something new: none"]),
        ({}, []),
    ],
)
def test_data_reads_as_a_person_would_say_it(data, lines):
    assert shown(**data) == lines


def test_a_changed_mapping_shows_each_account_before_and_after():
    changes = [
        {"account": "1100 Trust Bank", "from": "", "to": "1100 · Trust Account (id 47)"},
        {"account": "4000 Revenue", "from": "200 · Sales (id 12)", "to": ""},
    ]
    assert shown(provider="quickbooks", changes=changes) == [
        "1100 Trust Bank: none → 1100 · Trust Account (id 47)",
        "4000 Revenue: 200 · Sales (id 12) → none",
        "Provider: QuickBooks Online",
    ]


def test_a_long_list_is_cut_and_says_by_how_many():
    changes = [{"account": str(number), "from": "", "to": "x"} for number in range(500)]
    assert "and 488 more, in the export" in details({"changes": changes})
    assert "and 88 more, in the export" in details({"entries": list(range(100))})


def test_what_was_recorded_is_text_and_never_markup():
    assert "<script>" not in details({"memo": "<script>", "changes": ["<script>"], "<script>": "<script>"})


def test_every_provider_has_its_name_here():
    assert dict(ProviderName.choices) == PROVIDERS


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("integration.connected", "Accounting system connected"),
        ("integration.disconnected", "Accounting system disconnected"),
        ("integration.sync_mode_updated", "Sync mode changed"),
        ("integration.mapping_updated", "Account mapping changed"),
        ("integration.sync_failed", "Sync failed"),
    ],
)
def test_every_event_that_the_product_page_names_is_there_in_words(code, words):
    assert Action(code).label == words
