"""How fast, how much at once, and who has to wait for whom."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from integrations.clock import database_now
from integrations.mapping import chart
from integrations.mirror import drain, gates, pacing, schedule, sweeping, waking
from integrations.mirror.claiming import claim
from integrations.models import Connection, ProviderGate, SyncMode
from integrations.providers import PROVIDERS

from .conftest import WRITE_CALL, make_firm, pass_over, states

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_drain_at_this_pace_uses_59_sixtieths_of_the_providers_limit():
    quickbooks, xero = PROVIDERS["quickbooks"].limits, PROVIDERS["xero"].limits
    assert 60 / pacing.interval(quickbooks, 30).total_seconds() * 30 == pytest.approx(500 * 59 / 60)
    assert 60 / pacing.interval(xero, 50).total_seconds() * 50 == pytest.approx(3000 * 59 / 60)


def test_small_sends_are_spaced_by_the_batch_calls_a_minute():
    assert pacing.interval(PROVIDERS["quickbooks"].limits, 1) == pacing.spacing(40)
    assert pacing.interval(PROVIDERS["xero"].limits, 1) == pacing.spacing(60)


def test_an_idle_hour_earns_no_burst():
    connection = Connection(provider_name="xero", next_send_at=NOON - timedelta(hours=1))
    pacing.reserve(connection, NOON, 50)
    assert pacing.opens_at(connection, NOON) == NOON + pacing.spacing(60) - timedelta(milliseconds=400)


def test_a_worker_that_comes_a_little_late_does_not_make_the_next_send_late():
    connection = Connection(provider_name="xero", next_send_at=NOON)
    pacing.reserve(connection, NOON + timedelta(milliseconds=300), 50)
    assert connection.next_send_at == NOON + pacing.spacing(60)


def test_of_a_longer_lateness_only_what_is_too_much_moves_the_next_send():
    connection = Connection(provider_name="xero", next_send_at=NOON)
    pacing.reserve(connection, NOON + timedelta(milliseconds=550), 50)
    assert connection.next_send_at == NOON + pacing.spacing(60) + timedelta(milliseconds=150)


@pytest.mark.parametrize(
    ("provider", "entries", "items", "calls"),
    [("quickbooks", entries, 500, 40) for entries in (1, 7, 25, 30)] + [("xero", 50, 3_000, 60)],
)
@pytest.mark.parametrize("seed", range(5))
def test_lateness_made_up_for_never_puts_more_into_a_minute_than_the_limit(provider, entries, items, calls, seed):
    """A call is admitted while fewer items and calls than these were counted in the last 60 seconds."""
    dice, connection, sent = random.Random(seed), Connection(provider_name=provider), []
    now, often_late = NOON, random.Random(seed).random()
    while now < NOON + timedelta(minutes=20):
        pacing.reserve(connection, now, entries)
        sent.append(now + timedelta(seconds=dice.choice([0.02, 0.3])))  # the way there
        lateness = dice.choice([0.1, 0.4, 0.5, 0.9, 1.0, 5.0]) if dice.random() < often_late else 0.0
        now = connection.next_send_at + timedelta(seconds=lateness)
    for number, at in enumerate(sent):
        before = sum(at - timedelta(minutes=1) < other <= at for other in sent[:number])
        assert before * entries < items
        assert before < calls


def test_a_busy_company_waits_a_moment_for_a_full_batch_and_an_idle_one_does_not():
    busy, idle = Connection(provider_name="xero"), Connection(provider_name="xero")
    pacing.reserve(busy, NOON, 17)
    pacing.reserve(idle, NOON, 4)
    assert busy.coalesce_until == NOON + timedelta(seconds=4)
    assert idle.coalesce_until == NOON


@pytest.mark.parametrize(("allowance", "worst_wait"), [(5_000, 60), (1_000, 240)])
def test_a_busy_xero_firm_never_runs_out_of_its_day(allowance, worst_wait):
    """An entry every ten seconds for 24 hours, under either of Xero's daily limits (benchmark B16)."""
    connection = Connection(provider_name="xero")
    now, left, oldest, longest = NOON, allowance, None, timedelta()
    pacing.note_allowance(connection, left, now)
    while now < NOON + timedelta(days=1):
        oldest = oldest or now
        if now >= max(pacing.opens_at(connection, now), connection.coalesce_until or now):
            left -= 1
            assert left >= 0, "the day's calls are spent"
            longest, oldest = max(longest, now - oldest), None
            pacing.note_allowance(connection, left, now)
            pacing.reserve(connection, now, 1)
        now += timedelta(seconds=10)
    assert longest <= timedelta(seconds=worst_wait)


