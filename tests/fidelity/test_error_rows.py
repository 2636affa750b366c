"""Every row of the providers' tables of errors, said by a real server and read by the real adapter."""

import pytest

from integrations.providers import PROVIDERS
from integrations.providers.base import Accepted, NotWritten, Outcome, Refused
from integrations.providers.errors import CompanyGone, ProviderError, RateLimited
from integrations.providers.quickbooks.faults import MEANINGS
from tests.fidelity import quickbooks_errors
from tests.fidelity.errors import ROWS
from tests.fidelity.rows import CONSEQUENCES, ErrorRow
from tests.providers.examples import ACCESS_TOKEN, REFRESH_TOKEN, draft, sealed_send


def class_of(row: ErrorRow) -> str:
    """What the adapter makes of the row's answer, in the words of the table."""
    provider = PROVIDERS[row.provider]
    try:
        if row.asked == "refresh":
            provider.refresh(REFRESH_TOKEN)
            return "new tokens"
        drafts = [draft("ATH-1"), draft("ATH-2")]
        return of_outcome(provider.send(ACCESS_TOKEN, sealed_send(provider, *drafts)).outcomes[0])
    except ProviderError as error:
        return of_error(error)


def of_error(error: ProviderError) -> str:
    name = type(error).__name__
    if isinstance(error, RateLimited):
        scope = ", app" if error.scope == "app" else ""
        return f"{name}: {error.retry_after.total_seconds():.0f} s{scope}"
    return f"{name}: {error.code}" if isinstance(error, CompanyGone) else name


def of_outcome(outcome: Outcome) -> str:
    name = type(outcome).__name__
    match outcome:
        case Refused():
            return f"{name}: {outcome.cause}"
        case NotWritten():
            return f"{name}: {type(outcome.error).__name__}"
        case Accepted(already_there=True):
            return f"{name}: already there"
    return name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_read_as_the_table_says(server, row, record_property):
    server.answers(*row.replies)
    found = class_of(row)
    record_property("row", row.name)
    record_property("class", found)
    assert found == row.expected


def test_each_row_has_a_name_of_its_own_and_every_class_a_consequence():
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.expected.partition(":")[0] for row in ROWS} == set(CONSEQUENCES)


def test_every_code_that_the_adapter_knows_is_in_the_table():
    in_table = {row.marker.split()[0] for row in quickbooks_errors.ROWS}
    assert {code for code in MEANINGS if code.lstrip("0") not in in_table} == set()
