"""What the control API is sent and how it refuses: JSON, or the same fields from a form of the control page."""

from typing import Any
from urllib.parse import urlsplit

from flask import Response, abort, jsonify, redirect, render_template, request

from .companies import Company, find_company
from .faults import READ_AS
from .state import sandbox

FORM_TYPE = "application/x-www-form-urlencoded"
BACK, LISTS = "_back", "_lists"  # fields of a form that are about the form itself
NUMBERS = {"advance_seconds", *READ_AS}
NOTHING = {"book_close_date", "period_lock_date", "end_of_year_lock_date"}  # cleared by an empty field
WORDS = {"true": True, "false": False}


def is_form() -> bool:
    return request.method == "POST" and request.mimetype == FORM_TYPE


def body() -> dict[str, Any]:
    """The request's JSON object or form. Aborts with 400 and a sentence."""
    if is_form():
        return form_fields()
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        abort(refused("The body must be a JSON object."))
    return given


def form_fields() -> dict[str, Any]:
    """A form's fields as the JSON they stand for: empty ones left out, numbers, yes and no read, lists gathered."""
    lists = request.form.get(LISTS, "").split()
    given: dict[str, Any] = {name: request.form.getlist(name) for name in lists}
    for name, text in request.form.items():
        if name in (BACK, LISTS, *lists):
            continue
        if text == "":
            given |= {name: None} if name in NOTHING else {}
        else:
            given[name] = as_number(text) if name in NUMBERS else WORDS.get(text, text)
    return given


def as_number(text: str) -> float | int | str:
    try:
        number = float(text)
    except ValueError:
        return text  # the call itself says what it wants
    return int(number) if number.is_integer() else number


def refused(sentence: str, status: int = 400) -> Response:
    """A refusal with a sentence that says what to correct."""
    answer = jsonify(error=sentence)
    answer.status_code = status
    return answer


def company_or_404(provider: str, tenant_id: str) -> Company:
    company = find_company(sandbox().store, provider, tenant_id)
    if company is None:
        abort(refused(f"There is no {provider} company {tenant_id}.", 404))
    return company


def refuse_foreign_forms() -> Response | None:
    """A page of another site must not press the sandbox's buttons through its visitor's browser."""
    origin = request.headers.get("Origin")
    if is_form() and origin and urlsplit(origin).netloc != request.host:
        return refused("This form came from another site.", 403)
    return None


def answer_forms_with_pages(response: Response) -> Response:
    """Send a page's form back to it, or show the sentence that says what to correct. Fields sent by curl get JSON."""
    if not is_form() or BACK not in request.form:
        return response
    back = request.form[BACK]
    back = back if back.startswith("/control/") else "/control/"
    if response.status_code < 400:
        return redirect(back, 303)  # type: ignore[return-value]
    told = response.get_json(silent=True) or {}
    page = render_template("control_refused.html", sentence=told.get("error", "That didn't work."), back=back)
    return Response(page, status=response.status_code)
