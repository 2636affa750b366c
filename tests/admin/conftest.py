"""An operator before a browser, and two firms whose mirrors are in every state."""

import pytest
from django.test import Client

from athenty.organizations.models import Organization, User
from integrations.models import Connection
from tests.pages.firms import make_connection, make_firm, make_person, mark_sent, park, post
from tests.signed_in import signed_in


@pytest.fixture
def operator(db) -> User:
    return User.objects.create_user("ops@athenty.test", name="Oda Ops", is_staff=True)


@pytest.fixture
def ops(operator) -> Client:
    return signed_in(operator)


@pytest.fixture
def firm(db) -> Organization:
    return make_firm()


@pytest.fixture
def connection(firm) -> Connection:
    """Ten entries: four sent, three that need attention, three waiting."""
    make_person(firm, "owner", "Ada Park")
    post(firm, 10)
    made = make_connection(firm)
    mark_sent(made, 4)
    park(made, 3)
    return made
