"""What we send, and what the sandbox answers, against the schemas that Intuit and Xero publish."""

import json
import uuid
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies

from integrations.providers import PROVIDERS
from integrations.providers.base import DraftLine, JournalDraft
from integrations.providers.quickbooks import calls as quickbooks
from integrations.providers.xero import calls as xero
from tests.providers.examples import company
from tests.providers.sandbox_world import PARK_AND_LOWE, connect
from tests.providers.schemas import Violation, check_intuit, check_xero

both = pytest.mark.parametrize("name", PROVIDERS)
LARGEST = Decimal("9999999999.99")  # as both providers state it


def journal(lines: int = 2, *, amount: Decimal = Decimal("10.01"), memo: str = "Retainer moved") -> JournalDraft:
    """Debits and credits in turn. No schema asks whether they balance."""
    return JournalDraft(
        reference="ATH-4211-ABCDEFGH",
        on=date(2026, 3, 2),
        memo=memo,
        lines=tuple(
            DraftLine(
                account_id=str(uuid.UUID(int=number)),
                account_number=str(1000 + number),
                debit=None if number % 2 else amount,
                credit=amount if number % 2 else None,
                description=memo,
            )
            for number in range(lines)
        ),
    )


def check_request(name: str, body: bytes) -> None:
    if name == "quickbooks":
        check_intuit("IntuitBatchRequest", body)
    else:
        check_xero("ManualJournals", body)


# What we send --------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("lines", [2, 3, 7, 50, 199, 200])
def test_journals_of_any_length_are_valid(name, lines):
    check_request(name, PROVIDERS[name].seal([journal(lines)], company()).body)


@both
@pytest.mark.parametrize("amount", [Decimal("0.01"), Decimal("1E+3"), LARGEST], ids=str)
def test_the_smallest_and_the_largest_amounts_are_valid_and_written_out(name, amount):
    body = PROVIDERS[name].seal([journal(amount=amount)], company()).body
    check_request(name, body)
    assert f"{amount:.2f},".encode() in body


@both
@pytest.mark.parametrize(
    "memo",
    ["", "信託口座から売上へ 🏛", "Überweisung «ж» \u202e\u0301", 'a "b"\n\t\\c', "é" * 20_000, "𝔘" * 4001, "]]> <&>"],
    ids=lambda memo: ascii(memo[:12]),
)
def test_long_and_foreign_memos_are_valid(name, memo):
    check_request(name, PROVIDERS[name].seal([journal(memo=memo)], company()).body)


@both
def test_a_full_batch_is_valid(name):
    provider = PROVIDERS[name]
    check_request(name, provider.seal([journal()] * provider.limits.batch_size, company()).body)


# XML, unlike JSON, has no way to write most control characters.
texts = strategies.text(strategies.characters(exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"))


@both
@settings(max_examples=40)
@given(memo=texts, lines=strategies.integers(2, 20), amount=strategies.decimals("0.01", LARGEST, places=2))
def test_whatever_a_bookkeeper_writes_is_valid(name, memo, lines, amount):
    check_request(name, PROVIDERS[name].seal([journal(lines, amount=amount, memo=memo)], company()).body)


@pytest.mark.parametrize("lines", [0, 1])
def test_a_journal_without_two_lines_is_refused_by_its_reference(lines):
    with pytest.raises(ValueError, match=f"'ATH-4211-ABCDEFGH' has {lines} lines"):
        journal(lines)


@pytest.mark.parametrize(
    ("debit", "credit"),
    [
        (None, None),
        ("0.00", None),
        (None, "-1.00"),
        ("1.00", "1.00"),
        ("1.00", "0.00"),
        ("NaN", None),
        (None, "Infinity"),
    ],
)
def test_a_line_without_one_amount_above_zero_is_refused_by_its_account(debit, credit):
    with pytest.raises(ValueError, match="account 2100 needs a debit or a credit above zero"):
        DraftLine("81", "2100", debit and Decimal(debit), credit and Decimal(credit), "")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("quickbooks", b'"PostingType":"Debit"', b'"PostingType":"debit"'),
        ("quickbooks", b'"Amount":10.01', b'"Amount":"ten"'),
        ("quickbooks", b'"DocNumber"', b'"DocumentNumber"'),
        ("quickbooks", b'"LineNum":1', b'"LineNum":0'),
        ("xero", b'"LineAmountTypes":"NoTax"', b'"LineAmountTypes":"NO_TAX"'),
        ("xero", b'"LineAmount":10.01', b'"LineAmount":"10.01"'),
        ("xero", b'"Narration"', b'"Reference"'),
        ("xero", b'"AccountID":"0', b'"AccountID":"g'),
    ],
)
def test_the_schemas_find_what_is_wrong(name, old, new):
    """Else every test above could pass for no reason."""
    body = PROVIDERS[name].seal([journal()], company()).body
    assert old in body
    with pytest.raises(Violation):
        check_request(name, body.replace(old, new))


# What the sandbox answers --------------------------------------------------------------------------------------------


