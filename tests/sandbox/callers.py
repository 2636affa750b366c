"""Plain HTTP callers of the sandbox, as an app of Intuit's or Xero's would be. Nothing of the product is used."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

QUICKBOOKS_SECRET, XERO_SECRET = "demo-quickbooks-secret", "demo-xero-secret"
CALLBACK = "http://localhost:8000/callback"
PARK_AND_LOWE_REALM = "9341450000000011"
FYLE_REALM = "9341450000000028"
OTHER_REALM = "9341450000000044"
PARK_AND_LOWE = "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b01"
DEMO_COMPANY = "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b02"
OTHER_AND_SONS = "5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b04"
XERO_SCOPE = "openid profile email offline_access accounting.manualjournals accounting.settings.read"


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def query_of(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


class QuickBooks:
    """Calls for one company. `line` and `entry` build the smallest body Intuit takes."""

    def __init__(self, client: Any, realm: str = PARK_AND_LOWE_REALM) -> None:
        self.client, self.realm, self.access_token, self.refresh_token = client, realm, "", ""

    def authorize(self, *, method: str = "POST", form: dict[str, str] | None = None, **query: str) -> Any:
        parameters = {
            "client_id": "demo-quickbooks",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "com.intuit.quickbooks.accounting",
            "state": "opaque",
        } | query
        data = {"decision": "allow", "company": self.realm} if form is None else form
        return self.client.open(
            "/quickbooks/connect/oauth2",
            method=method,
            query_string=parameters,
            data=data if method == "POST" else None,
        )

    def code(self) -> str:
        return query_of(self.authorize().location)["code"]

    def token(self, form: dict[str, str], *, secret: str = QUICKBOOKS_SECRET, **headers: str) -> Any:
        return self.client.post(
            "/quickbooks/oauth2/v1/tokens/bearer", data=form, headers=basic("demo-quickbooks", secret) | headers
        )

    def exchange(self, code: str, redirect_uri: str = CALLBACK) -> Any:
        return self.token({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})

    def refresh(self, refresh_token: str, **headers: str) -> Any:
        return self.token({"grant_type": "refresh_token", "refresh_token": refresh_token}, **headers)

    def connected(self) -> "QuickBooks":
        answer = self.exchange(self.code()).json
        self.access_token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        return self

    def call(self, method: str, path: str, *, accept: str | None = "application/json", **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.access_token}"} | ({"Accept": accept} if accept else {})
        return self.client.open(
            f"/quickbooks/v3/company/{self.realm}/{path}", method=method, headers=headers, **options
        )

    def query(self, statement: str) -> Any:
        return self.call("GET", "query", query_string={"query": statement})

    def post(self, entry: dict[str, Any], **query: str) -> Any:
        return self.call("POST", "journalentry", json=entry, query_string=query)

    def batch(self, entries: dict[str, dict[str, Any]], **query: str) -> Any:
        items = [{"bId": name, "operation": "create", "JournalEntry": entry} for name, entry in entries.items()]
        return self.call("POST", "batch", json={"BatchItemRequest": items}, query_string=query)

    def account_id(self, number: str) -> str:
        return self.query(f"select * from Account where AcctNum = '{number}'").json["QueryResponse"]["Account"][0]["Id"]

    def books(self) -> dict[str, Any]:
        return self.client.get(f"/control/books/quickbooks/{self.realm}").json

    def control(self, path: str, body: dict[str, Any], method: str = "POST") -> Any:
        return self.client.open(f"/control/quickbooks/{self.realm}/{path}", method=method, json=body)


def line(posting: str, account_id: str, amount: Any, **detail: Any) -> dict[str, Any]:
    return {
        "Amount": amount,
        "DetailType": "JournalEntryLineDetail",
        "JournalEntryLineDetail": {"PostingType": posting, "AccountRef": {"value": account_id}} | detail,
    }


def entry(debit: str = "17", credit: str = "26", amount: Any = 1250.5, **members: Any) -> dict[str, Any]:
    """Debit Client Trust Liability (id 17), credit Legal Fees (id 26), dated 2 March 2026."""
    lines = [line("Debit", debit, amount), line("Credit", credit, amount)]
    return {"TxnDate": "2026-03-02", "Line": lines} | members


class Xero:
    """Calls for one organisation. `journal` builds the smallest body Xero takes."""

    def __init__(self, client: Any, tenant: str = PARK_AND_LOWE, user: str = "pat") -> None:
        self.client, self.tenant, self.user, self.access_token, self.refresh_token = client, tenant, user, "", ""

    def authorize(self, *, method: str = "POST", form: dict[str, str] | None = None, **query: str) -> Any:
        parameters = {
            "client_id": "demo-xero",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": XERO_SCOPE,
            "state": "opaque",
        } | query
        data = {"decision": "allow", "company": self.tenant, "user": self.user} if form is None else form
        return self.client.open(
            "/xero/identity/connect/authorize",
            method=method,
            query_string=parameters,
            data=data if method == "POST" else None,
        )

    def code(self, **query: str) -> str:
        return query_of(self.authorize(**query).location)["code"]

    def token(self, form: dict[str, str], secret: str = XERO_SECRET) -> Any:
        return self.client.post("/xero/connect/token", data=form, headers=basic("demo-xero", secret))

    def exchange(self, code: str, **form: str) -> Any:
        return self.token({"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | form)

    def refresh(self, refresh_token: str) -> Any:
        return self.token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def connected(self, **query: str) -> "Xero":
        answer = self.exchange(self.code(**query)).json
        self.access_token, self.refresh_token = answer["access_token"], answer.get("refresh_token", "")
        return self

    def claims(self) -> dict[str, Any]:
        part = self.access_token.split(".")[1]
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))

    def connections(self, **query: str) -> Any:
        return self.client.get(
            "/xero/connections", query_string=query, headers={"Authorization": f"Bearer {self.access_token}"}
        )

    def call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> Any:
        sent = {
            "Authorization": f"Bearer {self.access_token}",
            "xero-tenant-id": self.tenant,
            "Accept": "application/json",
        } | (headers or {})
        return self.client.open(f"/xero/api.xro/2.0/{path}", method=method, headers=sent, **options)

    def put(self, *journals: dict[str, Any], summarize: str | None = "false", key: str | None = None) -> Any:
        query = {} if summarize is None else {"summarizeErrors": summarize}
        headers = {"Idempotency-Key": key} if key else {}
        return self.call(
            "PUT", "ManualJournals", json={"ManualJournals": list(journals)}, query_string=query, headers=headers
        )

    def books(self) -> dict[str, Any]:
        return self.client.get(f"/control/books/xero/{self.tenant}").json

    def control(self, path: str, body: dict[str, Any], method: str = "POST") -> Any:
        return self.client.open(f"/control/xero/{self.tenant}/{path}", method=method, json=body)


def journal(
    narration: str = "ATH-1 Retainer",
    *,
    debit: str = "2100",
    credit: str = "4000",
    amount: Any = 1250.5,
    **members: Any,
) -> dict[str, Any]:
    """Debit Client Trust Liability (2100), credit Legal Fees (4000), posted on 2 March 2026."""
    return {
        "Narration": narration,
        "Date": "2026-03-02",
        "Status": "POSTED",
        "JournalLines": [
            {"LineAmount": amount, "AccountCode": debit},
            {"LineAmount": -amount if not isinstance(amount, str) else f"-{amount}", "AccountCode": credit},
        ],
    } | members


def messages(element: dict[str, Any]) -> list[str]:
    return [error["Message"] for error in element.get("ValidationErrors", [])]
