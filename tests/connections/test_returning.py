"""What we hold at a provider and no longer want is given back there, and nothing of anyone else's with it."""

from datetime import timedelta

import pytest
from django.db.models import F

from integrations.connections import attempts, connect, disconnect, returning, tasks, tokens
from integrations.models import ConnectAttempt, Connection, GrantToReturn, SealedGrant
from integrations.providers.errors import GrantLost
from tests.connections.sign_in import COMPANIES, allow, parameters, sign_in
from tests.faults.conftest import start_worker, wait_until
from tests.mirror.conftest import _key_file, firm, make_firm, provider_name, sandbox, visitor

__all__ = ["_key_file", "firm", "provider_name", "sandbox", "start_worker"]

PARK, OTHER, DEMO = "Park & Lowe LLP", "Other & Sons LLP", "Demo Company (US)"
XERO = COMPANIES["xero"]


def give_everything_back() -> None:
    for returned in GrantToReturn.objects.all():
        returning.give_back(returned.pk)


def calls(sandbox, provider_name: str, call: str) -> int:
    return sum(request["status"] < 400 for request in sandbox.requests(provider_name, call))


def reached(connection: Connection) -> set[str]:
    """What the connection's own token reaches at Xero."""
    from integrations.providers.xero.client import Client

    return {each["tenantId"] for each in Client(tokens.access_token(connection)).connections()}


def works(connection: Connection) -> bool:
    tokens.distrust(connection)  # the provider's clock may have moved on
    return bool(connection.provider.company(tokens.access_token(connection), connection.company).name)


def choose(attempt: ConnectAttempt, name: str, firm) -> Connection:
    assert isinstance(attempt, ConnectAttempt)
    return connect.choose(attempt, XERO[name], visitor(firm))


def test_organisations_that_were_not_chosen_are_released(firm, sandbox):
    connection = choose(sign_in("xero", visitor(firm), PARK, OTHER, DEMO), OTHER, firm)
    assert reached(connection) == {XERO[PARK], XERO[OTHER], XERO[DEMO]}
    give_everything_back()
    assert reached(connection) == {XERO[OTHER]}
    assert not GrantToReturn.objects.exists()


def test_an_organisation_that_another_firm_uses_is_not_released(firm, sandbox):
    theirs = sign_in("xero", visitor(make_firm("Other Law")), PARK)
    sandbox.advance_clock(3600)
    mine = choose(sign_in("xero", visitor(firm), PARK, OTHER), OTHER, firm)
    give_everything_back()
    assert reached(mine) == {XERO[PARK], XERO[OTHER]}
    assert works(theirs)


def test_an_organisation_that_was_connected_before_this_sign_in_is_not_released(firm, sandbox):
    """By another app's user of ours or by hand: this sign-in did not add it, so it is not ours to end."""
    earlier = allow(connect.begin("xero", visitor(make_firm("Other Law"))), PARK)
    sandbox.advance_clock(3600)
    mine = choose(sign_in("xero", visitor(firm), PARK, OTHER), OTHER, firm)
    assert not GrantToReturn.objects.exists()
    assert reached(mine) == {XERO[PARK], XERO[OTHER]}
    assert parameters(earlier)["code"]


@pytest.mark.django_db
def test_a_grant_that_no_connection_came_of_is_revoked(provider_name, sandbox):
    firm = make_firm(currency="CAD")
    with pytest.raises(attempts.ConnectFailed, match="keeps its books in USD; your ledger is in CAD"):
        sign_in(provider_name, visitor(firm), PARK)
    give_everything_back()
    assert calls(sandbox, provider_name, "revoke") == 1
    assert not GrantToReturn.objects.exists()


def test_connecting_a_company_that_another_firm_has_leaves_theirs_alone(firm, provider_name, sandbox):
    theirs = sign_in(provider_name, visitor(make_firm("Other Law")), PARK)
    with pytest.raises(attempts.ConnectFailed, match="already connected to another Athenty firm"):
        sign_in(provider_name, visitor(firm), PARK)
    give_everything_back()
    assert calls(sandbox, provider_name, "revoke") == 0
    assert works(theirs)


def test_a_choice_that_nobody_made_is_given_back_after_ten_minutes(firm, sandbox):
    attempt = sign_in("xero", visitor(firm), PARK, OTHER)
    tasks.care()
    assert not GrantToReturn.objects.exists()
    ConnectAttempt.objects.update(started_at=F("started_at") - timedelta(minutes=11))
    tasks.care()
    give_everything_back()
    attempt.refresh_from_db()
    assert attempt.candidates == []
    assert (calls(sandbox, "xero", "disconnect"), calls(sandbox, "xero", "revoke")) == (2, 1)


def test_choosing_none_gives_back_at_once(firm, sandbox):
    attempt = sign_in("xero", visitor(firm), PARK, OTHER)
    connect.choose_none(attempt)
    give_everything_back()
    assert calls(sandbox, "xero", "revoke") == 1
    assert attempts.open_choice(visitor(firm), attempt.reference) is None


