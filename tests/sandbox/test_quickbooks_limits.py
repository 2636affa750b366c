import pytest

from .callers import OTHER_REALM, QuickBooks, entry

pytestmark = pytest.mark.usefixtures("limits")


def read(quickbooks):
    return quickbooks.call("GET", "preferences")


def batch_of(size):
    return {f"b{number}": entry() for number in range(size)}


def test_the_eleventh_call_within_a_second_is_429_in_the_gateways_shape_without_retry_after(quickbooks, advance):
    assert [read(quickbooks).status_code for _ in range(11)] == [200] * 10 + [429]
    refused = read(quickbooks)
    assert "Retry-After" not in refused.headers
    assert refused.json["fault"]["type"] == "SERVICE"
    told = refused.json["fault"]["error"][0]
    assert told["code"] == "3001"
    assert told["message"] == "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    advance(1)
    assert read(quickbooks).status_code == 200


def test_a_throttled_entry_is_not_entered(quickbooks):
    for _ in range(10):
        read(quickbooks)
    assert quickbooks.post(entry()).status_code == 429
    assert quickbooks.books()["journals"] == 0


def test_five_hundred_items_a_minute_are_taken(quickbooks, advance):
    statuses = []
    for _ in range(18):
        statuses.append(quickbooks.batch(batch_of(30)).status_code)
        advance(1)
    assert statuses == [200] * 17 + [429]
    assert quickbooks.books()["journals"] == 510
    advance(60)
    assert quickbooks.batch(batch_of(30)).status_code == 200


def test_when_items_are_not_counted_forty_batches_a_minute_are_taken(quickbooks, advance, client):
    client.post("/control/limits", json={"items_count_as_calls": False})
    statuses = []
    for _ in range(41):
        statuses.append(quickbooks.batch(batch_of(13)).status_code)
        advance(1)
    assert statuses == [200] * 40 + [429]


def test_one_companys_calls_are_not_counted_for_another(client, quickbooks):
    for _ in range(10):
        read(quickbooks)
    assert read(quickbooks).status_code == 429
    assert read(QuickBooks(client, OTHER_REALM).connected()).status_code == 200


def test_a_replay_costs_a_call(quickbooks):
    for _ in range(10):
        assert quickbooks.post(entry(), requestid="r").status_code == 200
    assert quickbooks.post(entry(), requestid="r").status_code == 429


def test_limits_can_be_switched_off(quickbooks, client):
    client.post("/control/limits", json={"enabled": False})
    assert [read(quickbooks).status_code for _ in range(20)] == [200] * 20