@pytest.fixture
def quickbooks_answers(sandbox, settings):
    """Ask QuickBooks' sandbox as its client does; the bodies of its answers."""
    tokens, _ = connect(PROVIDERS["quickbooks"], PARK_AND_LOWE["quickbooks"])
    base = f"{settings.QUICKBOOKS_API_URL}/v3/company/{PARK_AND_LOWE['quickbooks']}"
    headers = {
        "Authorization": f"Bearer {tokens.access_token}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }

    def ask(method: str, path: str, body: bytes = b"") -> bytes:
        return quickbooks.transport.call(method, f"{base}{path}?minorversion=75", headers=headers, body=body).body

    return ask


@pytest.mark.parametrize("path", [f"/companyinfo/{PARK_AND_LOWE['quickbooks']}", "/preferences"])
def test_the_sandbox_answers_settings_as_intuits_schema_has_them(quickbooks_answers, path):
    check_intuit("IntuitResponse", quickbooks_answers("GET", path))


def test_the_sandbox_answers_the_chart_as_intuits_schema_has_it(quickbooks_answers):
    statement = quickbooks.CHART_QUERY.format(start=1, count=1000)
    answer = quickbooks_answers("POST", "/query", statement.encode())
    assert len(json.loads(answer)["QueryResponse"]["Account"]) > 20
    check_intuit("IntuitResponse", answer)


def test_the_sandbox_answers_batches_as_intuits_schema_has_them(quickbooks_answers):
    statement = quickbooks.CHART_QUERY.format(start=1, count=1000)
    rows = json.loads(quickbooks_answers("POST", "/query", statement.encode()))["QueryResponse"]["Account"]
    bank = next(row["Id"] for row in rows if row["AccountType"] == "Bank")
    good = json.loads(PROVIDERS["quickbooks"].seal([journal()], company()).body)["BatchItemRequest"][0]
    for line in good["JournalEntry"]["Line"]:
        line["JournalEntryLineDetail"]["AccountRef"]["value"] = bank
    bad = json.loads(PROVIDERS["quickbooks"].seal([journal()] * 2, company()).body)["BatchItemRequest"][1]
    answer = quickbooks_answers("POST", "/batch", json.dumps({"BatchItemRequest": [good, bad]}).encode())
    items = json.loads(answer)["BatchItemResponse"]
    assert {"JournalEntry" in item for item in items} == {True, False}
    check_intuit("IntuitResponse", answer)


@pytest.fixture
def xero_answers(sandbox, settings):
    """Ask Xero's sandbox as its client does; the bodies of its answers."""
    tokens, _ = connect(PROVIDERS["xero"], PARK_AND_LOWE["xero"])
    headers = {
        "Authorization": f"Bearer {tokens.access_token}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "xero-tenant-id": PARK_AND_LOWE["xero"],
    }

    def ask(method: str, url: str, body: bytes = b"") -> bytes:
        return xero.transport.call(method, url, headers=headers, body=body).body

    return ask


@pytest.mark.parametrize(("path", "schema"), [("Organisation", "Organisations"), ("Accounts", "Accounts")])
def test_the_sandbox_answers_what_a_mirror_reads_as_xeros_schema_has_it(xero_answers, settings, path, schema):
    check_answer(schema, xero_answers("GET", f"{settings.XERO_API_URL}/{path}"))


def test_the_sandbox_lists_connections_as_xeros_schema_has_them(xero_answers, settings):
    connections = json.loads(xero_answers("GET", settings.XERO_CONNECTIONS_URL))
    assert connections
    for connection in connections:
        check_xero("Connection", json.dumps(connection).encode(), "xero_identity.yaml")


@pytest.mark.parametrize(("summarize", "schema"), [("false", "ManualJournals"), ("true", "Error")])
def test_the_sandbox_answers_journals_as_xeros_schema_has_them(xero_answers, settings, summarize, schema):
    chart = json.loads(xero_answers("GET", f"{settings.XERO_API_URL}/Accounts"))["Accounts"]
    usable = next(row for row in chart if row["Type"] == "CURRENT" and not row.get("SystemAccount"))
    good, bad = json.loads(PROVIDERS["xero"].seal([journal()] * 2, company()).body)["ManualJournals"]
    for line in good["JournalLines"]:
        line |= {"AccountCode": usable["Code"], "AccountID": usable["AccountID"]}
    answer = xero_answers(
        "PUT",
        f"{settings.XERO_API_URL}/ManualJournals?summarizeErrors={summarize}",
        json.dumps({"ManualJournals": [good, bad]}).encode(),
    )
    assert b"ValidationErrors" in answer
    check_answer(schema, answer)


def check_answer(schema: str, body: bytes) -> None:
    """Xero's schemas leave out the envelope that it puts around every answer."""
    envelope = {"Id", "Status", "ProviderName", "DateTimeUTC"}
    members = {name: member for name, member in json.loads(body).items() if name not in envelope}
    if schema == "Error":
        # The elements of an Error are named there by their errors alone; they are the journals that were sent.
        journals = [{n: m for n, m in element.items() if n != "ValidationErrors"} for element in members["Elements"]]
        check_xero("ManualJournals", json.dumps({"ManualJournals": journals}).encode())
        members["Elements"] = [{"ValidationErrors": element["ValidationErrors"]} for element in members["Elements"]]
    check_xero(schema, json.dumps(members).encode())
