from .callers import PARK_AND_LOWE_REALM, entry, journal


def test_the_home_page_lists_every_book_of_both_providers_with_its_figures(client, quickbooks):
    quickbooks.post(entry())
    quickbooks.call("GET", "reports/BalanceSheet")
    page = client.get("/").text
    for name in ("Park &amp; Lowe LLP", "Fyle Sandbox Co", "Demo Company (US)", "Other &amp; Sons LLP"):
        assert name in page
    assert f"/books/quickbooks/{PARK_AND_LOWE_REALM}" in page
    assert "1250.50" in page
    assert "Refused reads" in page


def test_a_books_page_shows_journals_newest_first_with_lines_and_totals(client, quickbooks):
    quickbooks.post(entry(DocNumber="ATH-1", PrivateNote="First <entry>"))
    quickbooks.post(entry(DocNumber="ATH-2", amount=7))
    page = client.get(f"/books/quickbooks/{quickbooks.realm}").text
    assert page.index("ATH-2") < page.index("ATH-1")
    assert "First &lt;entry&gt;" in page
    assert "2100 Client Trust Liability" in page
    assert "1257.50" in page


def test_a_books_page_holds_fifty_journals(client, xero):
    xero.put(*[journal(f"ATH-{number:03}") for number in range(51)])
    address = f"/books/xero/{xero.tenant}"
    first, second = client.get(address).text, client.get(f"{address}?page=2").text
    assert "ATH-050" in first
    assert "ATH-000" not in first
    assert "ATH-000" in second
    assert "Page 2 of 2" in second


def test_a_double_entry_is_announced(client, xero):
    xero.put(journal("ATH-1"), journal("ATH-1"))
    assert "Entered more than once: ATH-1" in client.get(f"/books/xero/{xero.tenant}").text


def test_an_unknown_book_is_404(client):
    assert client.get("/books/xero/nowhere").status_code == 404
    assert client.get("/books/sage/nowhere").status_code == 404
