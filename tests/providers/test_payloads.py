"""What we send, to the cent and to the byte."""

import json
import string
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies

from integrations.providers import PROVIDERS, exact_json
from integrations.providers.base import DraftLine, JournalDraft
from integrations.providers.quickbooks import payloads as quickbooks
from integrations.providers.xero import payloads as xero
from tests.providers.examples import company, draft

both = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)

amounts = strategies.decimals("0.01", "9999999999999.99", places=2)
texts = strategies.text(strategies.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
account_ids = strategies.text(string.hexdigits[:16], min_size=1, max_size=8)
references = strategies.text(string.digits + string.ascii_uppercase, min_size=1, max_size=17).map("ATH-{}".format)


@strategies.composite
def lines(draw) -> DraftLine:
    amount, is_debit = draw(amounts), draw(strategies.booleans())
    return DraftLine(
        account_id=draw(account_ids),
        account_number=draw(account_ids),
        debit=amount if is_debit else None,
        credit=None if is_debit else amount,
        description=draw(texts),
    )


@strategies.composite
def drafts(draw) -> JournalDraft:
    return JournalDraft(
        reference=draw(references),
        on=draw(strategies.dates(date(1990, 1, 1), date(2100, 12, 31))),
        memo=draw(texts),
        lines=tuple(draw(strategies.lists(lines(), min_size=2, max_size=6))),
    )


def read(body: bytes) -> dict:
    """As another program reads it, with the numbers' own digits."""
    return json.loads(body, parse_float=str, parse_int=str)


@settings(max_examples=40)
@given(strategies.lists(drafts(), min_size=1, max_size=3))
def test_quickbooks_gets_back_what_was_meant(journals):
    sealed = quickbooks.seal(journals)
    items = read(sealed.body)["BatchItemRequest"]
    assert [item["bId"] for item in items] == list(sealed.item_ids) == [str(n + 1) for n in range(len(journals))]
    for item, journal in zip(items, journals, strict=True):
        entry = item["JournalEntry"]
        assert (entry["DocNumber"], entry["TxnDate"]) == (journal.reference, journal.on.isoformat())
        assert entry.get("PrivateNote", "") == journal.memo
        for sent, line in zip(entry["Line"], journal.lines, strict=True):
            detail = sent["JournalEntryLineDetail"]
            assert sent["Amount"] == f"{line.debit or line.credit:.2f}"
            assert detail["PostingType"] == ("Debit" if line.debit else "Credit")
            assert detail["AccountRef"] == {"value": line.account_id}
            assert sent.get("Description", "") == line.description


@settings(max_examples=40)
@given(strategies.lists(drafts(), min_size=1, max_size=3))
def test_xero_gets_back_what_was_meant(journals):
    sealed = xero.seal(journals)
    assert list(sealed.item_ids) == [journal.reference for journal in journals]
    for sent, journal in zip(read(sealed.body)["ManualJournals"], journals, strict=True):
        assert sent["Narration"].split()[0] == journal.reference
        assert (sent["Date"], sent["Status"], sent["LineAmountTypes"]) == (journal.on.isoformat(), "POSTED", "NoTax")
        for line_sent, line in zip(sent["JournalLines"], journal.lines, strict=True):
            signed = line.debit if line.debit else -line.credit
            assert line_sent["LineAmount"] == f"{signed:.2f}"
            assert (line_sent["AccountCode"], line_sent["AccountID"]) == (line.account_number, line.account_id)


@both
@settings(max_examples=40)
@given(strategies.lists(drafts(), min_size=1, max_size=3))
def test_equal_drafts_give_equal_bytes(provider, journals):
    again = [JournalDraft(j.reference, j.on, j.memo, tuple(j.lines)) for j in journals]
    assert provider.seal(journals, company()) == provider.seal(again, company())


@both
@pytest.mark.parametrize("amount", ["0.001", "1.005", "0.1e-3"])
def test_an_amount_that_two_decimals_would_change_is_not_sealed(provider, amount):
    with pytest.raises(ValueError, match="two decimals"):
        provider.seal([draft(amount=amount)], company())


@both
@pytest.mark.parametrize(("amount", "text"), [("1E+3", "1000.00"), ("5", "5.00"), ("99999999999999.99",) * 2])
def test_an_amount_is_written_out_in_full(provider, amount, text):
    assert f"{text}," in provider.seal([draft(amount=amount)], company()).body.decode()


@pytest.mark.parametrize("reference", ["", "A" * 22])
def test_quickbooks_takes_no_reference_that_it_would_refuse(reference):
    with pytest.raises(ValueError, match="1 to 21"):
        quickbooks.seal([draft(reference)])


@pytest.mark.parametrize("reference", ["", "ATH 1", " ATH-1"])
def test_xero_takes_no_reference_that_is_not_one_word(reference):
    with pytest.raises(ValueError, match="one word"):
        xero.seal([draft(reference)])


def test_long_texts_are_cut_and_only_they():
    long = "é" * 5000
    entry = read(quickbooks.seal([draft(memo=long)]).body)["BatchItemRequest"][0]["JournalEntry"]
    assert (len(entry["PrivateNote"]), entry["PrivateNote"][-1]) == (4000, "…")
    journal = read(xero.seal([draft(memo=long)]).body)["ManualJournals"][0]
    assert len(journal["Narration"]) == 1000
    assert journal["Narration"].startswith("ATH-0000001 é")


def test_a_memo_and_a_description_that_are_empty_are_left_out():
    entry = read(quickbooks.seal([draft(memo="")]).body)["BatchItemRequest"][0]["JournalEntry"]
    assert "PrivateNote" not in entry
    assert "Description" not in entry["Line"][1]
    journal = read(xero.seal([draft(memo="")]).body)["ManualJournals"][0]
    assert journal["Narration"] == "ATH-0000001"
    assert "Description" not in journal["JournalLines"][1]


def test_an_entry_of_two_hundred_lines_is_not_split():
    pair = draft().lines
    journal = JournalDraft("ATH-1", date(2026, 3, 2), "", pair * 100)
    assert len(read(quickbooks.seal([journal]).body)["BatchItemRequest"][0]["JournalEntry"]["Line"]) == 200
    assert len(read(xero.seal([journal]).body)["ManualJournals"][0]["JournalLines"]) == 200


# JSON ----------------------------------------------------------------------------------------------------------------


@given(strategies.dictionaries(texts, strategies.one_of(texts, amounts, strategies.booleans(), strategies.none())))
def test_json_goes_there_and_back(value):
    assert exact_json.loads(exact_json.dumps(value)) == value


def test_json_is_compact_and_keeps_its_order():
    value = {"b": [Decimal("1.10"), 2, True, None], "a": 'é\n"'}
    assert exact_json.dumps(value) == '{"b":[1.10,2,true,null],"a":"é\\n\\""}'.encode()
