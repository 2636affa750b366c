import pytest

from .callers import CALLBACK, OTHER_REALM, PARK_AND_LOWE_REALM, QUICKBOOKS_SECRET, QuickBooks, basic, entry, query_of

HOUR, DAY = 3600, 86400


def test_the_consent_page_names_the_app_its_scopes_and_every_company_and_says_it_is_a_sandbox(client):
    page = QuickBooks(client).authorize(method="GET").text
    assert "SANDBOX, not Intuit" in page
    assert "com.intuit.quickbooks.accounting" in page
    assert "Park &amp; Lowe LLP" in page
    assert "Fyle Sandbox Co" in page
    assert 'value="allow"' in page
    assert 'value="deny"' in page


def test_allowing_sends_back_a_code_the_state_and_the_company_chosen(client):
    answer = QuickBooks(client).authorize()
    assert answer.status_code == 302
    assert answer.location.startswith(CALLBACK + "?")
    told = query_of(answer.location)
    assert told["state"] == "opaque"
    assert told["realmId"] == PARK_AND_LOWE_REALM
    assert len(told["code"]) > 20


def test_denying_sends_back_access_denied_without_a_code_or_a_company(client):
    answer = QuickBooks(client).authorize(form={"decision": "deny"})
    assert query_of(answer.location) == {"error": "access_denied", "state": "opaque"}


def test_an_unknown_scope_comes_back_as_invalid_scope(client):
    answer = QuickBooks(client).authorize(method="GET", scope="com.intuit.everything")
    assert query_of(answer.location) == {"error": "invalid_scope", "state": "opaque"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK.replace("localhost", "LOCALHOST")},
        {"redirect_uri": CALLBACK.replace("http:", "https:")},
        {"client_id": "somebody-else"},
        {"state": ""},
    ],
)
def test_what_does_not_match_exactly_gets_intuits_own_page_and_no_redirect(client, wrong):
    answer = QuickBooks(client).authorize(method="GET", **wrong)
    assert answer.status_code == 400
    assert answer.location is None
    assert "SANDBOX" in answer.text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"decision": "allow"}, "Choose a company."),
        ({"decision": "allow", "company": "1"}, "is not in the list"),
        ({}, "decision must be allow or deny"),
    ],
)
def test_an_incomplete_form_is_shown_again_with_a_sentence(client, form, sentence):
    answer = QuickBooks(client).authorize(form=form)
    assert answer.status_code == 400
    assert sentence in answer.text


def test_a_code_buys_an_hour_of_access_and_a_hundred_days_of_refresh(client):
    quickbooks = QuickBooks(client)
    answer = quickbooks.exchange(quickbooks.code())
    assert answer.status_code == 200
    assert answer.headers["intuit_tid"]
    assert answer.json["token_type"] == "bearer"
    assert answer.json["expires_in"] == HOUR
    assert answer.json["x_refresh_token_expires_in"] == 100 * DAY
    assert "realmId" not in answer.json


def test_a_code_works_once_and_a_second_try_kills_the_tokens_of_the_first(client):
    quickbooks = QuickBooks(client)
    code = quickbooks.code()
    quickbooks.access_token = quickbooks.exchange(code).json["access_token"]
    assert quickbooks.call("GET", "preferences").status_code == 200
    second = quickbooks.exchange(code)
    assert (second.status_code, second.json["error"]) == (400, "invalid_grant")
    assert quickbooks.call("GET", "preferences").status_code == 401


def test_a_code_is_worthless_after_ten_minutes_or_with_another_redirect_uri(client, advance):
    quickbooks = QuickBooks(client)
    other = quickbooks.exchange(quickbooks.code(), redirect_uri=CALLBACK + "/")
    assert (other.status_code, other.json["error"]) == (400, "invalid_grant")
    code = quickbooks.code()
    advance(601)
    assert quickbooks.exchange(code).json["error"] == "invalid_grant"


def test_a_wrong_secret_or_credentials_in_the_form_are_invalid_client_401(client):
    quickbooks = QuickBooks(client)
    form = {"grant_type": "authorization_code", "code": quickbooks.code(), "redirect_uri": CALLBACK}
    wrong = quickbooks.token(form, secret="wrong")
    assert (wrong.status_code, wrong.json) == (401, {"error": "invalid_client"})
    in_form = form | {"client_id": "demo-quickbooks", "client_secret": "demo-quickbooks-secret"}
    assert client.post("/quickbooks/oauth2/v1/tokens/bearer", data=in_form).status_code == 401


