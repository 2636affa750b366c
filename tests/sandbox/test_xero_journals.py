import pytest

from .callers import DEMO_COMPANY, Xero, journal, messages

NO_ID = "00000000-0000-0000-0000-000000000000"


def elements(answer) -> list[dict]:
    assert answer.status_code == 200
    return answer.json["ManualJournals"]


def refusal(xero, body) -> list[str]:
    (element,) = elements(xero.put(body))
    assert element["StatusAttributeString"] == "ERROR"
    assert element["ManualJournalID"] == NO_ID
    return messages(element)


def not_valid(code: str) -> list[str]:
    return [f"Account code '{code}' is not a valid code for this document."]


def test_a_created_journal_answers_with_its_id_and_stands_in_the_books(xero):
    answer = xero.put(journal("ATH-1 Retainer to fees"))
    (element,) = elements(answer)
    assert answer.headers["Xero-Correlation-Id"]
    assert element["StatusAttributeString"] == "OK"
    assert element["ManualJournalID"] != NO_ID
    assert element["Date"] == "/Date(1772409600000+0000)/"
    assert element["LineAmountTypes"] == "NoTax"
    assert [line["LineAmount"] for line in element["JournalLines"]] == [1250.5, -1250.5]
    assert {line["TaxType"] for line in element["JournalLines"]} == {"NONE"}
    books = xero.books()
    assert books["journals"] == 1
    assert books["totals"] == {"debits": "1250.50", "credits": "1250.50"}
    fees = next(account for account in books["accounts"] if account["number"] == "4000")
    assert (fees["debits"], fees["credits"]) == ("0.00", "1250.50")


def test_the_default_status_is_draft_and_a_draft_counts_in_no_total(xero):
    (element,) = elements(xero.put(journal(Status=None)))
    assert element["Status"] == "DRAFT"
    books = xero.books()
    assert (books["journals"], books["drafts"], books["totals"]["debits"]) == (0, 1, "0.00")


@pytest.mark.parametrize(
    "given", ["2026-03-02", "2026-03-02T00:00:00", "/Date(1772409600000)/", "/Date(1772409600000+0000)/"]
)
def test_dates_are_taken_in_both_forms(xero, given):
    (element,) = elements(xero.put(journal(Date=given)))
    assert element["Date"] == "/Date(1772409600000+0000)/"


def test_post_creates_too_and_one_bare_journal_is_enough(xero):
    answer = xero.call("POST", "ManualJournals", json=journal(), query_string={"summarizeErrors": "false"})
    assert len(elements(answer)) == 1


def test_without_accept_json_the_answer_is_xml(xero):
    answer = xero.call("PUT", "ManualJournals", json=journal(), headers={"Accept": ""})
    assert answer.content_type.startswith("application/xml")
    assert "<ManualJournals><ManualJournal><ManualJournalID>" in answer.text


@pytest.mark.parametrize(
    "code",
    [
        "1000",  # BANK
        "1200",  # DEBTORS
        "2000",  # CREDITORS
        "3200",  # RETAINEDEARNINGS
        "6800",  # BANKCURRENCYGAIN
        "6810",  # UNREALISEDCURRENCYGAIN
        "2420",  # TRACKINGTRANSFERS
        "2220",  # UNPAIDEXPCLM
        "2210",  # WAGEPAYABLES
        "2300",  # GST
        "2400",  # ROUNDING
        "1350",  # INVENTORY
        "5555",  # unknown
    ],
)
def test_bank_system_inventory_and_unknown_accounts_get_the_same_words(xero, code):
    assert refusal(xero, journal(debit=code)) == not_valid(code)
    assert xero.books()["journals"] == 0


@pytest.mark.parametrize("code", ["2410", "6820", "1150", "1210"])  # HISTORICAL, REALISEDCURRENCYGAIN, plain, ""
def test_historical_realised_gains_and_plain_accounts_take_journals(xero, code):
    (element,) = elements(xero.put(journal(debit=code)))
    assert element["StatusAttributeString"] == "OK"


def test_the_real_demo_chart_refuses_its_bank_payables_and_archived_accounts(client):
    demo = Xero(client, DEMO_COMPANY).connected()
    assert refusal(demo, journal(debit="099", credit="200")) == not_valid("099")
    assert refusal(demo, journal(debit="800", credit="200")) == not_valid("800")
    assert refusal(demo, journal(debit="473", credit="200")) == [
        "Account code '473' has been archived, or has been deleted. Each line item must reference a valid account."
    ]


def test_a_journal_out_of_balance_is_refused_with_both_totals(xero):
    lines = [{"LineAmount": 100, "AccountCode": "2100"}, {"LineAmount": -10, "AccountCode": "4000"}]
    told = refusal(xero, journal(JournalLines=lines))
    assert told == ["The total debits (100.00) must equal total credits (-10.00)"]


