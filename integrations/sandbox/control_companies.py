"""The control API of one company: its books, its chart, and what its own people do at the provider."""

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from . import books, grants
from .book_changes import PEOPLE, changes_of, find_journal
from .companies import CLOSED, INACTIVE, OPEN, Account, Company, accounts, change_profile, find_account, set_refusal
from .consent import USERS
from .control_bodies import answer_forms_with_pages, body, company_or_404, refuse_foreign_forms, refused
from .quickbooks import accounts as quickbooks_accounts
from .quickbooks import changes as quickbooks_changes
from .quickbooks.answers import COMPANY_STATES
from .quickbooks.bodies import Fault
from .state import sandbox
from .xero import accounts as xero_accounts
from .xero import changes as xero_changes
from .xero import connections
from .xero.access import ROLES, STATES
from .xero.demo_company import reset_demo_company
from .xero.journals import Refused

blueprint = Blueprint("control_companies", __name__, url_prefix="/control")
blueprint.before_request(refuse_foreign_forms)
blueprint.after_request(answer_forms_with_pages)

PAGE, MOST_ON_A_PAGE = 100, 1000
DATES = {"quickbooks": ("book_close_date",), "xero": ("period_lock_date", "end_of_year_lock_date")}
FLAGS = {
    "quickbooks": ("warn_duplicate_journal_number", "use_account_numbers", "multicurrency"),
    "xero": ("user_is_adviser",),
}
CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "quickbooks": {"state": ("active", *COMPANY_STATES)},
    "xero": {"state": STATES, "role": ROLES},
}
PEOPLE_LISTS = ("removed_users",)
# The sandbox's words for an account, in each provider's.
ACCOUNT_WORDS = {
    "quickbooks": {
        "number": "AcctNum", "name": "Name", "type": "AccountType", "subtype": "AccountSubType", "active": "Active",
    },
    "xero": {"number": "Code", "name": "Name", "type": "Type", "status": "Status"},
}  # fmt: skip
ProviderRefused = (Fault, xero_accounts.AccountRefused, Refused)


def sentence_of(problem: Exception) -> str:
    return problem.errors[0]["Detail"] if isinstance(problem, Fault) else str(problem)


@blueprint.get("/books/<provider>/<tenant_id>")
def read_books(provider: str, tenant_id: str) -> Response:
    return jsonify(books.summary(sandbox().store, company_or_404(provider, tenant_id)))


@blueprint.get("/books/<provider>/<tenant_id>/journals")
def read_journals(provider: str, tenant_id: str) -> Response:
    """Journals with their lines in the order they came. ?offset and ?limit (at most 1000)."""
    company = company_or_404(provider, tenant_id)
    offset = request.args.get("offset", 0, type=int)
    limit = min(request.args.get("limit", PAGE, type=int), MOST_ON_A_PAGE)
    found = books.journals(sandbox().store, company, offset=offset, limit=limit, newest_first=False)
    return jsonify(journals=found, offset=offset, total=books.count(sandbox().store, company))


@blueprint.get("/books/<provider>/<tenant_id>/changes")
def read_changes(provider: str, tenant_id: str) -> Response:
    """Every journal that was changed after it was entered: when, by whom (app or people), and as it was before."""
    return jsonify(changes=changes_of(sandbox().store, company_or_404(provider, tenant_id)))


@blueprint.get("/<provider>/<tenant_id>/accounts")
def read_accounts(provider: str, tenant_id: str) -> Response:
    """The chart in the provider's own words, and beside each account whether postings are refused."""
    company = company_or_404(provider, tenant_id)
    found = accounts(sandbox().store, company)
    return jsonify(accounts=[account.body | {"refusal": account.refusal} for account in found])


@blueprint.post("/<provider>/<tenant_id>/accounts")
def add_accounts(provider: str, tenant_id: str) -> Response:
    """Add accounts: {"accounts": [{"number", "name", "type", ...}]} or one such object. All or none.

    `type` is the provider's own word ("Other Current Asset"; "CURRENT"). Further members of the provider's account
    object, such as AccountSubType or SystemAccount, may stand beside them.
    """
    company = company_or_404(provider, tenant_id)
    given = body()
    wanted = given.get("accounts", [given])
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        return refused("accounts must be a list of objects.")
    try:
        with sandbox().store.transaction():
            module = chart_of(company)
            created = [module.create_account(sandbox().store, company, in_its_words(company, one)) for one in wanted]
    except ProviderRefused as problem:
        return refused(f"The account was refused: {sentence_of(problem)}")
    return jsonify(accounts=created)


def chart_of(company: Company) -> Any:
    """The module that keeps charts as this company's provider does."""
    return quickbooks_accounts if company.provider == "quickbooks" else xero_accounts


def in_its_words(company: Company, given: dict[str, Any]) -> dict[str, Any]:
    return {ACCOUNT_WORDS[company.provider].get(name, name): value for name, value in given.items()}


