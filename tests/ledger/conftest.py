import pytest

from tests.ledger.books import Books, open_books


@pytest.fixture
def books(db) -> Books:
    return open_books()


@pytest.fixture
def other_books(db) -> Books:
    return open_books("Hart & Co", "hart")
