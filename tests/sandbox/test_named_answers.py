"""Every answer a fault can name: what it looks like on the wire, and the recorded ones byte for byte."""

import json

import pytest

from integrations.sandbox.answers import ANSWERS, ITEM_ANSWERS
from integrations.sandbox.named import RECORDED

from .callers import entry, journal

RECORDED_AT_QUICKBOOKS = {
    "throttled_xml": ("qbo_throttle_429.xml", 429),
    "throttled_403_xml": ("qbo_throttle_403.xml", 403),
    "token_expired_recorded": ("qbo_token_expired_401.json", 401),
    "batch_610_5010": ("qbo_batch_faults_610_5010.json", 200),
    "unsupported_operation": ("qbo_unsupported_operation_500.json", 400),
    "unsupported_property": ("qbo_unsupported_property_2010.json", 400),
    "duplicate_name": ("qbo_validation_6240.json", 400),
    "duplicate_name_xml": ("qbo_duplicate_6240.xml", 400),
    "bad_query_xml": ("qbo_query_validation.xml", 400),
    "system_failure_xml": ("qbo_generic.xml", 500),
}
RECORDED_AT_XERO = {
    "token_expired": ("xero_expired_oauth2_token.json", 401),
    "unauthenticated": ("xero_invalid_oauth2_request_token.json", 401),
    "access_refused": ("xero_invalid_tenant_header.json", 403),
    "invalid_request": ("xero_bad_request.json", 400),
    "validation_xml": ("xero_validation_exception.xml", 400),
}


@pytest.fixture
def quickbooks_answer(quickbooks, arm):
    def answer(name, do="answer", **options):
        arm(provider="quickbooks", call="journalentry", do=do, answer=name)
        return quickbooks.post(entry(), **options)

    return answer


@pytest.fixture
def xero_answer(xero, arm):
    def answer(name):
        arm(provider="xero", call="manualjournals", do="answer", answer=name)
        return xero.put(journal())

    return answer


@pytest.mark.parametrize(("name", "recorded"), RECORDED_AT_QUICKBOOKS.items())
def test_a_recorded_answer_of_intuits_is_given_byte_for_byte(quickbooks_answer, quickbooks, name, recorded):
    file_name, status = recorded
    answer = quickbooks_answer(name)
    assert (answer.status_code, answer.data) == (status, (RECORDED / file_name).read_bytes())
    assert ("json" in answer.content_type) == file_name.endswith("json")
    assert quickbooks.books()["journals"] == 0


@pytest.mark.parametrize(("name", "recorded"), RECORDED_AT_XERO.items())
def test_a_recorded_answer_of_xeros_is_given_byte_for_byte(xero_answer, xero, name, recorded):
    file_name, status = recorded
    answer = xero_answer(name)
    assert (answer.status_code, answer.data) == (status, (RECORDED / file_name).read_bytes())
    assert xero.books()["journals"] == 0


def test_every_recorded_body_is_served_and_none_is_missing():
    served = {file_name for file_name, _ in (*RECORDED_AT_QUICKBOOKS.values(), *RECORDED_AT_XERO.values())}
    assert {path.name for path in RECORDED.iterdir()} == served


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("no_access", 401, "120"),
        ("no_access_in_500", 500, "120"),
        ("locked_out", 400, "140"),
        ("under_maintenance", 400, "150"),
        ("duplicate_request", 400, "600"),
        ("made_inactive", 400, "610"),
        ("unknown_account", 400, "2500"),
        ("stale", 400, "5010"),
        ("no_permission", 400, "5020"),
        ("unexpected_error", 400, "6000"),
        ("fault_in_200", 200, "6000"),
        ("subscription_lapsed", 400, "6190"),
        ("period_closed", 400, "6210"),
        ("tax_account", 400, "6470"),
        ("system_failure", 500, "10000"),
        ("company_reset", 400, "10200"),
    ],
)
def test_a_fault_of_the_service_has_its_code_in_json_and_in_xml(quickbooks, arm, name, status, code):
    arm(provider="quickbooks", call="preferences", do="answer", answer=name, times=2)
    answer = quickbooks.call("GET", "preferences")
    (told,) = answer.json["Fault"]["Error"]
    assert (answer.status_code, told["code"]) == (status, code)
    assert told["Message"]
    assert answer.headers["intuit_tid"]
    as_xml = quickbooks.call("GET", "preferences", accept=None)
    assert as_xml.status_code == status
    assert as_xml.content_type.startswith("application/xml")
    assert f'<Error code="{code}"' in as_xml.text


def test_a_401_can_echo_the_callers_own_token(quickbooks_answer, quickbooks):
    answer = quickbooks_answer("token_expired")
    assert answer.status_code == 401
    assert quickbooks.access_token in answer.json["fault"]["error"][0]["detail"]