@pytest.mark.parametrize(
    "body",
    [
        journal(Narration=""),
        journal(JournalLines=[{"LineAmount": 0, "AccountCode": "2100"}]),
        journal(JournalLines=[]),
        journal(amount="10.005"),
        journal(amount="10000000000.00"),
        journal(debit=""),
        journal(Status="VOIDED"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_not_stored(xero, body):
    assert refusal(xero, body)
    assert xero.books()["journals"] == 0


def test_an_account_by_id_alone_is_refused(xero):
    account = xero.call("GET", "Accounts").json["Accounts"][3]
    lines = [{"LineAmount": 5, "AccountID": account["AccountID"]}, {"LineAmount": -5, "AccountCode": "4000"}]
    assert refusal(xero, journal(JournalLines=lines))


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (journal(LineAmountTypes="NO_TAX"), "ManualJournals[0].LineAmountTypes"),
        (journal(Status="FINAL"), "ManualJournals[0].Status"),
        (journal(Date="2 March"), "ManualJournals[0].Date"),
        (journal(JournalLines="none"), "ManualJournals[0].JournalLines"),
    ],
)
def test_a_value_that_cannot_be_read_refuses_the_whole_request_with_error_14(xero, body, path):
    answer = xero.put(journal(), body)
    assert answer.status_code == 400
    assert (answer.json["ErrorNumber"], answer.json["Type"]) == (14, "PostDataInvalidException")
    assert "Elements" not in answer.json
    assert path.replace("[0]", "[1]") in answer.json["Message"]
    assert xero.books()["journals"] == 0


def test_a_broken_body_is_error_14_and_an_empty_one_error_17(xero):
    assert xero.call("PUT", "ManualJournals", data=b"{").json["ErrorNumber"] == 14
    assert xero.call("PUT", "ManualJournals", data=b"").json["ErrorNumber"] == 17


@pytest.mark.parametrize("spelling", ["false", "False", "FALSE"])
def test_without_summarising_good_and_bad_are_answered_side_by_side_in_order(xero, spelling):
    answer = xero.put(journal("one"), journal("two", debit="1000"), journal("three"), summarize=spelling)
    assert [element["StatusAttributeString"] for element in elements(answer)] == ["OK", "ERROR", "OK"]
    assert [element["Narration"] for element in elements(answer)] == ["one", "two", "three"]
    assert xero.books()["journals"] == 2


@pytest.mark.parametrize("spelling", [None, "true", "True"])
def test_summarising_answers_400_with_the_bad_ones_only_while_the_good_ones_are_stored(xero, spelling):
    answer = xero.put(journal("one"), journal("two", debit="1000"), summarize=spelling)
    assert answer.status_code == 400
    assert (answer.json["ErrorNumber"], answer.json["Type"]) == (10, "ValidationException")
    assert answer.json["Message"] == "A validation exception occurred"
    (bad,) = answer.json["Elements"]
    assert (bad["Narration"], messages(bad)) == ("two", not_valid("1000"))
    assert xero.books()["journals"] == 1


def test_the_parameter_name_may_be_in_any_case(xero):
    answer = xero.call("PUT", "ManualJournals", json=journal(debit="1000"), query_string={"SummarizeErrors": "False"})
    assert answer.status_code == 200


PERIOD = "The document date cannot be before the period lock date, currently set at 02-Mar-2026"
YEAR = "The document date cannot be before the end of year lock date, currently set at 02-Mar-2026"


def test_lock_dates_refuse_their_own_day_with_one_message_each(xero):
    xero.control("settings", {"period_lock_date": "2026-03-02", "end_of_year_lock_date": "2026-03-02"})
    assert refusal(xero, journal()) == [PERIOD, YEAR]
    (element,) = elements(xero.put(journal(Date="2026-03-03")))
    assert element["StatusAttributeString"] == "OK"


def test_an_adviser_passes_the_period_lock_but_not_the_end_of_year(xero):
    xero.control("settings", {"period_lock_date": "2026-03-02", "user_is_adviser": True})
    (element,) = elements(xero.put(journal()))
    assert element["StatusAttributeString"] == "OK"
    xero.control("settings", {"end_of_year_lock_date": "2026-03-02"})
    assert refusal(xero, journal()) == [YEAR]


def test_a_draft_is_taken_in_a_locked_period(xero):
    xero.control("settings", {"end_of_year_lock_date": "2026-03-02"})
    (element,) = elements(xero.put(journal(Status="DRAFT")))
    assert element["StatusAttributeString"] == "OK"


def test_the_organisation_tells_currency_and_lock_dates_once_set(xero):
    (held,) = xero.call("GET", "Organisation").json["Organisations"]
    assert (held["Name"], held["BaseCurrency"], held["IsDemoCompany"]) == ("Park & Lowe LLP", "USD", False)
    assert "PeriodLockDate" not in held
    xero.control("settings", {"period_lock_date": "2025-12-31"})
    (held,) = xero.call("GET", "Organisation").json["Organisations"]
    assert held["PeriodLockDate"] == "/Date(1767139200000+0000)/"


def test_the_actions_tell_what_the_connected_person_may_do(xero):
    told = {row["Name"]: row["Status"] for row in xero.call("GET", "Organisation/Actions").json["Actions"]}
    assert told["CreateManualJournal"] == "ALLOWED"
    assert told["ApproveTransactionsBeforePeriodLockDate"] == "NOT-ALLOWED"


def test_the_chart_has_bank_accounts_without_code_archived_and_system_accounts(xero, client):
    chart = xero.call("GET", "Accounts").json["Accounts"]
    assert any("Code" not in account and account["Type"] == "BANK" for account in chart)
    assert {account.get("SystemAccount") for account in chart} >= {None, "", "DEBTORS", "CREDITORS"}
    assert any(account["Status"] == "ARCHIVED" for account in chart)
    demo = Xero(client, DEMO_COMPANY).connected().call("GET", "Accounts").json["Accounts"]
    assert len(demo) == 56
    assert {account["Class"] for account in demo} == {"ASSET", "LIABILITY", "EQUITY", "REVENUE", "EXPENSE"}
