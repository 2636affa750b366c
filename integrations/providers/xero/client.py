"""xero-python for its URLs and headers, over our transport. Retries, time-outs, errors and tokens are ours."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.identity import IdentityApi
from xero_python.rest import RESTClientObject

from integrations.providers import exact_json
from integrations.providers.errors import Unavailable
from integrations.providers.transport import READ_TIMEOUT, Response
from integrations.providers.xero.calls import transport
from integrations.providers.xero.faults import raise_for_answer


class Client:
    """One access token. Made for a call or two and thrown away, so tokens can't meet."""

    def __init__(self, access_token: str) -> None:
        sdk = _TokenApiClient(access_token)
        self._accounting = AccountingApi(sdk, base_url=settings.XERO_API_URL)
        self._identity = _Connections(sdk)

    def connections(self, *, auth_event_id: str = "") -> list[dict[str, Any]]:
        """What this token reaches; with `auth_event_id` only what that one consent added."""
        narrowed = {"auth_event_id": auth_event_id} if auth_event_id else {}
        return _rows(_json(self._identity.get_connections(_preload_content=False, **narrowed)))

    def delete_connection(self, connection_id: str) -> None:
        self._identity.delete_connection(connection_id, _preload_content=False)

    def organisation(self, tenant_id: str) -> dict[str, Any]:
        answer = _json(self._accounting.get_organisations(tenant_id, _preload_content=False))
        rows = _rows(_member(answer, "Organisations"))
        if not rows:
            raise Unavailable("Xero's answer holds no organisation.")
        return rows[0]

    def chart(self, tenant_id: str) -> list[dict[str, Any]]:
        """Every account, archived ones too; Xero has no pages here."""
        answer = _json(self._accounting.get_accounts(tenant_id, _preload_content=False))
        return _rows(_member(answer, "Accounts"))

    def put_manual_journals(self, tenant_id: str, body: bytes, *, idempotency_key: str, timeout: timedelta) -> Response:
        """Send sealed bytes. Without `summarizeErrors=false` a 400 could hide journals that were stored."""
        return self._accounting.create_manual_journals(
            tenant_id,
            manual_journals=body,
            summarize_errors="false",
            idempotency_key=idempotency_key,
            _preload_content=False,
            _request_timeout=timeout,
        )


class _TokenApiClient(ApiClient):
    """xero-python's client with a token that is fresh already.

    The SDK's own token handling is left out whole: its configuration is one object for the whole process, through which
    one tenant's call goes out with another's token.
    """

    def __init__(self, access_token: str) -> None:
        super().__init__()
        self.rest_client = _RestClient()
        self._access_token = access_token

    def update_params_for_auth(self, headers: dict[str, str], querys: Any, auth_settings: Any) -> None:
        headers["Authorization"] = f"Bearer {self._access_token}"


class _RestClient(RESTClientObject):
    """Hands each request to the transport, sealed bytes untouched, and the raw answer back."""

    def __init__(self) -> None:
        # Not the SDK's own, which makes a pool that retries.
        pass

    def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        post_params: Any = None,
        _preload_content: bool = False,
        _request_timeout: timedelta | None = None,
    ) -> Response:
        answer = transport.call(
            method,
            url,
            headers={"Content-Type": "application/json", "Accept": "application/json", **(headers or {})},
            parameters=query_params or (),
            body=body or b"",
            timeout=_request_timeout or READ_TIMEOUT,
        )
        raise_for_answer(answer, writes=bool(body))
        return answer


class _Connections(IdentityApi):
    """The SDK joins `/Connections` to a base; our setting is the whole address, in the case that Xero documents."""

    def get_resource_url(self, resource_path: str) -> str:
        return settings.XERO_CONNECTIONS_URL + resource_path.removeprefix("/Connections")


def _json(answer: Response) -> Any:
    try:
        return exact_json.loads(answer.body)
    except ValueError:
        raise Unavailable(
            "Xero's answer could not be read.", http_status=answer.status, request_id=answer.request_id
        ) from None


def _member(answer: object, name: str) -> object:
    return answer.get(name) if isinstance(answer, dict) else None


def _rows(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Unavailable("Xero's answer could not be read.")
    return [row for row in value if isinstance(row, dict)]