def test_a_number_that_went_up_begins_the_providers_day():
    connection = Connection(provider_name="xero")
    pacing.note_allowance(connection, 5_000, NOON)
    pacing.note_allowance(connection, 12, NOON + timedelta(hours=23))
    assert pacing.is_widened(connection, NOON + timedelta(hours=23))
    pacing.note_allowance(connection, 4_999, NOON + timedelta(hours=24))
    assert not pacing.is_widened(connection, NOON + timedelta(hours=24))


def test_time_outs_shrink_batches_and_answers_grow_them_back():
    connection = Connection(provider_name="quickbooks")
    sizes = []
    for _ in range(4):
        pacing.shrink_batches(connection)
        sizes.append(pacing.batch_size(connection))
    assert sizes == [15, 7, 5, 5]
    for _ in range(19):
        pacing.note_answer(connection)
    assert pacing.batch_size(connection) == 5
    for _ in range(1 + 4 * 20):
        pacing.note_answer(connection)
    assert pacing.batch_size(connection) == 30
    assert connection.batch_size is None


def test_a_day_that_runs_out_holds_all_but_full_batches(firm, connection):
    Connection.objects.update(coalesce_until=database_now() + timedelta(minutes=3))
    firm.post(("1100", "2100", "1.00"))
    held = claim(connection.pk)
    assert held.lease is None
    assert held.look_again_at is None, "the sweep looks before then"
    firm.post(*[("1100", "2100", "1.00")] * connection.provider.limits.batch_size)
    assert claim(connection.pk).lease is not None


def failing_companies(count: int, provider_name: str = "xero") -> list[Connection]:
    now, made = database_now(), []
    for number in range(count):
        firm = make_firm(f"Firm {number}")
        made.append(
            Connection.objects.create(
                organization=firm.organization,
                provider_name=provider_name,
                company_id=f"company-{number}",
                company_name="Some LLP",
                home_currency="USD",
                connected_at=now,
                status_changed_at=now,
                troubled_since=now,
            )
        )
    return made


def test_when_most_companies_fail_the_provider_is_left_alone_but_for_one_at_a_time(db):
    companies, now = failing_companies(5), database_now()
    gates.note_failure(companies[0], now)
    assert gates.opens_at(gates.gate_of(companies[1]), now) > now
    later = now + timedelta(seconds=31)
    assert gates.pass_through(gates.gate_of(companies[1]), later), "one goes ahead"
    assert not gates.pass_through(gates.gate_of(companies[2]), later), "the others wait for it"
    assert gates.opens_at(gates.gate_of(companies[2]), later) > later
    gates.note_success(companies[1])
    assert gates.opens_at(gates.gate_of(companies[2]), later) == later
    assert gates.pass_through(gates.gate_of(companies[2]), later)


def test_a_closed_gate_is_not_tried_by_a_company_that_has_nothing_to_send(firm, connection):
    """Else one whose mapping is incomplete would use up every try, and the gate would stay closed for ever."""
    firm.post(("1100", "2100", "1.00"))
    connection.mappings.update(target=None)
    ended = database_now() - timedelta(seconds=1)
    ProviderGate.objects.update_or_create(provider_name=connection.provider_name, defaults={"closed_until": ended})
    assert not pass_over(connection)
    assert ProviderGate.objects.get().closed_until == ended


def test_a_few_failing_companies_among_many_are_their_own_matter(db):
    companies, now = failing_companies(9), database_now()
    for well in companies[:5]:
        Connection.objects.filter(pk=well.pk).update(troubled_since=None, last_sync_at=now)
    gates.note_failure(companies[-1], now)
    assert not ProviderGate.objects.filter(closed_until__isnull=False).exists()


def test_an_app_wide_limit_stops_every_company_of_the_provider_and_no_other(firm, connection):
    gates.hold(connection.provider_name, database_now() + timedelta(minutes=5))
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)
    ProviderGate.objects.all().delete()
    other = {"quickbooks": "xero", "xero": "quickbooks"}[connection.provider_name]
    gates.hold(other, database_now() + timedelta(minutes=5))
    assert pass_over(connection)


def test_looks_at_one_connection_do_not_become_more_and_more(firm, connection, monkeypatch):
    """Each send ends with a look, which comes too early and asks for another: one of them is enough."""
    asked = []
    monkeypatch.setattr(waking, "wake", lambda _connection_id, at=None: asked.append(at))
    firm.post(*[("1100", "2100", "1.00")] * (2 * connection.provider.limits.batch_size))
    far_off, soon = (database_now() + timedelta(seconds=seconds) for seconds in (60, 8))
    for opens_at, times in ((far_off, 0), (soon, 1)):
        Connection.objects.update(next_send_at=opens_at)
        for _ in range(5):
            assert not drain.run_pass(connection.pk)
        assert len([at for at in asked if at]) == times, "what is far off is the sweep's"
    almost = database_now() + timedelta(milliseconds=200)
    Connection.objects.update(next_send_at=almost, woken_for=almost)
    assert not drain.run_pass(connection.pk)
    assert asked[-1] == almost, "it may have been the one that was asked for"


