"""The providers' own libraries against the sandbox, as their documents show them and unmodified.

`python -m tests.fidelity.sdks` starts a sandbox and walks through it; a test does the same. It shows that the sandbox
is not shaped to our own client, which uses these libraries for little more than their URLs.
"""

import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.exceptions import QuickbooksException
from quickbooks.objects import Ref
from quickbooks.objects.account import Account
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.journalentry import JournalEntry, JournalEntryLine, JournalEntryLineDetail
from xero_python.accounting import AccountingApi, ManualJournal, ManualJournalLine, ManualJournals
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from tests.sandbox_server import Sandbox, running_sandbox

COMPANY = "Park & Lowe LLP"
CALLBACK = "http://localhost:8000/callback"
XERO_SCOPES = "openid profile email offline_access accounting.manualjournals accounting.settings.read"


def main() -> int:
    # The libraries speak plain http, which oauthlib else refuses: to this sandbox, in this process.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    with TemporaryDirectory() as folder, running_sandbox(Path(folder) / "books.sqlite3") as sandbox:
        for sentence in (*with_python_quickbooks(sandbox), *with_xero_python(sandbox)):
            sys.stdout.write(f"{sentence}\n")
    return 0


def with_python_quickbooks(sandbox: Sandbox) -> list[str]:
    """Connect, read the company and its chart, save one entry twice, have two refused, then send a batch.

    What was seen, sentence by sentence.
    """
    answer, realm_id = _consent(
        sandbox,
        authorize=f"{sandbox.url}/quickbooks/connect/oauth2",
        token=f"{sandbox.url}/quickbooks/oauth2/v1/tokens/bearer",
        client=("demo-quickbooks", "demo-quickbooks-secret"),
        scope="com.intuit.quickbooks.accounting",
    )
    auth_client = SimpleNamespace(
        client_id="demo-quickbooks",
        access_token=answer["access_token"],
        refresh_token=answer["refresh_token"],
        environment="production",
    )
    client = QuickBooks(
        auth_client=auth_client, refresh_token=answer["refresh_token"], company_id=realm_id, minorversion=75
    )
    client.api_url_v3 = f"{sandbox.url}/quickbooks/v3"

    company = CompanyInfo.get(1, qb=client)
    accounts = Account.all(qb=client, max_results=1000)
    bank = next(account for account in accounts if account.AccountType == "Bank")
    income = next(account for account in accounts if account.AccountType == "Income")
    saved = _journal_entry("SDK-1", bank, income).save(qb=client, request_id="the-sdk's-own")
    again = _journal_entry("SDK-1", bank, income).save(qb=client, request_id="the-sdk's-own")
    nowhere = Account()
    nowhere.Id = "3333"
    same_number = _refusal(lambda: _journal_entry("SDK-1", bank, income).save(qb=client))
    no_account = _refusal(lambda: _journal_entry("SDK-0", nowhere, income).save(qb=client))
    batch = batch_create([_journal_entry(f"SDK-{number}", bank, income) for number in range(2, 42)], qb=client)
    return [
        f"python-quickbooks reads {company.CompanyName} and {len(accounts)} accounts.",
        f"It saves one journal entry, which gets the id {saved.Id}, and the id {again.Id} when it is sent again.",
        f"It reads the refusals {same_number} and {no_account}.",
        f"It creates {len(batch.successes)} more in batches, with {len(batch.faults)} faults.",
        f"The sandbox's books hold {sandbox.books('quickbooks', realm_id)['journals']} journals.",
    ]