def test_another_grant_type_is_refused(client):
    answer = QuickBooks(client).token({"grant_type": "password"})
    assert (answer.status_code, answer.json) == (400, {"error": "unsupported_grant_type"})


def test_the_refresh_value_stays_for_a_day_then_changes_and_the_old_one_dies(quickbooks, advance):
    advance(2 * HOUR)
    same = quickbooks.refresh(quickbooks.refresh_token).json
    assert same["refresh_token"] == quickbooks.refresh_token
    assert same["access_token"] != quickbooks.access_token
    advance(23 * HOUR)
    new = quickbooks.refresh(quickbooks.refresh_token).json
    assert new["refresh_token"] != quickbooks.refresh_token
    old = quickbooks.refresh(quickbooks.refresh_token)
    assert (old.status_code, old.json["error"]) == (400, "invalid_grant")
    assert old.json["error_description"] == "Incorrect or invalid refresh token"
    assert quickbooks.refresh(new["refresh_token"]).status_code == 200


def test_each_refresh_starts_the_hundred_days_again_and_an_idle_grant_lapses(quickbooks, advance):
    advance(99 * DAY)
    held = quickbooks.refresh(quickbooks.refresh_token).json["refresh_token"]
    advance(99 * DAY)
    held = quickbooks.refresh(held).json["refresh_token"]
    advance(100 * DAY)
    assert quickbooks.refresh(held).json["error"] == "invalid_grant"


def test_no_refresh_reaches_past_five_years(quickbooks, advance):
    held = quickbooks.refresh_token
    asked = {"x-include-refresh-token-hard-expires-in": "true"}
    assert quickbooks.refresh(held, **asked).json["x_refresh_token_hard_expires_in"] == 5 * 365 * DAY
    for _ in range(21):
        advance(90 * DAY)
        answer = quickbooks.refresh(held)
        if answer.status_code != 200:
            break
        held = answer.json["refresh_token"]
    assert answer.json["error"] == "invalid_grant"


def test_an_expired_access_token_is_a_401_of_the_gateway_that_echoes_the_token(quickbooks, advance):
    advance(HOUR)
    answer = quickbooks.call("GET", "preferences")
    assert answer.status_code == 401
    told = answer.json["fault"]["error"][0]
    assert answer.json["fault"]["type"] == "AUTHENTICATION"
    assert told["code"] == "3200"
    assert told["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    assert told["detail"] == f"Token expired: {quickbooks.access_token}"
    assert isinstance(answer.json["time"], int)


def test_a_token_for_one_company_is_refused_by_another_with_403_3100(quickbooks):
    quickbooks.realm = OTHER_REALM
    answer = quickbooks.post(entry())
    assert answer.status_code == 403
    assert answer.json["fault"]["error"][0]["code"] == "3100"
    assert quickbooks.books()["journals"] == 0


def revoke(client, token, secret=QUICKBOOKS_SECRET):
    return client.post(
        "/quickbooks/v2/oauth2/tokens/revoke", json={"token": token}, headers=basic("demo-quickbooks", secret)
    )


def test_revoking_ends_both_tokens_and_answers_with_empty_bodies(quickbooks, client):
    assert revoke(client, quickbooks.refresh_token, secret="wrong").status_code == 401
    first = revoke(client, quickbooks.refresh_token)
    assert (first.status_code, first.data) == (200, b"")
    assert quickbooks.call("GET", "preferences").status_code == 401
    assert quickbooks.refresh(quickbooks.refresh_token).json["error"] == "invalid_grant"
    again = revoke(client, quickbooks.refresh_token)
    assert (again.status_code, again.data) == (400, b"")


def test_a_disconnection_inside_quickbooks_shows_as_401_and_then_invalid_grant(quickbooks):
    quickbooks.control("disconnect", {})
    assert quickbooks.call("GET", "preferences").status_code == 401
    assert quickbooks.refresh(quickbooks.refresh_token).json["error"] == "invalid_grant"
