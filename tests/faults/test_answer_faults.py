"""H1 by the book: answers that say no, or say nothing that can be read, in simulated time."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial

import pytest

from integrations.models import Connection
from integrations.sandbox import companies
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.faults.scoreboard import board
from tests.faults.simulated_runs import AT_REST_WITHIN, JSON, MINUTE, Run
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS, World

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long


# The first entry is sent within a second of the beginning; the date is read by the clock of the answer.
IN_90_SECONDS = format_datetime(BEGINS + timedelta(seconds=90), usegmt=True)
BY_ITS_CLOCK = ("Date", format_datetime(BEGINS, usegmt=True))


@pytest.mark.parametrize(
    ("what", "headers", "seconds", "only"),
    [
        ("Retry-After 1", (("Retry-After", "1"),), 1, ""),
        ("Retry-After 60", (("Retry-After", "60"), ("X-Rate-Limit-Problem", "minute")), 60, ""),
        ("Retry-After 66975, the day", (("Retry-After", "66975"), ("X-Rate-Limit-Problem", "day")), 66975, ""),
        ("Retry-After as a date", (("Retry-After", IN_90_SECONDS),), 90, ""),
        ("no Retry-After", (), 60, ""),
        ("appminute", (("X-Rate-Limit-Problem", "appminute"),), 60, "xero"),
        ("concurrent", (("X-Rate-Limit-Problem", "concurrent"),), 5, "xero"),
    ],
    ids=["1 s", "60 s", "a day", "a date", "none", "app", "concurrent"],
)
def test_f13_a_429_stops_what_it_covers_for_as_long_as_it_says(world, what, headers, seconds, only):
    struck: dict[str, float] = {}
    run = Run(world, "F13", f"429, {what}", lasts=5 * MINUTE, entries=10)

    def strike(call: Call, at: float) -> Strike:
        if call.writes and call.tenant not in struck and (not only or call.provider == only):
            struck[call.tenant] = at
            return Strike(status=429, headers=(*JSON, BY_ITS_CLOCK, *headers))
        return UNHARMED

    run.strike = strike
    if seconds > 3600:
        run.begin()
        run.post(0)
        world.stage.run_until(BEGINS + timedelta(hours=18))
        for connection in run.firm.connections:
            calls = [at for at, call in world.provider.log if call.tenant == connection.company_id and call.writes]
            assert len(calls) == 1, "not before the time"
        world.stage.run_until(BEGINS + timedelta(seconds=seconds))
        assert world.run_until_quiet(AT_REST_WITHIN) is not None
        board.add("F13", run.about, entries=invariants.check(world.provider, everything_sent=True).entries)
        return
    run.play()
    for tenant, at in struck.items():
        calls = [(when - BEGINS).total_seconds() for when, call in world.provider.log if call.tenant == tenant]
        early = [each for each in calls if at + run.latency < each < at + seconds]
        assert not early, "not before the time"
    spent = Connection.objects.filter(deliveries__failures__gt=0)
    assert not spent.exists(), "a 429 spends no retry budget"


MALFORMED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda body: b""),
    ("cut", lambda body: body[: len(body) // 2]),
    ("HTML", lambda body: b"<html>proxy</html>"),
    ("NaN", lambda body: b'{"time": NaN}'),
    ("wrong charset", lambda body: body.decode().encode("utf-16")),
    ("a list", lambda body: b"[]"),
    ("null", lambda body: b"null"),
    ("deep", lambda body: b"[" * 100_000),
    ("5 MB of spaces", lambda body: b" " * 5_000_000),
    ("foreign ids", lambda body: body.replace(b'"bId":"', b'"bId":"x').replace(b"ATH-", b"OTH-")),
]


@pytest.mark.parametrize(
    ("what", "mangle"),
    [
        pytest.param(what, mangle, id=what, marks=() if what in ("cut", "foreign ids") else LONG)
        for what, mangle in MALFORMED
    ],
)
def test_f14_an_answer_that_cannot_be_read_is_no_answer(world, what, mangle):
    def strike(call: Call, seconds: float) -> Strike:
        return Strike(mangle=mangle) if call.writes and seconds < 30 else UNHARMED

    tally = Run(world, "F14", f"answer: {what}", strike, entries=5, over=20).play()
    assert (tally.refused, tally.unconfirmed) == (0, 0)


# As Intuit words it; the second is what a company set to French is told.
TAKEN = {
    "English": "DocNumber={DocNumber} is assigned to TxnType=Journal Entry with TxnId={Id}",
    "French": "DocNumber={DocNumber} est attribué à TxnType=Écriture de journal avec TxnId={Id}",
}


def say_taken(words: str, body: bytes) -> bytes:
    """Of every other item, as if an earlier send had written it and Intuit had forgotten that."""
    answer = json.loads(body)
    for item in answer.get("BatchItemResponse", [])[::2]:
        journal = item.pop("JournalEntry")
        error = {"Message": "Duplicate Document Number Error", "Detail": words.format(**journal), "code": "6140"}
        item["Fault"] = {"Error": [error], "type": "ValidationFault"}
    return json.dumps(answer).encode()


@pytest.mark.parametrize("language", TAKEN)
def test_f15_our_own_number_taken_means_that_the_entry_is_there(world, language):
    """Beside good items of the same answer; I3 compares the journal's id with what we keep."""

    def strike(call: Call, seconds: float) -> Strike:
        hits = call.writes and call.provider == "quickbooks"
        return Strike(mangle=partial(say_taken, TAKEN[language])) if hits else UNHARMED

    tally = Run(
        world, "F15", f"6140 for our own number, in {language}", strike, entries=15, over=20, latency=5.0
    ).play()
    assert (tally.refused, tally.unconfirmed) == (0, 0)