def with_xero_python(sandbox: Sandbox) -> list[str]:
    """Connect, read the organisation and its chart, create one journal, then several, then bad ones; what was seen."""
    answer, _ = _consent(
        sandbox,
        authorize=f"{sandbox.url}/xero/identity/connect/authorize",
        token=f"{sandbox.url}/xero/connect/token",
        client=("demo-xero", "demo-xero-secret"),
        scope=XERO_SCOPES,
    )
    names = ("access_token", "refresh_token", "expires_in", "token_type")
    stored = {name: answer[name] for name in names} | {"scope": XERO_SCOPES.split()}
    api_client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="demo-xero", client_secret="demo-xero-secret")),
        pool_threads=1,
    )
    api_client.oauth2_token_getter(lambda: stored)
    api_client.oauth2_token_saver(stored.update)
    api = AccountingApi(api_client, base_url=f"{sandbox.url}/xero/api.xro/2.0")

    (connection,) = IdentityApi(api_client, base_url=f"{sandbox.url}/xero").get_connections()
    tenant_id = str(connection.tenant_id)
    organisation = api.get_organisations(tenant_id).organisations[0]
    accounts = api.get_accounts(tenant_id).accounts
    one = api.create_manual_journals(tenant_id, manual_journals=ManualJournals(manual_journals=[_journal("SDK 1")]))
    several = api.create_manual_journals(
        tenant_id,
        manual_journals=ManualJournals(manual_journals=[_journal(f"SDK {number}") for number in range(2, 7)]),
        summarize_errors=False,
        idempotency_key="the-sdk's-own-batch",
    )
    mixed = api.create_manual_journals(
        tenant_id,
        manual_journals=ManualJournals(manual_journals=[_journal("SDK 7"), _journal("SDK 8", debited="1000")]),
        summarize_errors=False,
    )
    bad = ManualJournals(manual_journals=[_journal("SDK 8", debited="1000")])
    try:
        api.create_manual_journals(tenant_id, manual_journals=bad)
        refusal = "nothing"
    except AccountingBadRequestException as error:
        refusal = error.reason
    return [
        f"xero-python reads {organisation.name} and {len(accounts)} accounts.",
        f"It creates one manual journal, which is {one.manual_journals[0].status}.",
        f"It creates {len(several.manual_journals)} more in one request, each {', '.join(set(_states(several)))}.",
        f"A good and a bad one together are {' and '.join(_states(mixed))}.",
        f"A bad one in the other error mode raises: {refusal}",
        f"The sandbox's books hold {sandbox.books('xero', tenant_id)['journals']} journals.",
    ]


def _consent(
    sandbox: Sandbox, *, authorize: str, token: str, client: tuple[str, str], scope: str
) -> tuple[dict[str, str], str]:
    """A person allows access, and the code is traded: the token answer, and the realmId where there is one."""
    sandbox.register(CALLBACK)
    query = {"client_id": client[0], "response_type": "code", "scope": scope, "redirect_uri": CALLBACK, "state": "s"}
    back = parse_qs(urlsplit(sandbox.consent(f"{authorize}?{urlencode(query)}", COMPANY)).query)
    form = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": CALLBACK}
    answer = requests.post(token, data=form, auth=client, headers={"Accept": "application/json"}, timeout=10)
    answer.raise_for_status()
    return answer.json(), back.get("realmId", [""])[0]


def _refusal(save: Callable[[], object]) -> int:
    """The code that the library's exception carries; 0 when it raised none."""
    try:
        save()
    except QuickbooksException as error:
        return error.error_code
    return 0


def _states(answer: ManualJournals) -> list[str]:
    return [journal.status_attribute_string for journal in answer.manual_journals]


def _journal_entry(number: str, debited: Account, credited: Account) -> JournalEntry:
    entry = JournalEntry()
    entry.DocNumber, entry.TxnDate = number, "2026-03-02"
    for posting_type, account in (("Debit", debited), ("Credit", credited)):
        line = JournalEntryLine()
        line.Amount = 125.55
        line.JournalEntryLineDetail = JournalEntryLineDetail()
        line.JournalEntryLineDetail.PostingType = posting_type
        line.JournalEntryLineDetail.AccountRef = Ref()
        line.JournalEntryLineDetail.AccountRef.value = account.Id
        entry.Line.append(line)
    return entry


def _journal(narration: str, debited: str = "1150") -> ManualJournal:
    lines = [
        ManualJournalLine(line_amount=10.25, account_code=debited),
        ManualJournalLine(line_amount=-10.25, account_code="4000"),
    ]
    return ManualJournal(narration=narration, date=date(2026, 3, 2), status="POSTED", journal_lines=lines)


if __name__ == "__main__":
    sys.exit(main())