@blueprint.post("/<provider>/<tenant_id>/odd_accounts")
def add_odd_accounts(provider: str, tenant_id: str) -> Response:
    """Add the accounts that trip a careless integration: codeless, foreign, archived, of unknown types."""
    company = company_or_404(provider, tenant_id)
    try:
        with sandbox().store.transaction():
            added = chart_of(company).add_odd_accounts(sandbox().store, company)
    except ProviderRefused as problem:
        return refused(f"The odd accounts are there already: {sentence_of(problem)}")
    return jsonify(accounts=added)


@blueprint.post("/<provider>/<tenant_id>/accounts/<account_id>")
def edit_account(provider: str, tenant_id: str, account_id: str) -> Response:
    """{"name", "number", "type", "active" or "status"}: people rename, renumber, retype or archive an account."""
    company = company_or_404(provider, tenant_id)
    account = account_or_404(company, account_id)
    wanted = in_its_words(company, body())
    if unknown := set(wanted) - set(ACCOUNT_WORDS[provider].values()):
        return refused(f"{min(unknown)} is not one of {', '.join(ACCOUNT_WORDS[provider])}.")
    try:
        with sandbox().store.transaction():
            edited = chart_of(company).edit_account(sandbox().store, company, account, wanted)
    except ProviderRefused as problem:
        return refused(f"The account was refused: {sentence_of(problem)}")
    return jsonify(account=edited)


@blueprint.delete("/<provider>/<tenant_id>/accounts/<account_id>")
@blueprint.post("/<provider>/<tenant_id>/accounts/<account_id>/delete")
def delete_account(provider: str, tenant_id: str, account_id: str) -> Response:
    """QuickBooks makes it inactive; Xero deletes an account that was never used and refuses for others."""
    company = company_or_404(provider, tenant_id)
    account = account_or_404(company, account_id)
    try:
        with sandbox().store.transaction():
            deleted = chart_of(company).delete_account(sandbox().store, company, account)
    except ProviderRefused as problem:
        return refused(f"The account was not deleted: {sentence_of(problem)}")
    return jsonify(account=deleted)


def account_or_404(company: Company, account_id: str) -> Account:
    account = find_account(sandbox().store, company, account_id)
    if account is None:
        abort(refused(f"account_id {account_id!r} is not in the chart of {company.name}.", 404))
    return account


@blueprint.route("/<provider>/<tenant_id>/refuse_account", methods=["POST", "DELETE"])
def refuse_account(provider: str, tenant_id: str) -> Response:
    """{"account_id", "how": "inactive" or "closed"}: refuse postings there; DELETE, or "open", lifts it.

    "inactive", the default, shows in the chart (Active false, ARCHIVED); "closed" does not.
    """
    company, given = company_or_404(provider, tenant_id), body()
    how = given.get("how", INACTIVE)
    if how not in (INACTIVE, CLOSED, OPEN):
        return refused(f"how must be {INACTIVE}, {CLOSED} or {OPEN}.")
    refusal = how if request.method == "POST" and how != OPEN else None
    if not set_refusal(sandbox().store, company, str(given.get("account_id", "")), refusal):
        return refused(f"account_id {given.get('account_id')!r} is not in the chart of {company.name}.")
    return jsonify(account_id=given["account_id"], refusal=refusal)


@blueprint.post("/<provider>/<tenant_id>/journals/<journal_id>")
def edit_journal(provider: str, tenant_id: str, journal_id: str) -> Response:
    """{"memo", "date", "number", "lines"}: people change a journal at the provider; only what is given changes.

    A line: {"account_id", "debit" or "credit", "description"}. `memo` is Xero's Narration and Intuit's PrivateNote,
    `number` Intuit's DocNumber. `status` posts a Xero draft.
    """
    return change_by_people(provider, tenant_id, journal_id, body())


@blueprint.delete("/<provider>/<tenant_id>/journals/<journal_id>")
@blueprint.post("/<provider>/<tenant_id>/journals/<journal_id>/delete")
def end_journal(provider: str, tenant_id: str, journal_id: str) -> Response:
    """People delete a QuickBooks entry or a Xero draft, or void a posted Xero journal."""
    return change_by_people(provider, tenant_id, journal_id, None)


