"""What is left undone, in doubt or refused: who tries it again, when, and how often."""

from datetime import timedelta

import pytest
from django.db.models import F

from audit.actions import Action
from audit.models import AuditEvent
from integrations.clock import database_now
from integrations.connections import tokens
from integrations.mirror import claiming, entry_story, gates, outcomes
from integrations.models import Connection, Delivery, ProviderGate
from integrations.providers import errors
from integrations.providers.base import Accepted, SendResult
from integrations.providers.errors import ProviderError, RateLimited

from .conftest import WRITE_CALL, later, make_firm, pass_over, probe_now, states


def test_eight_attempts_and_an_hour_of_no_answer_are_told_once_and_lift_themselves(firm, connection, sandbox):
    sandbox.arm(provider=connection.provider_name, call="token", share=1, do="status", status=503)
    tokens.distrust(connection)
    firm.post(("1100", "2100", "1.00"))
    for _ in range(outcomes.RETRY_BUDGET):
        assert pass_over(connection)
        later(connection, hours=1)
    assert states(connection) == ["sending"], "eight attempts in no time spend no budget"
    Delivery.objects.update(sealed_at=F("sealed_at") - outcomes.RETRY_FOR)
    assert pass_over(connection)
    assert states(connection) == ["needs_attention"]
    told = AuditEvent.objects.get(action=Action.SYNC_FAILED)
    assert told.data["entries"] == [1]
    sandbox.heal()
    probe_now(connection)
    assert pass_over(connection)
    assert states(connection) == ["sent"]


@pytest.mark.parametrize("has_done_it", [True, False], ids=["written", "not written"])
def test_a_bare_503_is_tried_again_and_never_under_a_new_key(firm, connection, sandbox, has_done_it):
    """A gateway's 503 may stand for a call that went on and was done."""
    call = WRITE_CALL[connection.provider_name]
    do = "status_after_commit" if has_done_it else "status"
    sandbox.arm(provider=connection.provider_name, call=call, nth=1, times=2, do=do, status=503)
    firm.post(("1100", "2100", "1.00"))
    assert pass_over(connection)
    Delivery.objects.update(sealed_at=F("sealed_at") - 2 * outcomes.RETRY_FOR, failures=outcomes.RETRY_BUDGET)
    later(connection, seconds=60)
    assert pass_over(connection)
    assert states(connection) == ["sending"], "no budget ends what may have been written"
    Delivery.objects.update(next_attempt_at=F("sealed_at"))
    assert pass_over(connection)
    assert states(connection) == ["sent"]
    assert Delivery.objects.count() == 1
    assert len(sandbox.journals(connection.provider_name, connection.company_id)) == 1


@pytest.mark.parametrize("provider_name", ["xero"])
def test_what_xero_forgets_after_a_bare_503_is_left_to_a_person(firm, connection, sandbox):
    sandbox.arm(provider="xero", call="manualjournals", nth=1, do="status_after_commit", status=503)
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    later(connection, seconds=301)
    pass_over(connection)
    assert states(connection) == ["unconfirmed"]
    assert len(sandbox.requests("xero", "manualjournals")) == 1, "the provider would not recognise a repeat"


@pytest.mark.parametrize("provider_name", ["xero"])
def test_what_xero_itself_says_is_offline_wrote_nothing_and_starts_no_window(firm, connection, sandbox):
    sandbox.arm(
        provider="xero", call="manualjournals", nth=1, do="status", status=503, body="The Organisation is offline"
    )
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    later(connection, seconds=301)
    pass_over(connection)
    assert states(connection) == ["sent"]


def test_an_outage_of_sends_alone_leaves_no_more_in_doubt_than_may_be_in_flight(firm, connection, sandbox):
    """Probes are answered all the while, so that sending is tried again and again."""
    sandbox.arm(
        provider=connection.provider_name, call=WRITE_CALL[connection.provider_name], share=1, do="drop_after_commit"
    )
    for _ in range(connection.provider.limits.in_flight + 3):
        firm.post(("1100", "2100", "1.00"))
        pass_over(connection)
        probe_now(connection)
    assert Delivery.objects.open().count() <= connection.provider.limits.in_flight
    assert states(connection).count("waiting") > 0


def test_a_limit_that_one_send_met_holds_although_another_is_answered(firm, connection):
    firm.post(*[("1100", "2100", "1.00")] * (2 * connection.provider.limits.batch_size))
    first = claiming.claim(connection.pk).lease
    Connection.objects.update(next_send_at=None, coalesce_until=None)
    second = claiming.claim(connection.pk).lease
    outcomes.wait_for_room(first, RateLimited(retry_after=timedelta(seconds=60)))
    answers = tuple(Accepted(item.item_id, str(item.position)) for item in second.delivery.items.all())
    outcomes.settle(second, SendResult(answers, 200, "r-1"))
    assert not pass_over(connection)


def test_an_outage_may_last_for_any_number_of_attempts(firm, connection, sandbox):
    """Whose failure closed a provider's gate asks four times a minute, for as long as it is closed."""
    call = WRITE_CALL[connection.provider_name]
    sandbox.arm(provider=connection.provider_name, call=call, nth=1, times=2, do="status", status=503)
    firm.post(("1100", "2100", "1.00"))
    assert pass_over(connection)
    for _ in range(2):
        Delivery.objects.update(failures=1_000, next_attempt_at=F("sealed_at"))
        assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_a_429_stops_the_company_and_spends_no_retry_budget(firm, connection, sandbox):
    sandbox.arm(
        provider=connection.provider_name, call=WRITE_CALL[connection.provider_name], nth=1, do="status", status=429
    )
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    connection.refresh_from_db()
    delivery = Delivery.objects.get()
    assert (delivery.failures, delivery.first_sent_at) == (0, None)
    assert connection.slowed_until > database_now()
    assert not pass_over(connection)
    later(connection, seconds=300)
    assert pass_over(connection)
    assert states(connection) == ["sent"]


def test_once_one_company_is_answered_after_an_outage_the_others_do_not_sit_out_their_backoff(firm, connection, other):
    """A quarter of an hour is a long time for a firm whose provider has been back for fourteen minutes."""
    now = database_now()
    quarter, rest = now + timedelta(minutes=15), connection.provider.limits.rest_after_unknown
    ProviderGate.objects.update_or_create(provider_name=connection.provider_name, defaults={"closed_until": now})
    waiting = Delivery.objects.create(connection=connection, idempotency_key="a", failures=6, next_attempt_at=quarter)
    resting = Delivery.objects.create(
        connection=connection, idempotency_key="b", failures=6, next_attempt_at=quarter, rests_until=now + rest
    )
    Connection.objects.filter(pk=connection.pk).update(troubled_since=now, next_probe_at=quarter)
    gates.note_success(other)
    waiting.refresh_from_db()
    resting.refresh_from_db()
    connection.refresh_from_db()
    assert waiting.next_attempt_at <= database_now()
    assert resting.next_attempt_at >= now + rest, "its last send may still be at work there"
    assert resting.next_attempt_at < quarter
    assert connection.next_probe_at <= database_now()


@pytest.fixture
def other(connection) -> Connection:
    """Another firm's at the same provider."""
    return Connection.objects.create(
        organization=make_firm("Other Law").organization,
        provider_name=connection.provider_name,
        company_id="another",
        company_name="Other & Sons LLP",
        home_currency="USD",
        connected_at=database_now(),
        status_changed_at=database_now(),
    )


def test_whatever_a_send_meets_has_words_for_people():
    met = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, ProviderError)}
    assert met - {"ProviderError", "NameTaken"} <= set(entry_story._OUTCOMES)
