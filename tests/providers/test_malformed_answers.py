"""Whatever comes back: never a crash, never "accepted" without a positive match, nothing that can't be stored."""

import copy
import gzip
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from integrations.providers import PROVIDERS, transport
from integrations.providers.base import Accepted, NotWritten, Outcome, Refused, SealedSend, SendResult, Uncertain
from integrations.providers.errors import OutcomeUnknown, ProviderError, Unavailable
from integrations.providers.transport import MAX_ANSWER_BYTES
from tests.providers.examples import ACCESS_TOKEN, REFRESH_TOKEN, company, draft, sealed_send
from tests.providers.scripted_server import Reply, json_reply

both = pytest.mark.parametrize("name", PROVIDERS)
REFERENCES = ("ATH-1", "ATH-2", "ATH-3")
IDS = ("11", "22", "33")
GUIDS = tuple(f"9c54a4ae-6dcf-4c2c-9b43-1f2a3b4c5d{end}" for end in IDS)
many = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


class ScriptedWire:
    """Answers where the transport meets the wire. What sockets add, `server` shows, and test_transport.py."""

    def answers(self, reply: Reply) -> None:
        self._reply = reply

    def exchange(self, _request: object) -> tuple[int, dict[str, str], bytes]:
        return self._reply.status, self._reply.headers, self._reply.body


@pytest.fixture
def wire(server, monkeypatch) -> ScriptedWire:
    """A hundred answers over a socket, each to a thread of its own, take a second."""
    script = ScriptedWire()
    monkeypatch.setattr(transport._Wire, "exchange", lambda _wire, request: script.exchange(request))
    return script


def good_answer(name: str) -> dict[str, Any]:
    if name == "quickbooks":
        items = [
            {"bId": str(number), "JournalEntry": {"Id": remote_id, "DocNumber": reference, "SyncToken": "0"}}
            for number, (remote_id, reference) in enumerate(zip(IDS, REFERENCES, strict=True), start=1)
        ]
        return {"BatchItemResponse": items, "time": "2026-03-02T09:15:04.000-08:00"}
    journals = [
        {
            "StatusAttributeString": "OK",
            "ManualJournalID": remote_id,
            "Narration": f"{reference} x",
            "Status": "POSTED",
        }
        for remote_id, reference in zip(GUIDS, REFERENCES, strict=True)
    ]
    return {"Id": "1", "Status": "OK", "ManualJournals": journals}


def send(server, name: str, reply: Reply) -> SendResult:
    server.answers(reply)
    return PROVIDERS[name].send(ACCESS_TOKEN, sealed(name))


@cache
def sealed(name: str) -> SealedSend:
    return sealed_send(PROVIDERS[name], *map(draft, REFERENCES))


def is_named(name: str, body: bytes, outcome: Accepted, reference: str) -> bool:
    """Whether the answer, read by other means, has exactly one clean record of this journal under this id."""
    answer = json.loads(body)
    if name == "quickbooks":
        items = [i for i in answer["BatchItemResponse"] if isinstance(i, dict) and i.get("bId") == outcome.item_id]
        if outcome.already_there:
            return len(items) == 1 and f"TxnId={outcome.remote_id}" in json.dumps(items)
        return len(items) == 1 and items[0]["JournalEntry"]["Id"] == outcome.remote_id and "Fault" not in items[0]
    elements = [
        e
        for e in answer["ManualJournals"]
        if isinstance(e, dict) and isinstance(e.get("Narration"), str) and e["Narration"].split()[:1] == [reference]
    ]
    return len(elements) == 1 and elements[0]["ManualJournalID"].lower() == outcome.remote_id


