"""A firm's people before their browsers, and a stranger before one where nobody is signed in."""

import pytest
from django.test import Client

from athenty.organizations.models import Organization
from tests.pages.firms import make_connection, make_firm, make_person
from tests.signed_in import signed_in


@pytest.fixture
def firm(db) -> Organization:
    return make_firm()


class People(dict[str, Client]):
    """A browser by role, and a `stranger`'s. Who is asked for joins the firm and signs in: most tests need one."""

    def __init__(self, firm: Organization) -> None:
        super().__init__(stranger=Client())
        self._firm = firm

    def __missing__(self, role: str) -> Client:
        browser = self[role] = signed_in(make_person(self._firm, role))
        return browser


@pytest.fixture
def people(firm) -> People:
    """With the owner there from the start, as in every firm."""
    people = People(firm)
    people["owner"]
    return people


@pytest.fixture
def owner(people) -> Client:
    return people["owner"]


@pytest.fixture
def other_firms_connection(db):
    return make_connection(make_firm("Other Firm", slug="other"), company="Other Books", company_id="77")
