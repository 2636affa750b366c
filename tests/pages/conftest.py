"""The people of a firm, each with a browser signed in, and a stranger with one that is not."""

import pytest
from django.test import Client

from athenty.organizations.models import Organization
from tests.pages.firms import make_connection, make_firm, make_person


@pytest.fixture
def firm(db) -> Organization:
    return make_firm()


@pytest.fixture
def people(firm) -> dict[str, Client]:
    """A signed-in browser by role, and a `stranger`'s."""
    browsers = {"stranger": Client()}
    for role in ("owner", "admin", "member", "viewer"):
        browsers[role] = Client()
        browsers[role].force_login(make_person(firm, role))
    return browsers


@pytest.fixture
def owner(people) -> Client:
    return people["owner"]


@pytest.fixture
def other_firms_connection(db):
    return make_connection(make_firm("Other Firm", slug="other"), company="Other Books", company_id="77")