@pytest.mark.parametrize(
    ("name", "status", "content_type"),
    [
        ("unauthenticated_xml", 401, "application/xml"),
        ("html_502", 502, "text/html"),
        ("html_503", 503, "text/html"),
        ("html_504", 504, "text/html"),
        ("empty_500", 500, "text/html"),
    ],
)
def test_intuits_gateway_and_proxies_answer_in_xml_and_html_whatever_was_asked_for(
    quickbooks_answer, name, status, content_type
):
    answer = quickbooks_answer(name)
    assert answer.status_code == status
    assert answer.content_type.startswith(content_type)
    assert not answer.is_json


def test_the_gateways_own_shape_carries_3001_and_3100(quickbooks_answer):
    for name, status, code in (("throttled", 429, "3001"), ("not_authorized", 403, "3100")):
        answer = quickbooks_answer(name)
        assert (answer.status_code, answer.json["fault"]["error"][0]["code"]) == (status, code)


def test_the_token_endpoint_can_tell_every_end_of_a_grant(quickbooks, arm):
    told = {}
    for name in ("invalid_grant", "token_invalid", "user_not_in_realm", "invalid_client"):
        arm(provider="quickbooks", call="token", do="answer", answer=name)
        answer = quickbooks.refresh(quickbooks.refresh_token)
        told[name] = (answer.status_code, answer.json["error"])
    assert told == {
        "invalid_grant": (400, "invalid_grant"),
        "token_invalid": (400, "invalid_grant"),
        "user_not_in_realm": (400, "invalid_grant"),
        "invalid_client": (401, "invalid_client"),
    }
    assert quickbooks.refresh(quickbooks.refresh_token).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("scope_missing", 401, "AuthorizationUnsuccessful"),
        ("no_permission", 403, "You are not permitted to access this resource"),
        ("malformed", 400, "PostDataInvalidException"),
        ("bad_query", 400, "QueryParseException"),
        ("not_found", 404, "The resource you're looking for cannot be found"),
        ("precondition_failed", 412, ""),
        ("internal_error", 500, "An error occurred in Xero"),
        ("internal_error_html", 500, "<h1>"),
        ("not_implemented_xml", 501, "<ApiException>"),
        ("html_502", 502, "<h1>"),
        ("html_504", 504, "<h1>"),
        ("maintenance", 503, "The Xero API is currently offline for maintenance"),
        ("unavailable", 503, "The Xero API is temporarily unavailable"),
        ("organisation_offline", 503, "The Organisation is offline"),
    ],
)
def test_each_of_xeros_troubles_has_its_status_and_marker(xero_answer, xero, name, status, text):
    answer = xero_answer(name)
    assert answer.status_code == status
    assert text in answer.text
    assert answer.headers["Xero-Correlation-Id"]
    assert xero.books()["journals"] == 0


@pytest.mark.parametrize(
    ("name", "problem", "retry_after"),
    [
        ("throttled_minute", "minute", "30"),
        ("throttled_day", "day", "67000"),
        ("throttled_concurrent", "concurrent", None),
        ("throttled_app", "appminute", None),
    ],
)
def test_each_of_xeros_limits_is_named_and_only_two_say_how_long_to_wait(xero_answer, name, problem, retry_after):
    answer = xero_answer(name)
    assert (answer.status_code, answer.data) == (429, b"")
    assert answer.headers["X-Rate-Limit-Problem"] == problem
    assert answer.headers.get("Retry-After") == retry_after


def test_a_failing_disconnect_at_xero_can_be_told(xero, arm):
    (connection,) = xero.connections().json
    headers = {"Authorization": f"Bearer {xero.access_token}"}
    arm(provider="xero", call="disconnect", do="answer", answer="reference_token_store")
    assert xero.client.delete(f"/xero/connections/{connection['id']}", headers=headers).status_code == 500
    assert len(xero.connections().json) == 1


def test_the_names_and_meanings_of_all_answers_are_listed(client):
    listed = client.get("/control/answers").json
    assert {provider: set(known) for provider, known in listed.items()} == {
        provider: set(known) for provider, known in ANSWERS.items()
    }
    assert all(about for known in listed.values() for about in known.values())


@pytest.mark.parametrize("name", ITEM_ANSWERS)
def test_one_item_of_a_batch_can_fail_alone_with_any_fault_of_the_service(quickbooks, arm, name):
    arm(provider="quickbooks", call="batch", do="item_answer", answer=name, item=2)
    answer = quickbooks.batch({"a": entry(), "b": entry(), "c": entry()})
    told = {item["bId"]: item for item in answer.json["BatchItemResponse"]}
    assert answer.status_code == 200
    assert [bid for bid, item in sorted(told.items()) if "Fault" in item] == ["b"]
    assert json.dumps(told["b"]["Fault"]["Error"][0]["code"])
    assert quickbooks.books()["journals"] == 2
