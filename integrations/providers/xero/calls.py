"""The closed list of calls to Xero. PUT only creates; nothing here reads a journal, a balance or a report."""

from integrations.providers.transport import Call, Transport

REQUEST_ID_HEADER = "Xero-Correlation-Id"

CALLS = (
    Call("POST", "XERO_TOKEN_URL"),
    Call("POST", "XERO_REVOKE_URL"),
    Call("GET", "XERO_CONNECTIONS_URL"),
    Call("DELETE", "XERO_CONNECTIONS_URL", "/{}"),
    Call("GET", "XERO_API_URL", "/Organisation"),
    Call("GET", "XERO_API_URL", "/Accounts"),
    Call("PUT", "XERO_API_URL", "/ManualJournals", writes=True),
)

transport = Transport(CALLS, request_id_header=REQUEST_ID_HEADER)
