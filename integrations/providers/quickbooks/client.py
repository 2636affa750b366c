"""python-quickbooks for its URLs and parameters, over our transport. Time-outs, errors and tokens are ours."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from quickbooks import QuickBooks

from integrations.providers import exact_json
from integrations.providers.errors import Unavailable
from integrations.providers.quickbooks.calls import CHART_QUERY, transport
from integrations.providers.quickbooks.faults import raise_for_answer
from integrations.providers.transport import READ_TIMEOUT, Response

MINOR_VERSION = 75
_PAGE = 1000


class Client(QuickBooks):
    """One company and one access token. Made for a call or two and thrown away, so tokens can't meet."""

    def __init__(self, *, company_id: str, access_token: str, minorversion: int = MINOR_VERSION) -> None:
        # QuickBooks.__new__ has taken company_id and minorversion.
        self.api_url_v3 = f"{settings.QUICKBOOKS_API_URL}/v3"
        self._access_token = access_token
        self._timeout = READ_TIMEOUT
        self._writes = False
        self._answer: Response | None = None

    @classmethod
    def for_company(cls, company_id: str, access_token: str) -> "Client":
        return cls(company_id=company_id, access_token=access_token, minorversion=MINOR_VERSION)

    def company_info(self) -> dict[str, Any]:
        return _member(self.get_single_object("CompanyInfo", self.company_id), "CompanyInfo")

    def preferences(self) -> dict[str, Any]:
        return _member(self.get(f"{self.api_url}/company/{self.company_id}/preferences"), "Preferences")

    def chart(self) -> list[dict[str, Any]]:
        """Every account, inactive ones too. No rows, no member: Intuit leaves out what is empty."""
        rows: list[dict[str, Any]] = []
        while True:
            answer = self.query(CHART_QUERY.format(start=len(rows) + 1, count=_PAGE))
            page = _member(answer, "QueryResponse").get("Account", [])
            if not isinstance(page, list):
                raise Unavailable("QuickBooks' chart of accounts could not be read.")
            rows += [row for row in page if isinstance(row, dict)]
            if len(page) < _PAGE:
                return rows

    def post_batch(self, body: bytes, *, request_id: str, timeout: timedelta) -> Response:
        """Send sealed bytes. The requestid makes Intuit answer a second send with the first one's answer."""
        self._timeout, self._writes = timeout, True
        self.post(f"{self.api_url}/company/{self.company_id}/batch", body, request_id=request_id)
        assert self._answer is not None  # noqa: S101 - process_request has set it or raised
        return self._answer

    def create_name(self, resource: str, name: str, *, request_id: str) -> dict[str, Any]:
        """Create a "Customer" or "Vendor". The requestid makes a second call answer what the first one did."""
        url = f"{self.api_url}/company/{self.company_id}/{resource.lower()}"
        return _member(self.post(url, exact_json.dumps({"DisplayName": name}), request_id=request_id), resource)

    def process_request(
        self, request_type: str, url: str, headers: Any = "", params: Any = "", data: Any = ""
    ) -> "_Readable":
        """Where python-quickbooks would use its session: before it has read, and thrown away, status and headers."""
        answer = transport.call(
            request_type,
            url,
            headers={**headers, "Authorization": f"Bearer {self._access_token}"},
            parameters=params,
            body=data.encode() if isinstance(data, str) else data or b"",
            timeout=self._timeout,
        )
        raise_for_answer(answer, writes=self._writes)
        self._answer = answer
        return _Readable(text=answer.body.decode("utf-8-sig"))


class _Readable:
    """What python-quickbooks looks at in a response that is known to be good."""

    status_code = 200

    def __init__(self, text: str) -> None:
        self.text = text


def _member(answer: dict[str, Any], name: str) -> dict[str, Any]:
    member = answer.get(name)
    if not isinstance(member, dict):
        raise Unavailable(f"QuickBooks' answer holds no {name}.")
    return member
