"""The closed list of calls to Intuit. Nothing here reads a journal, a balance, a report or any other transaction."""

import re

from integrations.providers import exact_json
from integrations.providers.transport import Call, Transport

CHART_QUERY = "select * from Account where Active in (true, false) startposition {start} maxresults {count}"
REQUEST_ID_HEADER = "intuit_tid"


def _asks_for_the_chart(body: bytes) -> bool:
    """A query can read everything there is, so its one permitted statement is part of the list."""
    pattern = re.escape(CHART_QUERY).replace(r"\{start\}", r"\d+").replace(r"\{count\}", r"\d+")
    return re.fullmatch(pattern, body.decode(errors="replace")) is not None


def _only_creates_journals(body: bytes) -> bool:
    """A batch may hold queries, updates and deletions too; ours never do."""
    try:
        items = exact_json.loads(body)["BatchItemRequest"]
        return bool(items) and all(
            set(item) == {"bId", "operation", "JournalEntry"} and item["operation"] == "create" for item in items
        )
    except (ValueError, TypeError, KeyError):
        return False


def _gives_only_a_name(body: bytes) -> bool:
    """Of customers and suppliers we create the one that receivable and payable lines name, and read none."""
    try:
        return set(exact_json.loads(body)) == {"DisplayName"}
    except (ValueError, TypeError):
        return False


CALLS = (
    Call("POST", "QUICKBOOKS_TOKEN_URL"),
    Call("POST", "QUICKBOOKS_REVOKE_URL"),
    Call("GET", "QUICKBOOKS_API_URL", "/v3/company/{}/companyinfo/{}"),
    Call("GET", "QUICKBOOKS_API_URL", "/v3/company/{}/preferences"),
    Call("POST", "QUICKBOOKS_API_URL", "/v3/company/{}/query", body=_asks_for_the_chart),
    Call("POST", "QUICKBOOKS_API_URL", "/v3/company/{}/customer", body=_gives_only_a_name),
    Call("POST", "QUICKBOOKS_API_URL", "/v3/company/{}/vendor", body=_gives_only_a_name),
    Call("POST", "QUICKBOOKS_API_URL", "/v3/company/{}/batch", body=_only_creates_journals, writes=True),
)

transport = Transport(CALLS, request_id_header=REQUEST_ID_HEADER)
