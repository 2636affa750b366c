"""What an answer comes to, in the mirror's own tables: one row of each class, from the sealed bytes to the states."""

import dataclasses

import pytest
from django.utils import timezone

from integrations.connections import start
from integrations.models import Connection, Delivery
from tests.fidelity.errors import ROWS
from tests.fidelity.rows import ErrorRow
from tests.mirror.conftest import Firm, connect_firm, map_everything, pass_over, states
from tests.providers.conftest import point_at_script
from tests.providers.examples import ACCESS_TOKEN, REFRESH_TOKEN
from tests.providers.scripted_server import json_reply

# The mirror's journals have numbers of their own, which no row that names one can know.
NOT_SAYABLE = {("quickbooks", "Accepted"), ("xero", "Refused"), ("xero", "Accepted")}
NEW_TOKENS = json_reply(
    {"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 1800, "token_type": "Bearer"}
)


def one_of_each_class() -> list[object]:
    found = {(row.provider, row.expected.partition(":")[0]): row for row in reversed(ROWS)}
    return [pytest.param(row, id=row.name) for key, row in found.items() if key not in NOT_SAYABLE]


def as_met_by_a_send(row: ErrorRow) -> ErrorRow:
    """A refused token is refreshed, and then refused again; the token endpoint is met only after a refused token."""
    token_expired = next(r for r in ROWS if r.provider == row.provider and r.expected == "TokenRejected").replies[0]
    if row.expected == "TokenRejected":
        return dataclasses.replace(row, replies=(token_expired, NEW_TOKENS, token_expired))
    return dataclasses.replace(row, replies=(token_expired, *row.replies)) if row.asked == "refresh" else row


@pytest.mark.parametrize("row", one_of_each_class())
def test_an_answer_leaves_its_entry_and_its_connection_as_the_table_says(server, firm: Firm, sandbox, settings, row):
    connection = connect_firm(firm, row.provider, sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    connection.refresh_from_db()
    map_everything(firm, connection)
    firm.post(("1100", "2100", "250.00"))
    point_at_script(settings, server)
    server.answers(*as_met_by_a_send(row).replies)
    pass_over(connection)
    connection.refresh_from_db()
    assert (states(connection), connection.status) == ([row.consequence.row], row.consequence.status)


@pytest.fixture
def quickbooks(firm: Firm, sandbox) -> Connection:
    """Connected, started and mapped; two entries wait."""
    connection = connect_firm(firm, "quickbooks", sandbox)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    firm.post(("1100", "2100", "250.00"), ("1100", "2100", "350.00"))
    connection.refresh_from_db()
    return connection


def turn_away(sandbox, item: int, answer: str) -> None:
    sandbox.arm(provider="quickbooks", call="batch", do="item_answer", item=item, answer=answer)


def test_an_entry_that_was_turned_away_goes_once_under_a_new_key_after_the_wait(quickbooks, sandbox):
    turn_away(sandbox, 1, "throttled_item")
    assert pass_over(quickbooks)
    assert states(quickbooks) == ["waiting", "sent"]
    assert not pass_over(quickbooks), "the company was told to wait"
    Connection.objects.update(slowed_until=None)
    assert pass_over(quickbooks)
    assert states(quickbooks) == ["sent", "sent"]
    assert Delivery.objects.count() == 2
    assert sandbox.books("quickbooks", quickbooks.company_id)["totals"]["debits"] == "600.00"


def test_a_token_refused_for_one_entry_is_replaced_before_anything_is_sent_again(quickbooks, sandbox):
    turn_away(sandbox, 2, "unauthenticated_item")
    assert pass_over(quickbooks)
    assert states(quickbooks) == ["sent", "waiting"]
    Connection.objects.update(next_probe_at=None)
    assert pass_over(quickbooks), "it probes"
    assert len([call for call in sandbox.requests("quickbooks", "token") if call["status"] == 200]) == 2
    assert pass_over(quickbooks)
    assert states(quickbooks) == ["sent", "sent"]


def test_an_entry_turned_away_beside_a_doubtful_one_stays_with_the_same_bytes(quickbooks, server, settings):
    point_at_script(settings, server)
    throttled = {"bId": "1", "Fault": {"Error": [{"Message": "ThrottleExceeded", "code": "3001"}]}}
    server.answers(json_reply({"BatchItemResponse": [throttled]}))
    pass_over(quickbooks)
    assert states(quickbooks) == ["sending", "sending"]
    assert Delivery.objects.get().state == Delivery.State.OPEN
