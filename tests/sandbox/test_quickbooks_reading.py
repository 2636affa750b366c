import pytest

from .callers import FYLE_REALM, QuickBooks, entry


def accounts(answer) -> list[dict]:
    assert answer.status_code == 200
    return answer.json["QueryResponse"].get("Account", [])


def test_company_info_names_the_company_under_its_own_id(quickbooks):
    info = quickbooks.call("GET", f"companyinfo/{quickbooks.realm}").json["CompanyInfo"]
    assert (info["CompanyName"], info["Country"], info["Id"]) == ("Park & Lowe LLP", "US", "1")


def test_preferences_tell_currency_warning_and_close_date_once_there_is_one(quickbooks):
    held = quickbooks.call("GET", "preferences").json["Preferences"]
    assert held["CurrencyPrefs"]["HomeCurrency"]["value"] == "USD"
    assert held["OtherPrefs"]["NameValue"] == [{"Name": "WarnDuplicateJournalNumber", "Value": "true"}]
    assert "BookCloseDate" not in held["AccountingInfoPrefs"]
    quickbooks.control("settings", {"book_close_date": "2025-12-31"})
    held = quickbooks.call("GET", "preferences").json["Preferences"]
    assert held["AccountingInfoPrefs"]["BookCloseDate"] == "2025-12-31"


def test_the_whole_chart_comes_with_balances(quickbooks):
    quickbooks.post(entry(debit="1", amount=100))
    found = accounts(quickbooks.query("select * from Account where Active in (true, false) maxresults 1000"))
    assert len(found) == 48
    assert found[0]["AcctNum"] == "1000"
    assert found[0]["CurrentBalance"] == 182440.55
    assert {"TrustAccounts", "TrustAccountsLiabilities"} <= {account["AccountSubType"] for account in found}


def test_the_real_sample_chart_has_its_67_accounts_without_numbers(client):
    found = accounts(QuickBooks(client, FYLE_REALM).connected().query("select * from Account maxresults 1000"))
    assert len(found) == 67
    assert not any("AcctNum" in account for account in found)


def test_a_query_may_also_be_posted_as_text(quickbooks):
    answer = quickbooks.call(
        "POST", "query", data="select * from Account where Id = '17'", content_type="application/text"
    )
    assert accounts(answer)[0]["Name"] == "Client Trust Liability"


def test_pages_are_counted_from_one_and_maxresults_tells_what_was_returned(quickbooks):
    answer = quickbooks.query("select * from Account where Active in (true,false) startposition 41 maxresults 20").json
    assert answer["QueryResponse"]["startPosition"] == 41
    assert answer["QueryResponse"]["maxResults"] == len(answer["QueryResponse"]["Account"]) == 8


def test_no_rows_means_no_account_key(quickbooks):
    assert quickbooks.query("select * from Account where Name = 'Nothing'").json["QueryResponse"] == {}


def test_without_a_filter_only_active_accounts_are_found(quickbooks):
    assert quickbooks.query("select count(*) from Account").json["QueryResponse"] == {"totalCount": 47}
    answer = quickbooks.query("SELECT COUNT(*) FROM Account WHERE Active IN (true, false)").json
    assert answer["QueryResponse"] == {"totalCount": 48}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("AccountType = 'Bank' and Name like 'Trust%'", ["Trust Bank (IOLTA)"]),
        ("Id in ('1', '2')", ["Operating Bank", "Trust Bank (IOLTA)"]),
        ("Name = 'Partners\\' Capital'", ["Partners' Capital"]),
        ("AcctNum >= '6900' and AcctNum < '8000'", ["Bad Debts", "Interest Expense"]),
    ],
)
def test_conditions_are_joined_by_and(quickbooks, where, names):
    assert [account["Name"] for account in accounts(quickbooks.query(f"select * from Account where {where}"))] == names


@pytest.mark.parametrize("keyword", ["orderby", "ORDER BY"])
def test_rows_can_be_ordered(quickbooks, keyword):
    found = accounts(quickbooks.query(f"select * from Account where AccountType = 'Equity' {keyword} Name desc"))
    names = [account["Name"] for account in found]
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize("place", ["startposition 0", "maxresults 0"])
def test_a_position_of_zero_is_4001_in_the_recorded_words(quickbooks, place):
    answer = quickbooks.query(f"select * from Account {place}")
    assert answer.status_code == 400
    (error,) = answer.json["Fault"]["Error"]
    assert error["code"] == "4001"
    assert error["Message"] == "Invalid query"
    assert error["Detail"] == "QueryValidationError: value 0 is too small. Min allowed value is 1"


@pytest.mark.parametrize(
    "statement",
    ["", "select", "select * from Account where Name = 'a' or Name = 'b'", "select * from Account where Name ~ 'a'"],
)
def test_what_is_not_in_the_grammar_is_4000(quickbooks, statement):
    answer = quickbooks.query(statement)
    assert answer.status_code == 400
    assert answer.json["Fault"]["Error"][0]["code"] == "4000"


def test_an_account_can_be_read_alone_and_created(quickbooks):
    created = quickbooks.call(
        "POST", "account", json={"Name": "Escrow Clearing", "AcctNum": "1170", "AccountType": "Other Current Asset"}
    ).json["Account"]
    assert created["Classification"] == "Asset"
    assert quickbooks.call("GET", f"account/{created['Id']}").json["Account"]["Name"] == "Escrow Clearing"
    assert quickbooks.post(entry(debit=created["Id"])).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"Name": "Operating Bank", "AccountType": "Bank"}, "6240"),
        ({"Name": "New", "AccountType": "Bank", "AcctNum": "12345678"}, "2050"),
        ({"Name": "A:B", "AccountType": "Bank"}, "2050"),
        ({"Name": "New"}, "2020"),
    ],
)
def test_an_account_that_breaks_a_rule_is_refused(quickbooks, wanted, code):
    answer = quickbooks.call("POST", "account", json=wanted)
    assert answer.json["Fault"]["Error"][0]["code"] == code
