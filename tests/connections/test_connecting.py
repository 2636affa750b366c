"""Connecting through the sandbox's own OAuth pages: what works, and what changes nothing."""

import dataclasses
import json
import logging
from datetime import timedelta

import pytest
from django.db import connections as databases
from django.db.models import F

from audit.actions import Action
from audit.models import AuditEvent
from integrations.connections import attempts, connect, disconnect, returning, tokens
from integrations.connections.attempts import Candidate, ConnectFailed
from integrations.models import ConnectAttempt, Connection, SealedGrant
from integrations.providers.errors import GrantLost
from tests.mirror.conftest import (
    COMPANY,
    _key_file,
    connect_firm,
    firm,
    make_firm,
    parameters,
    provider_name,
    sandbox,
    visitor,
)

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]


def nothing_changed() -> bool:
    return not Connection.objects.exists() and not SealedGrant.objects.exists()


def give_back(connection) -> None:
    returning.give_back(connection.grants_to_return.get().pk)


def token_calls(sandbox, provider_name) -> int:
    return len(sandbox.requests(provider_name, "token"))


def test_connecting_joins_the_company_chosen_at_the_provider(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    assert (connection.status, connection.company_name) == ("connected", COMPANY)
    assert connection.home_currency == "USD"
    assert connection.chart.eligible().exists()
    [event] = AuditEvent.objects.filter(action=Action.CONNECTED)
    assert event.data == {"provider": provider_name, "company": COMPANY}
    assert event.actor == firm.owner


def test_a_callback_is_good_once(firm, provider_name, sandbox):
    back = parameters(sandbox.consent(connect.begin(provider_name, visitor(firm)), COMPANY))
    connect.finish(provider_name, visitor(firm), back)
    calls = token_calls(sandbox, provider_name)
    with pytest.raises(ConnectFailed, match="Start again"):
        connect.finish(provider_name, visitor(firm), back)
    assert token_calls(sandbox, provider_name) == calls
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("wrong", ["state", "session", "person", "organization", "provider", "late"])
def test_a_callback_that_is_not_ours_costs_no_token_call_and_changes_nothing(firm, provider_name, sandbox, wrong):
    back = parameters(sandbox.consent(connect.begin(provider_name, visitor(firm)), COMPANY))
    caller = visitor(firm)
    if wrong == "state":
        back["state"] += "x"
    elif wrong == "session":
        caller = dataclasses.replace(caller, session_key="another")
    elif wrong == "person":
        caller = dataclasses.replace(caller, user=make_firm("Other Law").owner)
    elif wrong == "organization":
        caller = dataclasses.replace(caller, organization=make_firm("Other Law").organization)
    elif wrong == "provider":
        provider_name = {"quickbooks": "xero", "xero": "quickbooks"}[provider_name]
    else:
        ConnectAttempt.objects.update(started_at=F("started_at") - timedelta(minutes=11))
    with pytest.raises(ConnectFailed, match="took too long or was started in another window"):
        connect.finish(provider_name, caller, back)
    assert token_calls(sandbox, provider_name) == 0
    assert nothing_changed()


def test_a_denied_consent_changes_nothing(firm, provider_name, sandbox):
    state = parameters(connect.begin(provider_name, visitor(firm)))["state"]
    with pytest.raises(ConnectFailed, match="You did not give Athenty access"):
        connect.finish(provider_name, visitor(firm), {"error": "access_denied", "state": state})
    assert nothing_changed()
    assert ConnectAttempt.objects.get().outcome == "denied"


@pytest.mark.django_db
def test_a_company_in_another_currency_is_refused_with_both_named(provider_name, sandbox):
    firm = make_firm(currency="CAD")
    with pytest.raises(ConnectFailed, match="keeps its books in USD; your ledger is in CAD"):
        connect_firm(firm, provider_name, sandbox)
    assert nothing_changed()


def test_a_company_has_one_mirror(firm, provider_name, sandbox):
    connect_firm(firm, provider_name, sandbox)
    with pytest.raises(ConnectFailed, match="already connected to another Athenty firm"):
        connect_firm(make_firm("Other Law"), provider_name, sandbox)
    assert Connection.objects.count() == 1


def test_a_used_code_connects_nothing(firm, provider_name, sandbox):
    back = parameters(sandbox.consent(connect.begin(provider_name, visitor(firm)), COMPANY))
    back["code"] = "made-up"
    with pytest.raises(ConnectFailed, match="did not complete the sign-in"):
        connect.finish(provider_name, visitor(firm), back)
    assert nothing_changed()


def test_connected_is_not_connected_again(firm, provider_name, sandbox):
    connect_firm(firm, provider_name, sandbox)
    with pytest.raises(ConnectFailed, match="connected already"):
        connect.begin(provider_name, visitor(firm))


def test_another_company_on_reconnect_is_asked_about_and_starts_empty(firm, provider_name, sandbox):
    first = connect_firm(firm, provider_name, sandbox)
    disconnect.disconnect(first, actor=firm.owner)
    give_back(first)
    back = parameters(
        sandbox.consent(connect.begin(provider_name, visitor(firm)), "Other &amp; Sons LLP".replace("&amp;", "&"))
    )
    attempt = connect.finish(provider_name, visitor(firm), back)
    assert isinstance(attempt, ConnectAttempt)
    assert connect.previous_company(attempt) == first
    assert Connection.objects.count() == 1
    [candidate] = attempt.candidates
    second = connect.choose(attempt, candidate["company"]["id"], visitor(firm))
    assert (second.is_current, second.mirror_from) == (True, None)
    first.refresh_from_db()
    assert not first.is_current


def test_disconnecting_gives_the_grant_back_and_erases_it(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    assert disconnect.disconnect(connection, actor=firm.owner)
    assert not disconnect.disconnect(connection, actor=firm.owner)
    give_back(connection)
    connection.refresh_from_db()
    assert (connection.status, connection.status_reason) == ("disconnected", "person")
    assert not SealedGrant.objects.exists()
    with pytest.raises(GrantLost):
        tokens.access_token(connection)
    assert AuditEvent.objects.filter(action=Action.DISCONNECTED).count() == 1


def test_disconnecting_works_when_the_provider_does_not_answer(firm, provider_name, sandbox, settings):
    connection = connect_firm(firm, provider_name, sandbox)
    settings.QUICKBOOKS_REVOKE_URL = settings.XERO_CONNECTIONS_URL = "http://127.0.0.1:9/"
    disconnect.disconnect(connection, actor=firm.owner)
    give_back(connection)
    assert not SealedGrant.objects.exists()


def test_no_token_stands_in_the_database_in_the_clear(firm, provider_name, sandbox):
    connect_firm(firm, provider_name, sandbox)
    issued = sandbox.tokens_issued()
    assert issued
    with databases["default"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text = "\n".join(row for (row,) in cursor.fetchall())
            for token in issued:
                assert token not in text
                assert token.encode().hex() not in text


def test_no_token_reaches_a_log_whatever_the_level(firm, provider_name, sandbox, caplog):
    with caplog.at_level(logging.DEBUG):
        connection = connect_firm(firm, provider_name, sandbox)
        tokens.access_token(connection, refused=tokens.access_token(connection))
    assert not [token for token in sandbox.tokens_issued() if token in caplog.text]


def test_a_sealed_grant_copied_to_another_connection_does_not_open(firm, provider_name, sandbox):
    connection = connect_firm(firm, provider_name, sandbox)
    other = Connection(pk=connection.pk, organization=make_firm("Other Law").organization, provider_name=provider_name)
    with pytest.raises(tokens.StoredAccessBroken):
        tokens.access_token(other)


def test_a_choice_survives_the_trip_through_the_database(firm, sandbox):
    """What is kept while a company is being chosen is JSON, tokens sealed."""
    back = parameters(sandbox.consent(connect.begin("quickbooks", visitor(firm)), COMPANY))
    attempt = attempts.take("quickbooks", visitor(firm), back["state"])
    token_set = connect.PROVIDERS["quickbooks"].exchange_code(
        code=back["code"],
        redirect_uri=connect.redirect_uri("quickbooks"),
        code_verifier=attempt.code_verifier,
        callback_parameters=back,
    )
    [company] = connect.PROVIDERS["quickbooks"].companies(token_set, back)
    candidate = Candidate.of(attempt, company, token_set)
    stored = json.dumps(candidate.as_json())
    assert token_set.refresh_token not in stored
    assert Candidate.from_json(json.loads(stored)) == candidate


def test_an_act_that_can_not_be_recorded_does_not_happen(firm, provider_name, sandbox, monkeypatch):
    """The audit event is in the transaction of the act: both, or neither."""
    connection = connect_firm(firm, provider_name, sandbox)

    def refuse(*_, **__):
        raise RuntimeError("no audit log")

    for module in (connect, disconnect):
        monkeypatch.setattr(module.recording, "record", refuse)
    for act in (
        lambda: disconnect.disconnect(connection, actor=firm.owner),
        lambda: disconnect.stop(connection.pk, GrantLost("gone")),
        lambda: connect_firm(make_firm("Other Law"), provider_name, sandbox, "Other & Sons LLP"),
    ):
        with pytest.raises(RuntimeError, match="no audit log"):
            act()
    connection.refresh_from_db()
    assert connection.is_connected
    assert Connection.objects.get() == connection
    assert SealedGrant.objects.count() == 1