def test_two_firms_of_one_bookkeeper_are_disconnected_one_by_one(firm, sandbox):
    mine = sign_in("xero", visitor(firm), PARK, user="olu")
    theirs = sign_in("xero", visitor(make_firm("Other Law")), OTHER, user="olu")
    disconnect.disconnect(mine, actor=firm.owner)
    give_everything_back()
    assert calls(sandbox, "xero", "revoke") == 0
    assert reached(theirs) == {XERO[OTHER]}
    disconnect.disconnect(theirs, actor=firm.owner)
    give_everything_back()
    assert calls(sandbox, "xero", "revoke") == 1


def test_nothing_is_revoked_while_somebody_is_signing_in(firm, sandbox):
    """Their consent may be the same bookkeeper's, and a revocation would end it as it begins."""
    mine = sign_in("xero", visitor(firm), PARK)
    connect.begin("xero", visitor(make_firm("Other Law")))
    disconnect.disconnect(mine, actor=firm.owner)
    give_everything_back()
    assert (calls(sandbox, "xero", "disconnect"), calls(sandbox, "xero", "revoke")) == (1, 0)


def test_a_reconnect_before_the_grant_was_given_back_keeps_the_new_one(firm, provider_name, sandbox):
    connection = sign_in(provider_name, visitor(firm), PARK)
    disconnect.disconnect(connection, actor=firm.owner)
    again = sign_in(provider_name, visitor(firm), PARK)
    assert again == connection
    give_everything_back()
    assert works(again)
    assert not GrantToReturn.objects.exists()


def test_a_provider_that_does_not_answer_is_asked_again_and_the_card_says_so(firm, provider_name, sandbox):
    connection = sign_in(provider_name, visitor(firm), PARK)
    disconnect.disconnect(connection, actor=firm.owner)
    for call in ("revoke", "disconnect"):
        if call in {"quickbooks": ["revoke"], "xero": ["revoke", "disconnect"]}[provider_name]:
            sandbox.arm(provider=provider_name, call=call, do="status", status=503, times=1)
    returned = GrantToReturn.objects.get()
    returning.give_back(returned.pk)
    assert returning.is_waiting_for_answer(connection)
    returning.give_back(returned.pk)  # its time has not come: a second worker finds nothing to do
    returned.refresh_from_db()
    assert returned.failures == 1
    with pytest.raises(GrantLost):
        tokens.access_token(connection)

    sandbox.heal()
    GrantToReturn.objects.update(next_try_at=F("began_at"))
    returning.give_back(returned.pk)
    assert calls(sandbox, provider_name, "revoke") == 1
    assert not GrantToReturn.objects.exists()


def test_after_a_day_the_tokens_are_erased_all_the_same(firm, provider_name, sandbox, settings):
    connection = sign_in(provider_name, visitor(firm), PARK)
    disconnect.disconnect(connection, actor=firm.owner)
    settings.QUICKBOOKS_REVOKE_URL = settings.XERO_CONNECTIONS_URL = settings.XERO_REVOKE_URL = "http://127.0.0.1:9/"
    GrantToReturn.objects.update(began_at=F("began_at") - timedelta(days=2))
    give_everything_back()
    assert not GrantToReturn.objects.exists()
    assert not SealedGrant.objects.exists()
    connection.refresh_from_db()
    assert connection.status_detail == returning.NEVER_CONFIRMED


def test_access_that_ran_out_meanwhile_is_refreshed_to_give_it_back(firm, sandbox):
    connection = sign_in("xero", visitor(firm), PARK)
    sandbox.advance_clock(3600)
    disconnect.disconnect(connection, actor=firm.owner)
    connect.begin("xero", visitor(make_firm("Other Law")))  # so that the release alone has to do
    give_everything_back()
    assert calls(sandbox, "xero", "disconnect") == 1
    assert not GrantToReturn.objects.exists()


def test_what_was_ended_at_the_provider_already_is_done(firm, provider_name, sandbox):
    connection = sign_in(provider_name, visitor(firm), PARK)
    sandbox.disconnect_there(provider_name, connection.company_id)
    disconnect.disconnect(connection, actor=firm.owner)
    give_everything_back()
    assert not GrantToReturn.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_real_worker_ends_the_access_and_mails_within_seconds(firm, sandbox, start_worker):
    connection = sign_in("quickbooks", visitor(firm), PARK)
    dying = sign_in("xero", visitor(firm), PARK)
    start_worker()
    disconnect.disconnect(connection, actor=firm.owner)
    disconnect.stop(dying.pk, GrantLost("invalid_grant"))
    wait_until(lambda: calls(sandbox, "quickbooks", "revoke") == 1, "the grant is revoked", seconds=20)
    wait_until(lambda: not GrantToReturn.objects.exists(), "the tokens are erased", seconds=20)
    wait_until(lambda: dying.notices.get().sent_at is not None, "the firm is told", seconds=20)
