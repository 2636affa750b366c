"""The command that makes an operator, and ends one's access."""

import io

import pytest
from django.core.management import CommandError, call_command

from athenty.organizations.models import Membership, User


def create(monkeypatch, email="Oda@Athenty.test", password="a long password", **options) -> None:  # noqa: S107
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("create_operator", email, **{"name": "Oda Ops"} | options)


@pytest.mark.django_db
def test_an_operator_can_sign_in_and_open_the_operators_pages(monkeypatch, client):
    create(monkeypatch)
    form = {"email": "oda@athenty.test", "password": "a long password", "next": "/ops/"}
    assert client.post("/sign-in/", form)["Location"] == "/ops/"
    assert client.get("/ops/").status_code == 200
    assert not Membership.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"password": "short"}, "too short"),
        ({"email": "nobody"}, "valid email"),
        ({"name": ""}, "cannot be blank"),
    ],
)
def test_a_bad_value_is_told_and_nobody_is_made(monkeypatch, changed, sentence):
    with pytest.raises(CommandError, match=sentence):
        create(monkeypatch, **changed)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_person_who_is_there_is_not_made_an_operator_by_accident(monkeypatch):
    User.objects.create_user("oda@athenty.test", name="Oda Owner")
    with pytest.raises(CommandError, match="already exists"):
        create(monkeypatch)
    assert not User.objects.get().is_staff


@pytest.mark.django_db
def test_an_operators_access_can_be_ended(monkeypatch, client):
    create(monkeypatch)
    client.force_login(User.objects.get())
    call_command("create_operator", "oda@athenty.test", end=True)
    assert client.get("/ops/").status_code == 404
    with pytest.raises(CommandError, match="is no operator"):
        call_command("create_operator", "oda@athenty.test", end=True)
