"""The list of what the sandbox imitates, item by item: complete, true to its tests, and the same in the README."""

import ast
import json
from functools import cache
from pathlib import Path

import pytest

import integrations.sandbox

from .callers import entry, journal

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = Path(integrations.sandbox.__file__).parent
LISTED = json.loads((SANDBOX / "fidelity.json").read_text(encoding="utf-8"))
# How many items the two fact sheets number.
ITEMS = {"quickbooks": range(1, 11), "xero": range(1, 13)}


@cache
def names_of_tests_in(path: str) -> set[str]:
    """Every test of a file, as the part of its node id behind the file."""
    found = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("entry_", LISTED, ids=lambda listed: f"{listed['provider']} {listed['item']} {listed['what']}")
def test_every_entry_names_a_module_and_a_test_that_exist(entry_):
    assert entry_.keys() == {"provider", "item", "what", "module", "test"}
    assert (SANDBOX / entry_["module"]).is_file()
    path, _, name = entry_["test"].partition("::")
    assert name in names_of_tests_in(path)


@pytest.mark.parametrize("provider", ITEMS)
def test_no_item_is_missing(provider):
    assert {listed["item"] for listed in LISTED if listed["provider"] == provider} == set(ITEMS[provider])


def test_nothing_is_listed_twice():
    named = [(listed["provider"], listed["item"], listed["what"]) for listed in LISTED]
    assert len(set(named)) == len(named)


def test_the_readme_shows_the_same_table():
    readme = (SANDBOX / "README.md").read_text(encoding="utf-8")
    for listed in LISTED:
        name = listed["test"].removeprefix("tests/sandbox/")
        assert f"| {listed['item']} | {listed['what']} | `{listed['module']}` | `{name}` |" in readme


def test_intuit_ignores_query_parameters_it_does_not_know(quickbooks):
    assert quickbooks.post(entry(), minorversion="75", colour="red").status_code == 200


@pytest.mark.usefixtures("limits")
def test_a_hundred_and_twenty_batches_a_minute_are_taken_from_all_apps_together(quickbooks, limits, app):
    quickbooks.batch({"a": entry()})
    limits.sliding["batch", quickbooks.realm].count(app.extensions["sandbox"].clock.now(), 119)
    assert quickbooks.batch({"a": entry()}).status_code == 429


def test_a_currency_on_a_xero_journal_changes_nothing(xero):
    (stored,) = xero.put(journal(CurrencyCode="EUR", CurrencyRate=2)).json["ManualJournals"]
    assert stored["StatusAttributeString"] == "OK"
    assert not {"CurrencyCode", "CurrencyRate"} & set(stored)
    assert xero.books()["totals"]["debits"] == "1250.50"
