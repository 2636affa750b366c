"""QuickBooks Online's answers: the envelope, faults of the accounting service, and faults of the gateway."""

from datetime import timedelta, timezone
from typing import Any
from xml.etree.ElementTree import Element

from flask import Response, g, request

from ..markup import to_xml
from ..replays import Answer
from ..state import sandbox
from ..store import as_json

NAMESPACE = "http://schema.intuit.com/finance/v3"
PACIFIC = timezone(timedelta(hours=-8))  # the offset Intuit's own examples show
JSON, XML = "application/json;charset=UTF-8", "application/xml;charset=UTF-8"


class Fault(Exception):
    """The accounting service refuses: shape `{"Fault": {"Error": [...], "type": ...}}`, mostly with HTTP 400."""

    def __init__(self, *errors: dict[str, str], kind: str = "ValidationFault", status: int = 400) -> None:
        super().__init__(errors[0]["Message"])
        self.errors, self.kind, self.status = list(errors), kind, status

    @property
    def body(self) -> dict[str, Any]:
        return {"Error": self.errors, "type": self.kind}


class GatewayFault(Exception):
    """The gateway in front of the service refuses: lower-case keys, `time` in milliseconds."""

    def __init__(self, *, status: int, code: str, message: str, detail: str | None, kind: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail, self.kind = status, code, message, detail, kind


def error(code: str, message: str, detail: str, element: str = "") -> dict[str, str]:
    return {"Message": message, "Detail": detail, "code": code, "element": element}


def wants_json() -> bool:
    return "application/json" in request.headers.get("Accept", "")


def now_text() -> str:
    return sandbox().clock.moment().astimezone(PACIFIC).isoformat(timespec="milliseconds")


def envelope(members: dict[str, Any], *, status: int = 200) -> Answer:
    """An answer in the caller's format. Without `Accept: application/json` that is XML, as at Intuit."""
    if wants_json():
        return Answer(status, JSON, as_json(members | {"time": now_text()}).encode())
    root = Element("IntuitResponse", xmlns=NAMESPACE, time=now_text())
    return Answer(status, XML, to_xml(root, _with_attributes(members), item_name=lambda name: None))


def _with_attributes(members: dict[str, Any]) -> dict[str, Any]:
    """What Intuit's XML writes as attributes: a fault's type, an error's code, a page's place."""
    attributes = {"type", "code", "element", "startPosition", "maxResults", "totalCount"}
    shown: dict[str, Any] = {}
    for name, value in members.items():
        if name in ("Fault", "QueryResponse"):
            inner = {f"@{key}" if key in attributes else key: item for key, item in value.items()}
            if "Error" in inner:
                inner["Error"] = [
                    {f"@{key}" if key in attributes else key: text for key, text in one.items()}
                    for one in inner["Error"]
                ]
            shown[name] = inner
        else:
            shown[name] = value
    return shown


def fault_answer(fault: Fault) -> Answer:
    return envelope({"Fault": fault.body}, status=fault.status)


def gateway_answer(fault: GatewayFault) -> Answer:
    if not wants_json():
        told = {"Message": fault.message, "Detail": fault.detail, "code": fault.code}
        members = {"Fault": {"Error": [told], "type": fault.kind}}
        return envelope(members, status=fault.status)
    body: dict[str, Any] = {
        "warnings": None,
        "intuitObject": None,
        "fault": {
            "error": [{"message": fault.message, "detail": fault.detail, "code": fault.code, "element": None}],
            "type": fault.kind,
        },
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(sandbox().clock.now() * 1000),
        "status": None,
        "cdcresponse": [],
    }
    return Answer(fault.status, JSON, as_json(body).encode())


def respond(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status, content_type=answer.content_type)
    return with_intuit_headers(response)


def with_intuit_headers(response: Response) -> Response:
    response.headers["intuit_tid"] = f"1-{g.request_id}"
    response.headers["QBO-Version"] = "1.0-sandbox"
    return response
