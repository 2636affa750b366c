"""The sandbox's own pages for people: a home page, and one page per book."""

from flask import Blueprint, abort, render_template, request

from . import books
from .companies import companies, find_company
from .consent import PROVIDER_NAMES
from .state import PROVIDERS, sandbox

blueprint = Blueprint("pages", __name__)

JOURNALS_PER_PAGE = 50


@blueprint.get("/")
def home() -> str:
    store = sandbox().store
    found = [books.summary(store, company) for provider in PROVIDERS for company in companies(store, provider)]
    return render_template("home.html", books=found, provider_names=PROVIDER_NAMES, now=sandbox().clock.moment())


@blueprint.get("/books/<provider>/<tenant_id>")
def book(provider: str, tenant_id: str) -> str:
    store = sandbox().store
    company = find_company(store, provider, tenant_id)
    if company is None:
        abort(404)
    page = max(1, request.args.get("page", 1, type=int))
    only = request.args.get("journal")
    summary = books.summary(store, company)
    entered = 1 if only else summary["journals"] + summary["drafts"]
    return render_template(
        "book.html", book=summary, provider_name=PROVIDER_NAMES[provider], page=page,
        pages=max(1, -(-entered // JOURNALS_PER_PAGE)),
        journals=books.journals(
            store, company, offset=(page - 1) * JOURNALS_PER_PAGE, limit=JOURNALS_PER_PAGE, newest_first=True,
            only=only,
        ),
        accounts=[row for row in summary["accounts"] if row["debits"] != "0.00" or row["credits"] != "0.00"],
    )  # fmt: skip
