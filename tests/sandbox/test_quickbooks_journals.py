import pytest

from .callers import FYLE_REALM, OTHER_REALM, QuickBooks, entry, line

INACTIVE = (
    "Object Not Found : Something you're trying to use has been made inactive. Check the fields with accounts,"
    " customers, items, vendors or employees."
)


def only_error(answer) -> dict[str, str]:
    assert answer.status_code == 400
    assert answer.json["Fault"]["type"] == "ValidationFault"
    (error,) = answer.json["Fault"]["Error"]
    return error


def test_a_created_entry_answers_with_its_id_and_stands_in_the_books(quickbooks):
    answer = quickbooks.post(entry(DocNumber="ATH-1", PrivateNote="Retainer to fees"))
    assert answer.status_code == 200
    assert answer.headers["intuit_tid"]
    created = answer.json["JournalEntry"]
    assert (created["Id"], created["SyncToken"], created["DocNumber"]) == ("228", "0", "ATH-1")
    assert [shown["Id"] for shown in created["Line"]] == ["0", "1"]
    assert created["Line"][0]["JournalEntryLineDetail"]["AccountRef"] == {
        "value": "17",
        "name": "Client Trust Liability",
    }
    assert answer.json["time"] == "2026-03-02T04:00:00.000-08:00"
    books = quickbooks.books()
    assert books["journals"] == 1
    assert books["totals"] == {"debits": "1250.50", "credits": "1250.50"}
    trust = next(account for account in books["accounts"] if account["number"] == "2100")
    assert (trust["debits"], trust["credits"]) == ("1250.50", "0.00")


def test_amounts_may_be_numbers_or_text_and_stay_exact(quickbooks):
    for amount in (0.07, "0.07", 9999999999999.99):
        assert quickbooks.post(entry(amount=amount)).status_code == 200
    assert quickbooks.books()["totals"]["debits"] == "10000000000000.13"


def test_a_bank_account_takes_a_journal_entry(quickbooks):
    assert quickbooks.post(entry(debit="1")).status_code == 200


def test_without_a_date_the_servers_day_is_taken(quickbooks):
    answer = quickbooks.post({"Line": entry()["Line"]})
    assert answer.json["JournalEntry"]["TxnDate"] == "2026-03-02"


def test_without_accept_json_the_answer_is_xml(quickbooks):
    answer = quickbooks.call("POST", "journalentry", accept=None, json=entry())
    assert answer.content_type.startswith("application/xml")
    assert '<AccountRef name="Legal Fees">26</AccountRef>' in answer.text
    refused = quickbooks.call("POST", "journalentry", accept="*/*", json={"Line": []})
    assert '<Fault type="ValidationFault"><Error code="2250" element="Line">' in refused.text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"TxnDate": "2026-03-02"}, "2250"),
        (entry(Lines=[]), "2010"),
        (entry(DocNumber="N" * 22), "2050"),
        (entry(PrivateNote="N" * 4001), "2050"),
        (entry(TxnDate="02/03/2026"), "2060"),
        (entry(CurrencyRef={"value": "EUR"}), "2220"),
        (entry(amount="1.005"), "2140"),
        (entry(amount="ten"), "2140"),
        (entry(amount=1e16), "2140"),
    ],
)
def test_what_breaks_a_rule_of_form_is_refused_with_intuits_code(quickbooks, body, code):
    refused = quickbooks.post(body)
    assert refused.status_code == 400
    assert {error["code"] for error in refused.json["Fault"]["Error"]} == {code}
    assert quickbooks.books()["journals"] == 0


