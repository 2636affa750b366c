"""The providers' own libraries, used as their documents show, work against the sandbox unmodified."""

from datetime import date

import pytest
import requests
from quickbooks import QuickBooks as QuickBooksClient
from quickbooks.batch import batch_create
from quickbooks.exceptions import QuickbooksException, ValidationException
from quickbooks.objects import Ref
from quickbooks.objects.account import Account
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.journalentry import JournalEntry, JournalEntryLine, JournalEntryLineDetail
from xero_python.accounting import AccountingApi, ManualJournal, ManualJournalLine, ManualJournals
from xero_python.api_client import ApiClient, Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import AccountingBadRequestException
from xero_python.identity import IdentityApi

from .callers import XERO_SCOPE, XERO_SECRET


class BearerSession(requests.Session):
    """Stands for the OAuth session that python-quickbooks is given."""

    def __init__(self, access_token: str) -> None:
        super().__init__()
        self.access_token = access_token
        self.headers["Authorization"] = f"Bearer {access_token}"


@pytest.fixture
def quickbooks_client(served, quickbooks):
    client = QuickBooksClient(company_id=quickbooks.realm, minorversion=75)
    client.session = BearerSession(quickbooks.access_token)
    client.api_url_v3 = client.sandbox_api_url_v3 = f"{served}/quickbooks/v3"
    return client


def sdk_entry(number: str, debit: str = "17") -> JournalEntry:
    made = JournalEntry()
    made.DocNumber, made.TxnDate = number, "2026-03-02"
    for posting_type, account_id in (("Debit", debit), ("Credit", "26")):
        line = JournalEntryLine()
        line.Amount = 125.55
        line.JournalEntryLineDetail = JournalEntryLineDetail()
        line.JournalEntryLineDetail.PostingType = posting_type
        line.JournalEntryLineDetail.AccountRef = Ref()
        line.JournalEntryLineDetail.AccountRef.value = account_id
        made.Line.append(line)
    return made


def test_python_quickbooks_reads_company_and_chart(quickbooks_client):
    assert CompanyInfo.get(1, qb=quickbooks_client).CompanyName == "Park & Lowe LLP"
    assert len(Account.all(qb=quickbooks_client, max_results=1000)) == 47


def test_python_quickbooks_saves_replays_and_batches(quickbooks_client, quickbooks):
    saved = sdk_entry("ATH-1").save(qb=quickbooks_client, request_id="r-1")
    assert sdk_entry("ATH-1").save(qb=quickbooks_client, request_id="r-1").Id == saved.Id
    with pytest.raises(QuickbooksException, match="Duplicate Document Number"):
        sdk_entry("ATH-1").save(qb=quickbooks_client)
    with pytest.raises(ValidationException, match="Invalid Reference Id"):
        sdk_entry("ATH-2", debit="3333").save(qb=quickbooks_client)
    result = batch_create([sdk_entry(f"B-{number}") for number in range(31)], qb=quickbooks_client)
    assert (len(result.successes), len(result.faults)) == (31, 0)
    assert quickbooks.books()["journals"] == 32


@pytest.fixture
def xero_client(served, xero):
    token = {
        "access_token": xero.access_token,
        "refresh_token": xero.refresh_token,
        "scope": XERO_SCOPE.split(),
        "expires_in": 1800,
        "token_type": "Bearer",
    }
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token(client_id="demo-xero", client_secret=XERO_SECRET)), pool_threads=1
    )
    client.oauth2_token_getter(lambda: token)
    client.oauth2_token_saver(lambda renewed: None)
    return client


def sdk_journal(narration: str, code: str = "1150") -> ManualJournal:
    lines = [
        ManualJournalLine(line_amount=10.25, account_code=code),
        ManualJournalLine(line_amount=-10.25, account_code="4000"),
    ]
    return ManualJournal(narration=narration, date=date(2026, 3, 2), status="POSTED", journal_lines=lines)


def test_xero_python_reads_connections_organisation_and_chart(served, xero_client, xero):
    (connection,) = IdentityApi(xero_client, base_url=f"{served}/xero").get_connections()
    assert str(connection.tenant_id) == xero.tenant
    api = AccountingApi(xero_client, base_url=f"{served}/xero/api.xro/2.0")
    assert api.get_organisations(xero.tenant).organisations[0].name == "Park & Lowe LLP"
    assert len(api.get_accounts(xero.tenant).accounts) == 54


def test_xero_python_creates_journals_in_both_error_modes(served, xero_client, xero):
    api = AccountingApi(xero_client, base_url=f"{served}/xero/api.xro/2.0")
    answer = api.create_manual_journals(
        xero.tenant,
        manual_journals=ManualJournals(manual_journals=[sdk_journal("one"), sdk_journal("two", "1000")]),
        summarize_errors=False,
        idempotency_key="k-1",
    )
    assert [made.status_attribute_string for made in answer.manual_journals] == ["OK", "ERROR"]
    with pytest.raises(AccountingBadRequestException) as refused:
        api.create_manual_journals(
            xero.tenant, manual_journals=ManualJournals(manual_journals=[sdk_journal("two", "1000")])
        )
    assert refused.value.reason == "Account code '1000' is not a valid code for this document."
