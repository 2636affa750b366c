"""What an answer comes to, in the mirror's own tables: one row of each class, from the sealed bytes to the states."""

import dataclasses

import pytest
from django.utils import timezone

from integrations.connections import start
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


NOT_YET = {"NotWritten": pytest.mark.xfail(strict=True, reason="the mirror still holds such an entry as uncertain")}


def one_of_each_class() -> list[object]:
    found = {(row.provider, row.expected.partition(":")[0]): row for row in reversed(ROWS)}
    return [
        pytest.param(row, id=row.name, marks=NOT_YET.get(key[1], ()))
        for key, row in found.items()
        if key not in NOT_SAYABLE
    ]


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
