"""The command that makes a firm and its owner."""

import io

import pytest
from django.core.management import CommandError, call_command

from athenty.organizations.models import Membership, Organization, User

OPTIONS = {"slug": "park-lowe", "owner": "Ada@Example.com", "owner_name": "Ada Park", "currency": "cad"}


def create(monkeypatch, password: str, **changed: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_organization", "Park & Lowe LLP", **OPTIONS | changed)


@pytest.mark.django_db
def test_a_firm_is_made_with_an_owner_who_can_sign_in(monkeypatch, client):
    create(monkeypatch, "a long password")
    membership = Membership.objects.get(organization__slug="park-lowe", user__email="ada@example.com")
    assert (membership.role, membership.organization.currency) == ("owner", "CAD")
    assert client.login(username="ada@example.com", password="a long password")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("password", "changed", "sentence"),
    [
        ("short", {}, "Password: "),
        ("a long password", {"slug": "not a slug"}, "Slug: "),
        ("a long password", {"time_zone": "Mars"}, "Time zone: Mars is not a time zone"),
        ("a long password", {"currency": "dollars"}, "Currency: "),
        ("a long password", {"owner": "nobody"}, "Email: "),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_made(monkeypatch, password, changed, sentence):
    with pytest.raises(CommandError, match=sentence):
        create(monkeypatch, password, **changed)
    assert not Organization.objects.exists()
    assert not User.objects.exists()