@pytest.mark.parametrize(
    ("next_look", "asks"), [(None, True), (-0.02, True), (0.2, True), (2.0, False)], ids=["none", "gone", "soon", "far"]
)
def test_a_settlement_asks_for_the_look_that_may_have_come_while_it_held_the_connection(
    firm, connection, monkeypatch, django_capture_on_commit_callbacks, next_look, asks
):
    firm.post(*[("1100", "2100", "1.00")] * (2 * connection.provider.limits.batch_size))
    lease = claim(connection.pk).lease
    slot = database_now() + timedelta(seconds=next_look or 0)
    Connection.objects.update(next_send_at=slot, woken_for=slot if next_look is not None else None)
    asked = []
    monkeypatch.setattr(waking, "wake", lambda _connection_id, at=None: asked.append(at))
    with django_capture_on_commit_callbacks(execute=True):
        drain.send(lease)
    assert len(asked) == asks
    assert all(at >= slot for at in asked), "not before it may send"


def test_the_sweep_leaves_those_alone_that_may_not_send(firm, connection, monkeypatch):
    firm.post(("1100", "2100", "1.00"))
    woken = []
    monkeypatch.setattr(waking, "wake", lambda connection_id, at=None: woken.append(connection_id))
    sweeping.wake_what_is_due()
    assert woken == [connection.pk]
    schedule.set_mode(firm.organization, SyncMode.BATCHED, actor=firm.owner)
    woken.clear()
    sweeping.wake_what_is_due()
    assert woken == [], "its batch is not due"
    schedule.flush_now(firm.organization, actor=firm.owner)
    woken.clear()
    sweeping.wake_what_is_due()
    assert woken == [connection.pk]
    schedule.set_mode(firm.organization, SyncMode.OFF, actor=firm.owner)
    woken.clear()
    sweeping.wake_what_is_due()
    assert woken == []


READ_CALL = {"quickbooks": "query", "xero": "accounts"}


def ask_for_chart(connection):
    """As of a moment ago, when whatever was sent last had been sent."""
    chart.ask_for_reading(connection)
    chart.read_if_due(connection.pk)
    connection.refresh_from_db()


def readings(sandbox, connection):
    return len(sandbox.requests(connection.provider_name, READ_CALL[connection.provider_name]))


def test_a_chart_is_not_read_while_the_company_was_told_to_stay_away(firm, connection, sandbox):
    before, name = readings(sandbox, connection), connection.provider_name
    sandbox.arm(provider=name, call=WRITE_CALL[name], nth=1, do="status", status=429, retry_after=300)
    firm.post(("1100", "2100", "1.00"))
    pass_over(connection)
    ask_for_chart(connection)
    assert readings(sandbox, connection) == before
    assert connection.chart_due_at == connection.slowed_until > database_now() + timedelta(seconds=290)


def test_a_chart_is_not_read_while_the_provider_limits_the_app(connection, sandbox):
    before, until = readings(sandbox, connection), database_now() + timedelta(minutes=5)
    gates.hold(connection.provider_name, until)
    ask_for_chart(connection)
    assert readings(sandbox, connection) == before
    assert connection.chart_due_at == until


def test_a_429_to_a_reading_holds_up_sends_too(firm, connection, sandbox):
    name = connection.provider_name
    sandbox.arm(provider=name, call=READ_CALL[name], nth=1, do="status", status=429, retry_after=300)
    Connection.objects.update(next_send_at=None, coalesce_until=None)
    ask_for_chart(connection)
    assert connection.chart_due_at == connection.slowed_until
    firm.post(("1100", "2100", "1.00"))
    assert not pass_over(connection)


def test_a_reading_takes_its_turn_between_sends_and_they_theirs_after_it(firm, connection, sandbox):
    firm.post(*[("1100", "2100", "1.00")] * (connection.provider.limits.batch_size + 1))
    pass_over(connection)
    before, turn = readings(sandbox, connection), database_now() + timedelta(seconds=30)
    Connection.objects.update(next_send_at=turn)
    ask_for_chart(connection)
    calls = connection.provider.limits.calls_to_read * pacing.spacing(connection.provider.limits.calls_per_minute)
    assert (readings(sandbox, connection), connection.chart_due_at) == (before, turn)
    assert connection.next_send_at == turn + calls
    past = database_now() - timedelta(milliseconds=1)
    Connection.objects.update(chart_due_at=past, next_send_at=past + calls)
    assert not drain.run_pass(connection.pk), "the turn is the reading's"
    chart.read_if_due(connection.pk)
    assert readings(sandbox, connection) == before + 1
    assert Connection.objects.get().next_send_at == past + calls, "it was counted once"
    pass_over(connection)
    assert set(states(connection)) == {"sent"}
