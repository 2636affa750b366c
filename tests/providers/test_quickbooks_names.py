"""Creating the one customer or supplier that receivable and payable lines name, and what the answers come to."""

import json
from decimal import Decimal

import pytest

from integrations.providers import PROVIDERS
from integrations.providers.base import DraftLine, Party
from integrations.providers.errors import NameTaken, Rejected, TokenRejected, Unavailable
from integrations.providers.quickbooks import payloads
from tests.providers.examples import ACCESS_TOKEN, company
from tests.providers.scripted_server import Reply, json_reply

quickbooks = PROVIDERS["quickbooks"]


def create(party: Party = Party.CUSTOMER) -> str:
    return quickbooks.create_party(ACCESS_TOKEN, company(), party, name="Athenty clients", key="k1")


def fault(code: str, message: str) -> dict:
    return {"Fault": {"Error": [{"Message": message, "Detail": message, "code": code}], "type": "ValidationFault"}}


@pytest.mark.parametrize(("party", "resource"), [(Party.CUSTOMER, "Customer"), (Party.SUPPLIER, "Vendor")])
def test_only_the_name_is_sent_under_the_given_key(server, party, resource):
    server.answers(json_reply({resource: {"Id": "72", "DisplayName": "Athenty clients", "Balance": 12.5}}))
    assert create(party) == "72"
    [seen] = server.seen
    assert json.loads(seen.body) == {"DisplayName": "Athenty clients"}
    assert f"/{resource.lower()}?" in seen.path
    assert "requestid=k1" in seen.path


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json_reply(fault("6240", "Duplicate Name Exists Error"), 400), NameTaken),
        (json_reply(fault("2050", "Invalid String Length"), 400), Rejected),
        (json_reply(fault("3200", "AuthenticationFailed"), 401), TokenRejected),
        (json_reply({"Customer": {}}), Unavailable),
        (json_reply({"Vendor": {"Id": "1"}}), Unavailable),
        (json_reply([1]), Unavailable),
        (Reply(200, b"<html>"), Unavailable),
        (Reply(500, b""), Unavailable),
    ],
    ids=["taken", "refused", "token", "no-id", "another", "list", "page", "500"],
)
def test_what_an_answer_says_decides_what_happens_next(server, answer, error):
    server.answers(answer)
    with pytest.raises(error):
        create()


def test_xero_is_never_asked_for_one(server):
    with pytest.raises(Rejected):
        PROVIDERS["xero"].create_party(ACCESS_TOKEN, company(), Party.CUSTOMER, name="x", key="k")
    assert server.seen == []


def test_a_line_that_wants_nobody_names_nobody():
    plain = DraftLine("7", "1000", Decimal("1.00"), None, "")
    named = DraftLine("8", "1200", None, Decimal("1.00"), "", party=Party.SUPPLIER, party_id="41")
    details = [payloads._line(1, line)["JournalEntryLineDetail"] for line in (plain, named)]
    assert "Entity" not in details[0]
    assert details[1]["Entity"] == {"Type": "Vendor", "EntityRef": {"value": "41"}}
