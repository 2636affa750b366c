from .callers import entry


def by_name(answer) -> dict[str, dict]:
    assert answer.status_code == 200
    return {item["bId"]: item for item in answer.json["BatchItemResponse"]}


def test_good_and_bad_items_are_answered_side_by_side_in_http_200(quickbooks):
    items = by_name(quickbooks.batch({"a1": entry(), "a2": entry(debit="3333"), "a3": entry()}))
    assert items["a1"]["JournalEntry"]["SyncToken"] == "0"
    assert items["a2"]["Fault"]["Error"][0]["code"] == "2500"
    assert "JournalEntry" not in items["a2"]
    assert quickbooks.books()["journals"] == 2


def test_a_batch_is_http_200_even_when_every_item_failed(quickbooks):
    items = by_name(quickbooks.batch({"a1": entry(debit="3333")}))
    assert items["a1"]["Fault"]["type"] == "ValidationFault"


def test_answers_come_in_another_order_the_same_one_every_time(quickbooks):
    names = [f"b{number}" for number in range(30)]
    first = quickbooks.batch({name: entry() for name in names}).json["BatchItemResponse"]
    second = quickbooks.batch({name: entry() for name in names}).json["BatchItemResponse"]
    order = [item["bId"] for item in first]
    assert order != names
    assert sorted(order) == sorted(names)
    assert [item["bId"] for item in second] == order


def test_each_answer_belongs_to_its_own_item(quickbooks):
    items = by_name(quickbooks.batch({f"b{n}": entry(DocNumber=f"ATH-{n}") for n in range(30)}))
    assert {name: item["JournalEntry"]["DocNumber"] for name, item in items.items()} == {
        f"b{n}": f"ATH-{n}" for n in range(30)
    }


def test_more_than_thirty_items_are_1040_and_nothing_is_entered(quickbooks):
    answer = quickbooks.batch({f"b{number}": entry() for number in range(31)})
    assert answer.status_code == 400
    assert answer.json["Fault"]["Error"][0]["code"] == "1040"
    assert quickbooks.books()["journals"] == 0


def test_a_number_used_twice_in_one_batch_is_refused_the_second_time(quickbooks):
    items = by_name(quickbooks.batch({"a1": entry(DocNumber="ATH-1"), "a2": entry(DocNumber="ATH-1")}))
    assert items["a2"]["Fault"]["Error"][0]["code"] == "6140"


def test_a_replay_needs_the_same_requestid_and_the_same_bids(quickbooks):
    first = quickbooks.batch({"a1": entry(), "a2": entry()}, requestid="r-1")
    again = quickbooks.batch({"a2": entry(), "a1": entry()}, requestid="r-1")
    assert again.data == first.data
    assert quickbooks.books()["journals"] == 2
    quickbooks.batch({"a1": entry(), "a3": entry()}, requestid="r-1")
    assert quickbooks.books()["journals"] == 4


def test_a_replay_gives_back_faults_as_well(quickbooks):
    first = quickbooks.batch({"a1": entry(debit="3333")}, requestid="r-1")
    assert quickbooks.batch({"a1": entry()}, requestid="r-1").data == first.data


def test_beside_a_requestid_of_thirty_six_characters_bids_have_ten_at_most(quickbooks):
    assert quickbooks.batch({"b" * 10: entry()}, requestid="r" * 36).status_code == 200
    assert quickbooks.batch({"b" * 11: entry()}, requestid="r").json["Fault"]["Error"][0]["code"] == "2130"
    assert quickbooks.batch({"b": entry()}, requestid="r" * 37).json["Fault"]["Error"][0]["code"] == "2130"
    assert quickbooks.batch({"b" * 36: entry()}).status_code == 200


def test_the_include_for_one_item_travels_in_its_options(quickbooks):
    item = {"operation": "create", "JournalEntry": entry(DocNumber="ATH-1"), "optionsData": "allowduplicatedocnum"}
    quickbooks.post(entry(DocNumber="ATH-1"))
    body = {"BatchItemRequest": [{"bId": "a1", **item}]}
    assert "JournalEntry" in by_name(quickbooks.call("POST", "batch", json=body))["a1"]