def close_account(world: World, connection: Connection) -> None:
    """Where fees are booked."""
    target = connection.mappings.select_related("target").get(account__number="4000").target
    companies.set_refusal(
        world.provider.sandbox.store, company_of(world, connection), target.remote_id, companies.CLOSED
    )


def close_period(world: World, connection: Connection) -> None:
    """Until a fortnight ago."""
    name = {"quickbooks": "book_close_date", "xero": "end_of_year_lock_date"}[connection.provider_name]
    until = (BEGINS.date() - timedelta(days=15)).isoformat()
    companies.change_profile(world.provider.sandbox.store, company_of(world, connection), {name: until})


def company_of(world: World, connection: Connection) -> companies.Company:
    found = companies.find_company(world.provider.sandbox.store, connection.provider_name, connection.company_id)
    assert found is not None
    return found


@pytest.mark.parametrize(("poison", "place"), [(close_account, 2), (close_period, 0)])
def test_f16_a_poisonous_entry_delays_no_other(world, poison, place):
    """It needs attention, with the provider's words; the others of its batch are there at once. More kinds, in every
    place: test_poison.py."""
    run = Run(world, "F16", "", entries=0, lasts=30)
    run.begin()
    for connection in run.firm.connections:
        poison(world, connection)
    on = [BEGINS.date()] * 5
    on[place] -= timedelta(days=20) * (poison is close_period)
    drafts = []
    for number in range(5):
        credited = "4000" if number == place else "2100"
        lines = [
            EntryLine(run.firm.accounts["1100"], Decimal(number + 1), None),
            EntryLine(run.firm.accounts[credited], None, Decimal(number + 1)),
        ]
        drafts.append(EntryDraft(on=on[number], memo="Batch", lines=lines, key=f"batch-{number}"))
    post_entries(run.firm.organization, drafts, actor=run.firm.owner)
    world.stage.run_until(BEGINS + timedelta(seconds=15))
    for connection in run.firm.connections:
        states = list(connection.queue.order_by("pk").values_list("state", flat=True))
        expected = ["sent"] * 5
        expected[place] = "needs_attention"
        assert states == expected
        parked = connection.queue.needing_attention().get()
        assert (bool(parked.provider_message), parked.items.count()) == (True, 1), "refused at the first try"
    what = poison.__name__.replace("_", " ").replace("close", "closed")
    entries = invariants.check(world.provider).entries
    board.add("F16", f"{what}: the others arrive in 15 s", entries=entries)