def check(server, name: str, body: bytes, *, status: int = 200) -> None:
    """Send, be answered so, and hold what comes of it against the promises."""
    try:
        result = send(server, name, Reply(status, body, {"Content-Type": "application/json"}))
    except ProviderError as error:
        check_error(error)
        return
    assert [outcome.item_id for outcome in result.outcomes] == list(sealed(name).item_ids)
    for outcome, reference in zip(result.outcomes, REFERENCES, strict=True):
        check_outcome(outcome)
        if isinstance(outcome, Accepted):
            assert is_named(name, body, outcome, reference)


def check_error(error: ProviderError) -> None:
    check_storable(error.code, error.message, str(error), error.request_id)
    assert len(error.code) <= 40


def check_outcome(outcome: Outcome) -> None:
    match outcome:
        case Accepted():
            check_storable(outcome.remote_id)
            assert 0 < len(outcome.remote_id) <= 64
        case Refused():
            check_storable(outcome.message, outcome.code, outcome.account_id)
            assert len(outcome.code) <= 40
            assert len(outcome.account_id) <= 64
        case NotWritten():
            check_error(outcome.error)
            assert not isinstance(outcome.error, OutcomeUnknown)
        case Uncertain():
            check_storable(outcome.message)
            assert outcome.message


def check_storable(*texts: str) -> None:
    for text in texts:
        assert isinstance(text, str)
        assert "\x00" not in text
        assert text == text.encode().decode()  # no half of a surrogate pair
        assert len(text) <= 3000
        assert ACCESS_TOKEN not in text


# Good answers gone bad ------------------------------------------------------------------------------------------------

