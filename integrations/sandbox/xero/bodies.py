"""Xero's answers: the envelope, validation exceptions, and the problem bodies of its gateway."""

from typing import Any
from xml.etree.ElementTree import Element

from flask import Response, g, request

from ..markup import to_xml
from ..replays import Answer
from ..retry_after import retry_after
from ..state import sandbox
from ..store import as_json

JSON, XML = "application/json; charset=utf-8", "application/xml; charset=utf-8"
ITEM_NAMES = {
    "ManualJournals": "ManualJournal", "JournalLines": "JournalLine", "Tracking": "TrackingCategory",
    "Accounts": "Account", "Organisations": "Organisation", "Elements": "DataContractBase", "Actions": "Action",
    "ValidationErrors": "ValidationError", "Warnings": "Warning",
}  # fmt: skip


class Problem(Exception):
    """Refused before the accounting service sees it: 401 or 403 with Title and Detail."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers or {}


class ApiException(Exception):
    """The accounting service refuses the request as a whole: 400 with an ErrorNumber."""

    def __init__(self, number: int, kind: str, message: str, elements: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.number, self.kind, self.message, self.elements = number, kind, message, elements

    def answer(self) -> Answer:
        body: dict[str, Any] = {"ErrorNumber": self.number, "Type": self.kind, "Message": self.message}
        if self.elements is not None:
            body["Elements"] = self.elements
        return rendered(body, root="ApiException", status=400)


class Throttled(Exception):
    """429: which limit, and the seconds to wait where Xero says so."""

    def __init__(self, problem: str, retry_after: int | None) -> None:
        super().__init__(problem)
        self.problem, self.retry_after = problem, retry_after


class Offline(Exception):
    """503: this one organisation is down for some minutes."""

    text = "The Organisation is offline"


def wants_json() -> bool:
    return "application/json" in request.headers.get("Accept", "")


def rendered(body: dict[str, Any], *, root: str, status: int = 200) -> Answer:
    if wants_json():
        return Answer(status, JSON, as_json(body).encode())
    return Answer(status, XML, to_xml(Element(root), body, item_name=ITEM_NAMES.get))


def envelope(members: dict[str, Any]) -> Answer:
    head = {
        "Id": g.request_id,
        "Status": "OK",
        "ProviderName": sandbox().apps["xero"].name,
        "DateTimeUTC": f"/Date({int(sandbox().clock.now() * 1000)})/",
    }
    return rendered(head | members, root="Response")


def problem_response(problem: Problem) -> Response:
    titles = {401: "Unauthorized", 403: "Forbidden"}
    body = {
        "Type": None, "Title": titles[problem.status], "Status": problem.status, "Detail": problem.detail,
        "Instance": g.request_id, "Extensions": {},
    }  # fmt: skip
    return Response(as_json(body), status=problem.status, content_type="application/json", headers=problem.headers)


def throttled_response(throttled: Throttled) -> Response:
    """429 with an empty body: which limit it was stands in the headers, the wait only for the minute and the day."""
    response = Response(status=429)
    response.headers["X-Rate-Limit-Problem"] = throttled.problem
    if throttled.retry_after is not None:
        response.headers["Retry-After"] = retry_after(
            throttled.retry_after, sandbox().switches.position("xero_retry_after")
        )
    return response


def respond(answer: Answer) -> Response:
    return Response(answer.body, status=answer.status, content_type=answer.content_type)
