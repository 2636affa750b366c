import pytest

from tests.ledger.books import Books, open_books
from tests.ledger.emptying import tables_can_be_emptied

__all__ = ["tables_can_be_emptied"]


@pytest.fixture
def books(db) -> Books:
    return open_books()


@pytest.fixture
def other_books(db) -> Books:
    return open_books("Hart & Co", "hart")
