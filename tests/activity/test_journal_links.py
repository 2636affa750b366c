"""Links from ours to the providers' own pages."""

from integrations.providers import PROVIDERS


def test_a_link_leads_to_the_journal_in_the_providers_own_pages(settings):
    settings.QUICKBOOKS_JOURNAL_URL = "https://books.example/journal?txnId={journal_id}"
    settings.XERO_JOURNAL_URL = "https://books.example/{company_id}/{journal_id}"
    assert PROVIDERS["quickbooks"].journal_url("9341", "309") == "https://books.example/journal?txnId=309"
    assert PROVIDERS["xero"].journal_url("t 1", "a&b") == "https://books.example/t%201/a%26b"