hostile = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(allow_nan=True),
    strategies.text(strategies.characters(), max_size=8),  # with NUL and lone surrogates
    strategies.sampled_from(
        ["", "ATH-2", "2", IDS[1], GUIDS[1], "\ud800", "\x00", ACCESS_TOKEN, "x" * 5000, 10**400, {}, [], [[]]]
    ),
    strategies.sampled_from(["Fault", "ERROR", "ValidationErrors", "JournalEntry", "DRAFT"]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every member of the value, however deep."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, member in inner for place in places(member, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    value = copy.deepcopy(value)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = by
    return value


def rows_of(answer: dict[str, Any]) -> list[Any]:
    return answer.get("BatchItemResponse") or answer["ManualJournals"]


@both
@many
@given(data=strategies.data())
def test_any_member_may_be_of_any_type(wire, name, data):
    answer = good_answer(name)
    for _ in range(data.draw(strategies.integers(1, 3))):
        answer = replaced(answer, data.draw(strategies.sampled_from(places(answer))), data.draw(hostile))
    check(wire, name, json.dumps(answer).encode())


@both
@many
@given(data=strategies.data(), status=strategies.sampled_from([200, 400, 500]))
def test_an_answer_may_end_anywhere(wire, name, data, status):
    whole = json.dumps(good_answer(name)).encode()
    cut = data.draw(strategies.integers(0, len(whole) - 1))
    with pytest.raises(ProviderError) as raised:
        send(wire, name, Reply(status, whole[:cut]))
    if status == 200:
        assert type(raised.value) is OutcomeUnknown
        check_storable(raised.value.message)
        assert raised.value.message.endswith(whole[:cut].decode().strip()[:500] or "empty.")


@both
@many
@given(data=strategies.data())
def test_items_may_be_shuffled_doubled_left_out_or_foreign(wire, name, data):
    answer = good_answer(name)
    rows = rows_of(answer)
    foreign = copy.deepcopy(rows[0]) | {"bId": "9", "Narration": "ATH-9 x"}
    chosen = data.draw(strategies.lists(strategies.sampled_from([*rows, foreign]), max_size=6))
    rows[:] = [copy.deepcopy(row) for row in chosen]
    outcomes = send(wire, name, json_reply(answer)).outcomes
    for outcome, row in zip(outcomes, rows_of(good_answer(name)), strict=True):
        assert isinstance(outcome, Accepted if chosen.count(row) == 1 else Uncertain)
    check(wire, name, json.dumps(answer).encode())


@both
@pytest.mark.parametrize("member", ["first", "second", "top"])
def test_a_member_that_is_named_twice_makes_the_answer_unreadable(server, name, member):
    body = json.dumps(good_answer(name))
    remote_id = (IDS if name == "quickbooks" else GUIDS)[0]
    key = "Id" if name == "quickbooks" else "ManualJournalID"
    first = f'"{key}": "{remote_id}"'
    assert first in body
    doubled = {
        "first": body.replace(first, f'{first}, "{key}": "99"'),
        "second": body.replace(first, f'"{key}": "99", {first}'),
        "top": "{" + body[1:-1] + ", " + body[1:],
    }[member]
    with pytest.raises(OutcomeUnknown, match="It begins"):
        send(server, name, Reply(200, doubled.encode()))


# Anything at all ------------------------------------------------------------------------------------------------------

NAMES_AND_WORDS = (
    "BatchItemResponse bId 1 2 JournalEntry Id 229 Fault fault Error error code 6140 3001 6000 Message Detail "
    "DocNumber ManualJournals Elements ErrorNumber Type ValidationException Narration ATH-1 ATH-2 ManualJournalID "
    "9c54a4ae-6dcf-4c2c-9b43-1f2a3b4c5d6e StatusAttributeString ERROR OK Status POSTED ValidationErrors Warnings"
)
words = strategies.sampled_from(NAMES_AND_WORDS.split())
json_values = strategies.recursive(
    words | hostile,
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(words | strategies.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=25,
)
bodies = strategies.one_of(
    json_values.map(json.dumps).map(str.encode),
    strategies.binary(max_size=200),
    strategies.lists(json_values, max_size=4).map(lambda items: json.dumps({"BatchItemResponse": items}).encode()),
    strategies.lists(json_values, max_size=4).map(lambda items: json.dumps({"ManualJournals": items}).encode()),
    json_values.map(lambda errors: json.dumps({"Fault": {"Error": errors}}).encode()),
    json_values.map(lambda found: json.dumps({"ErrorNumber": 10, "Elements": found}).encode()),
)


@both
@many
@given(body=bodies, status=strategies.sampled_from([200, 400, 401, 403, 429, 500, 503]))
def test_no_answer_breaks_a_send(wire, name, body, status):
    check(wire, name, body, status=status)


READS: dict[str, Callable[[Any], object]] = {
    "company": lambda provider: provider.company(ACCESS_TOKEN, company()),
    "chart": lambda provider: provider.list_accounts(ACCESS_TOKEN, company()),
    "refresh": lambda provider: provider.refresh(REFRESH_TOKEN),
    "exchange": lambda provider: provider.companies(
        provider.exchange_code(
            code="c", redirect_uri="https://a.test/", code_verifier="v", callback_parameters={"realmId": "1"}
        ),
        {"realmId": "1"},
    ),
    "disconnect": lambda provider: provider.disconnect(
        refresh_token=REFRESH_TOKEN,
        access_token=ACCESS_TOKEN,
        company=company(connection_id="c-1"),
        last_of_this_grant=True,
    ),
}
READ_WORDS = (
    "access_token refresh_token expires_in scope error error_description invalid_grant Organisations Accounts Name "
    "CompanyInfo Preferences QueryResponse Account CurrencyRef value AccountID Id Status Active BaseCurrency "
    "id tenantId tenantType ORGANISATION"
)
read_words = strategies.sampled_from(READ_WORDS.split())
read_values = strategies.recursive(
    read_words | hostile,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(read_words, inner, max_size=6),
    max_leaves=20,
)


@both
@pytest.mark.parametrize("asked", READS)
@settings(many, max_examples=25)
@given(value=read_values, status=strategies.sampled_from([200, 200, 400, 401, 403, 500]))
def test_no_answer_breaks_a_read(wire, name, asked, value, status):
    wire.answers(json_reply(value, status))
    with suppress(ProviderError):
        READS[asked](PROVIDERS[name])


# Too much of it -------------------------------------------------------------------------------------------------------


def gzipped(body: bytes) -> Reply:
    return Reply(200, gzip.compress(body, 1), {"Content-Encoding": "gzip", "Content-Type": "application/json"})


LONG = b'{"x":"' + b"a" * 10_000_000 + b'"}'
# Made when they are first wanted: the processes that only collect these tests need none of them.
TOO_MUCH: dict[str, Callable[[], Reply]] = {
    "10 MB": lambda: Reply(200, LONG),
    "10 MB of an error": lambda: Reply(400, LONG),
    "10 MB gzipped": lambda: gzipped(LONG),
    "a gzip bomb": lambda: gzipped(b"\0" * 200_000_000),
    "a gzip cut short": lambda: Reply(200, gzipped(LONG).body[:500], {"Content-Encoding": "gzip"}),
    "more items than memory wants": lambda: Reply(200, b'{"BatchItemResponse":[' + b"{}," * 2_000_000 + b"{}]}"),
}


@cache
def too_much(what: str) -> Reply:
    return TOO_MUCH[what]()


@both
@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_of_an_answer_leaves_the_outcome_unknown(server, name, what):
    with pytest.raises(OutcomeUnknown):
        send(server, name, too_much(what))


@both
@pytest.mark.parametrize("asked", ["company", "chart", "refresh"])
@pytest.mark.parametrize("what", TOO_MUCH)
def test_too_much_of_an_answer_to_a_read_is_no_answer(server, name, what, asked):
    server.answers(too_much(what))
    with pytest.raises(Unavailable):
        READS[asked](PROVIDERS[name])


@both
@pytest.mark.parametrize(
    "body",
    [
        b"<Error " * (MAX_ANSWER_BYTES // 8),
        b"<Error>" * (MAX_ANSWER_BYTES // 8),
        b"idempotency key " * (MAX_ANSWER_BYTES // 17),
        json.dumps({"Message": "idempotency key " * 300_000}).encode(),
        json.dumps({"Fault": {"Error": [{"Message": "TxnType= " * 500_000, "code": "6140"}]}}).encode(),
        b"bearer " * (MAX_ANSWER_BYTES // 8),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_answer_that_tires_a_pattern_is_read_soon_enough(server, name, body):
    """What is quadratic in such a length takes minutes."""
    started = time.monotonic()
    with suppress(ProviderError):
        send(server, name, Reply(400, body))
    assert time.monotonic() - started < 5


# What is kept of it ---------------------------------------------------------------------------------------------------


@both
def test_an_answer_that_can_not_be_read_is_quoted_without_its_token(server, name):
    page = f"<html><p>Hello {ACCESS_TOKEN}</p>" + "<br>" * 500
    with pytest.raises(OutcomeUnknown) as raised:
        send(server, name, Reply(200, page.encode()))
    assert "It begins: <html><p>Hello [redacted]</p><br>" in raised.value.message
    assert len(raised.value.message) < 600


@both
def test_a_journal_that_can_not_be_read_is_quoted(server, name):
    answer = good_answer(name)
    rows_of(answer)[1] |= {"JournalEntry": {"Odd": ACCESS_TOKEN}, "Status": "ODD"}
    outcome = send(server, name, json_reply(answer)).outcomes[1]
    assert isinstance(outcome, Uncertain)
    assert "odd" in outcome.message.lower()
    assert ACCESS_TOKEN not in outcome.message


@pytest.mark.parametrize("body", [{"Fault": {}}, {"Fault": None}, {"Fault": {"Error": []}}, {"fault": "?"}], ids=str)
def test_a_fault_of_no_known_shape_beside_good_items_leaves_them_unknown(server, body):
    with pytest.raises(OutcomeUnknown):
        send(server, "quickbooks", json_reply(good_answer("quickbooks") | body))