@pytest.mark.parametrize(
    ("bad_line", "code", "element"),
    [
        ({"Amount": 5, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": {"PostingType": "Debit"}},
         "2020", "AccountRef"),
        ({"Amount": 5, "JournalEntryLineDetail": {}}, "2020", "DetailType"),
        (line("Debit", "17", None), "2020", "Amount"),
        (line("debit", "17", 5), "2260", "PostingType"),
        (line("Debit", "17", -5), "2290", "Amount"),
        (line("Debit", "17", 5, Account="17"), "2010", ""),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_intuits_code(quickbooks, bad_line, code, element):
    error = only_error(quickbooks.post({"TxnDate": "2026-03-02", "Line": [bad_line, line("Credit", "26", 5)]}))
    assert (error["code"], error["element"]) == (code, element)


def test_a_missing_account_is_told_in_intuits_words(quickbooks):
    lines = [line("Debit", "", 5), line("Credit", "26", 5)]
    error = only_error(quickbooks.post({"Line": lines}))
    assert error["Detail"] == "Required parameter AccountRef is missing in the request"


def test_an_unknown_account_is_named_in_2500(quickbooks):
    error = only_error(quickbooks.post(entry(debit="3333")))
    assert error["code"] == "2500"
    assert error["Detail"] == "Invalid Reference Id : Accounts element id 3333 not found"


def test_an_account_of_the_chart_that_is_inactive_is_refused_with_610(quickbooks):
    inactive = quickbooks.query("select * from Account where Active in (false)").json["QueryResponse"]["Account"]
    error = only_error(quickbooks.post(entry(debit=inactive[0]["Id"])))
    assert (error["code"], error["Message"], error["Detail"]) == ("610", "Object Not Found", INACTIVE)


def test_every_bad_line_is_reported(quickbooks):
    refused = quickbooks.post(entry(debit="3333", credit="4444"))
    assert [error["Detail"] for error in refused.json["Fault"]["Error"]] == [
        "Invalid Reference Id : Accounts element id 3333 not found",
        "Invalid Reference Id : Accounts element id 4444 not found",
    ]


def test_unequal_sides_are_refused_to_the_cent(quickbooks):
    lines = [line("Debit", "17", "100.00"), line("Credit", "26", "99.99")]
    error = only_error(quickbooks.post({"Line": lines}))
    assert (error["code"], error["Message"]) == ("2300", "Amount on debits not equal to credits")


def test_fewer_than_two_detail_lines_are_refused_and_a_line_of_text_is_not_one(quickbooks):
    lines = [line("Debit", "17", 0), {"DetailType": "DescriptionOnly", "Description": "Only words"}]
    error = only_error(quickbooks.post({"Line": lines}))
    assert error["code"] == "6000"
    assert error["Detail"].endswith("Fill out at least two detail lines to continue.")


def test_a_non_posting_account_is_refused(quickbooks):
    account = quickbooks.account_id("8000")
    assert only_error(quickbooks.post(entry(debit=account)))["code"] == "6430"


def test_a_receivable_line_wants_a_customer(quickbooks):
    receivable = quickbooks.account_id("1200")
    error = only_error(quickbooks.post(entry(debit=receivable)))
    assert error["code"] == "6000"
    assert error["Detail"].endswith("When you use Accounts Receivable, you must choose a customer in the Name field.")
    customer = {"Type": "Customer", "EntityRef": {"value": "58"}}
    lines = [line("Debit", receivable, 5, Entity=customer), line("Credit", "26", 5)]
    assert quickbooks.post({"Line": lines}).status_code == 200
    lines[0] = line("Debit", receivable, 5, Entity={"Type": "Customer", "EntityRef": {"value": "59"}})
    assert (
        only_error(quickbooks.post({"Line": lines}))["Detail"] == "Invalid Reference Id : Names element id 59 not found"
    )


def test_a_payable_line_wants_a_vendor(quickbooks):
    payable = quickbooks.account_id("2000")
    customer = {"Type": "Customer", "EntityRef": {"value": "58"}}
    lines = [line("Debit", "17", 5), line("Credit", payable, 5, Entity=customer)]
    assert only_error(quickbooks.post({"Line": lines}))["code"] == "6000"
    lines[1] = line("Credit", payable, 5, Entity={"Type": "Vendor", "EntityRef": {"value": "41"}})
    assert quickbooks.post({"Line": lines}).status_code == 200


def test_a_foreign_currency_account_is_refused(client):
    fyle = QuickBooks(client, FYLE_REALM).connected()
    pounds = "158"
    error = only_error(fyle.post(entry(debit=pounds, credit="105")))
    assert error["code"] == "6000"


def test_a_date_in_closed_books_is_refused_with_6210_and_the_day_after_is_not(quickbooks):
    quickbooks.control("settings", {"book_close_date": "2026-03-02"})
    error = only_error(quickbooks.post(entry()))
    assert (error["code"], error["Message"]) == (
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
    )
    assert quickbooks.post(entry(TxnDate="2026-03-03")).status_code == 200


def test_a_second_entry_under_one_number_is_refused_with_6140_naming_the_first(quickbooks):
    quickbooks.post(entry(DocNumber="ATH-1"))
    error = only_error(quickbooks.post(entry(DocNumber="ATH-1")))
    assert error["code"] == "6140"
    assert error["Message"] == "Duplicate Document Number Error"
    assert error["Detail"].endswith("DocNumber=ATH-1 is assigned to TxnType=Journal Entry with TxnId=228")


def test_without_the_companys_warning_or_with_the_include_a_number_may_repeat(quickbooks):
    quickbooks.post(entry(DocNumber="ATH-1"))
    assert quickbooks.post(entry(DocNumber="ATH-1"), include="allowduplicatedocnum").status_code == 200
    quickbooks.control("settings", {"warn_duplicate_journal_number": False})
    assert quickbooks.post(entry(DocNumber="ATH-1")).status_code == 200
    assert quickbooks.books()["duplicates"] == ["ATH-1"]


def test_the_same_requestid_gives_the_first_answer_again_and_enters_nothing(quickbooks):
    first = quickbooks.post(entry(), requestid="r-1")
    again = quickbooks.post(entry(amount=77), requestid="r-1")
    assert again.data == first.data
    assert quickbooks.books()["journals"] == 1


def test_a_requestid_is_known_to_its_own_company_only(client, quickbooks):
    quickbooks.post(entry(), requestid="r-1")
    other = QuickBooks(client, OTHER_REALM).connected()
    assert other.post(entry(), requestid="r-1").status_code == 200
    assert other.books()["journals"] == 1


def test_a_refused_entry_is_judged_anew_under_the_same_requestid(quickbooks):
    assert quickbooks.post(entry(debit="3333"), requestid="r-1").status_code == 400
    assert quickbooks.post(entry(), requestid="r-1").status_code == 200


def test_a_requestid_may_have_fifty_characters_and_no_more(quickbooks):
    assert quickbooks.post(entry(), requestid="r" * 50).status_code == 200
    assert only_error(quickbooks.post(entry(), requestid="r" * 51))["code"] == "2130"


def test_a_body_that_is_not_json_is_refused(quickbooks):
    answer = quickbooks.call("POST", "journalentry", data=b"<JournalEntry/>")
    assert answer.status_code == 400