def change_by_people(provider: str, tenant_id: str, journal_id: str, given: dict[str, Any] | None) -> Response:
    """Change a journal, or end it when `given` is None."""
    company = company_or_404(provider, tenant_id)
    stored = find_journal(sandbox().store, company, journal_id)
    if stored is None:
        return refused(f"There is no journal {journal_id} in the books of {company.name}.", 404)
    chart = {account.account_id: account for account in accounts(sandbox().store, company)}
    if doubt := problem_with_lines((given or {}).get("lines", []), chart):
        return refused(doubt)
    try:
        with sandbox().store.transaction():
            if provider == "quickbooks":
                head: dict[str, Any] = {"Id": stored.journal_id, "SyncToken": str(stored.changes), "sparse": True}
                act = quickbooks_changes.delete_entry if given is None else quickbooks_changes.update_entry
                told = act(sandbox(), company, head | quickbooks_members(given or {}), by=PEOPLE)
            else:
                head = {"ManualJournalID": stored.journal_id}
                head |= {"Status": xero_changes.ENDS.get(stored.status)} if given is None else {}
                by_code = {account.number: account for account in chart.values() if account.number}
                members = xero_members(given or {}, chart)
                told = xero_changes.change_journal(sandbox(), company, by_code, head | members, by=PEOPLE)
    except ProviderRefused as problem:
        return refused(f"The journal was refused: {sentence_of(problem)}")
    return jsonify(journal=told)


def problem_with_lines(lines: Any, chart: dict[str, Account]) -> str | None:
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        return "lines must be a list of objects with account_id and debit or credit."
    unknown = next((line for line in lines if str(line.get("account_id")) not in chart), None)
    return f"account_id {unknown.get('account_id')!r} is not in the chart." if unknown is not None else None


def quickbooks_members(given: dict[str, Any]) -> dict[str, Any]:
    named = {"memo": "PrivateNote", "date": "TxnDate", "number": "DocNumber"}
    members = {named[name]: value for name, value in given.items() if name in named}
    if "lines" in given:
        members["Line"] = [
            {
                "Amount": str(line.get("debit") or line.get("credit") or 0),
                "Description": line.get("description", ""),
                "DetailType": "JournalEntryLineDetail",
                "JournalEntryLineDetail": {
                    "PostingType": "Debit" if line.get("debit") else "Credit",
                    "AccountRef": {"value": line["account_id"]},
                },
            }
            for line in given["lines"]
        ]
    return members


def xero_members(given: dict[str, Any], chart: dict[str, Account]) -> dict[str, Any]:
    named = {"memo": "Narration", "date": "Date", "status": "Status"}
    members = {named[name]: value for name, value in given.items() if name in named}
    if "lines" in given:
        members["JournalLines"] = [
            {
                "LineAmount": str(line["debit"]) if line.get("debit") else f"-{line.get('credit') or 0}",
                "AccountCode": chart[str(line["account_id"])].number,
                "Description": line.get("description", ""),
            }
            for line in given["lines"]
        ]
    return members


@blueprint.post("/<provider>/<tenant_id>/settings")
def change_settings(provider: str, tenant_id: str) -> Response:
    """What a company's administrator can change: closed books, lock dates, its state, who may still do what."""
    company, given = company_or_404(provider, tenant_id), body()
    for name, value in given.items():
        if problem := problem_with_setting(provider, name, value):
            return refused(problem)
    change_profile(sandbox().store, company, given)
    return jsonify(company.profile | given)


def problem_with_setting(provider: str, name: str, value: Any) -> str | None:
    if name in DATES[provider]:
        return None if value is None or is_date(value) else f"{name} must be a date like 2026-01-31, or null."
    if name in FLAGS[provider]:
        return None if isinstance(value, bool) else f"{name} must be true or false."
    if name in CHOICES[provider]:
        known = CHOICES[provider][name]
        return None if value in known else f"{name} must be one of {', '.join(known)}."
    if name in PEOPLE_LISTS:
        is_known = isinstance(value, list) and set(map(str, value)) <= set(USERS)
        return None if is_known else f"{name} must be a list of {', '.join(USERS)}."
    known = (*DATES[provider], *FLAGS[provider], *CHOICES[provider], *PEOPLE_LISTS)
    return f"{name} is not one of {', '.join(known)}."


def is_date(value: Any) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


@blueprint.post("/<provider>/<tenant_id>/disconnect")
def disconnect(provider: str, tenant_id: str) -> Response:
    """The company's administrator removes the app on the provider's side."""
    company = company_or_404(provider, tenant_id)
    now = sandbox().clock.now()
    if provider == "quickbooks":
        grants.revoke_company(sandbox().store, provider=provider, tenant_id=company.tenant_id, now=now)
    else:
        connections.disconnect_everywhere(sandbox().store, tenant_id=company.tenant_id, now=now)
    return jsonify(disconnected=company.name)


@blueprint.post("/<provider>/<tenant_id>/reset_demo")
def reset_demo(provider: str, tenant_id: str) -> Response:
    """A Xero demo company starts anew: another tenant id, empty books. The old id answers 403 from then on."""
    company = company_or_404(provider, tenant_id)
    if not company.profile.get("is_demo"):
        return refused(f"{company.name} is not a demo company: only those are reset.")
    if company.profile.get("state") == "reset":
        return refused(f"{tenant_id} was reset already.")
    new = reset_demo_company(sandbox().store, company)
    return jsonify(name=new.name, tenant_id=new.tenant_id)
