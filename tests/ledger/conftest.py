import pytest
from django.test import Client

from tests.ledger.books import Books, open_books
from tests.signed_in import signed_in


@pytest.fixture
def books(db) -> Books:
    return open_books()


@pytest.fixture
def other_books(db) -> Books:
    return open_books("Hart & Co", "hart")


@pytest.fixture
def page(books) -> Client:
    """A browser that the firm's owner is signed in with."""
    return signed_in(books.owner)
