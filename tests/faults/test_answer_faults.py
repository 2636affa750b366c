"""H1 by the book: answers that say no, or say nothing that can be read, in simulated time."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from integrations.models import Connection, Delivery, QueueRow
from integrations.sandbox import companies
from integrations.sandbox.seed import law_firm_xero, xero_company
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.faults.scoreboard import board
from tests.faults.simulated_runs import JSON, Run
from tests.simulation import invariants
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.world import BEGINS, Firm, World

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

LONG = pytest.mark.long


Headers = tuple[tuple[str, str], ...]


def retry_in_90_seconds(now: datetime) -> Headers:
    """As a date, by the clock of the answer."""
    until = now + timedelta(seconds=90)
    return ("Date", format_datetime(now, usegmt=True)), ("Retry-After", format_datetime(until, usegmt=True))


@pytest.mark.parametrize(
    ("what", "headers", "seconds"),
    [
        ("Retry-After 1", lambda now: (("Retry-After", "1"),), 1),
        ("Retry-After 60, the minute", lambda now: (("Retry-After", "60"), ("X-Rate-Limit-Problem", "minute")), 60),
        (
            "Retry-After 66975, the day",
            lambda now: (("Retry-After", "66975"), ("X-Rate-Limit-Problem", "day")),
            66975,
        ),
        pytest.param("Retry-After as a date", retry_in_90_seconds, 90, marks=LONG),
        pytest.param("no Retry-After", lambda now: (), 60, marks=LONG),
        ("concurrent", lambda now: (("X-Rate-Limit-Problem", "concurrent"),), 5),
    ],
    ids=["1 s", "60 s", "a day", "a date", "none", "concurrent"],
)
def test_f13_429s_stop_their_company_for_as_long_as_they_say_and_no_other(world, what, headers, seconds):
    """Each send is answered so for a while; the other firm's entries go through at the same two providers meanwhile."""
    run = Run(world, "F13", f"429s, {what}", entries=6)
    is_long = seconds > 3600
    storm = 60 if is_long else 2 * seconds + 20
    run.lasts = run.over = seconds + 60 if is_long else storm
    run.sweeps_every = 3600 if is_long else 20
    limited = {each.company_id for each in run.firm.connections}
    other = world.firms[1]
    run.also += [(run.over * n / 6 + 1, partial(other.post, [f"{n + 1}.00"], on=BEGINS.date())) for n in range(6)]

    def strike(call: Call, at: float) -> Strike:
        if call.writes and call.tenant in limited and at < storm:
            return Strike(status=429, headers=(*JSON, *headers(world.stage.now)))
        return UNHARMED

    run.strike = strike
    run.play()
    for tenant in limited:
        calls = [at for at, call in world.provider.log if call.tenant == tenant]
        limits = [at for at in calls if at < BEGINS + timedelta(seconds=storm)]
        assert limits
        assert all(b - a >= timedelta(seconds=seconds) for a, b in pairwise(calls) if a in limits), (
            "not before the time"
        )
    for connection in other.connections:
        assert took_at_most(connection, timedelta(seconds=5), entries=6), "another company has room"
    assert not Delivery.objects.filter(failures__gt=0).exists(), "a 429 spends no retry budget"


@LONG
def test_f13_the_apps_limit_stops_every_company_of_the_provider_for_a_time_of_our_own(world):
    """Xero counts what an app sends for all, and says no Retry-After then. It tells one company, before the others have
    anything to send; nothing at QuickBooks waits for that."""
    run = Run(world, "F13", "429s, the app's limit, 5 firms", lasts=150, over=150, entries=6)
    firms = world.firms[1:]

    def others_post(number: int) -> None:
        for firm in firms:
            firm.post([f"{number + 1}.00"], on=BEGINS.date())

    run.also += [(number / 50, lambda number=number: firms.append(firm_at_xero(world, number))) for number in (5, 6, 7)]
    run.also += [(run.over * number / 6 + 5, partial(others_post, number)) for number in range(6)]
    limited: list[datetime] = []

    def strike(call: Call, at: float) -> Strike:
        if call.writes and call.provider == "xero" and at < 150:
            limited.append(world.stage.now)
            return Strike(status=429, headers=(*JSON, ("X-Rate-Limit-Problem", "appminute")))
        return UNHARMED

    run.strike = strike
    run.play()
    sent = [(at, call) for at, call in world.provider.log if call.writes and call.provider == "xero"]
    assert len({call.tenant for _, call in sent}) == 5
    for moment in limited:
        answered, room = moment + timedelta(seconds=run.latency), moment + timedelta(seconds=60)
        assert not [at for at, _ in sent if answered < at < room], "all stop"
    for connection in Connection.objects.filter(provider_name="quickbooks"):
        assert took_at_most(connection, timedelta(seconds=5), entries=6), "it is another provider's limit"
    assert not Delivery.objects.filter(failures__gt=0).exists(), "a 429 spends no retry budget"


def firm_at_xero(world: World, number: int) -> Firm:
    """Connected to a company of its own there, and to nothing else."""
    company_id = f"5b0ad5c1-4a27-4c0f-9d8e-2f1f6c6f3b{number:02}"
    company = xero_company(company_id, f"Firm {number} LLP", "USD", "US", "EASTERNSTANDARDTIME", f"!fIr{number}")
    store = world.provider.sandbox.store
    companies.add_company(store, company)
    companies.add_account_rows(store, [companies.account_row(company, each) for each in law_firm_xero(company)])
    firm = world.make_firm(number)
    world.connect(firm, "xero", company_id)
    return firm


def took_at_most(connection: Connection, longest: timedelta, *, entries: int) -> bool:
    """Whether so many entries of this company were posted, and each was sent so soon."""
    took = [row.sent_at - row.queued_at for row in connection.queue.filter(state=QueueRow.State.SENT)]
    return len(took) == entries and max(took) <= longest


Mangle = Callable[[bytes], bytes]


def with_items(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Mangle:
    """An answer whose items are others."""

    def mangle(body: bytes) -> bytes:
        answer = json.loads(body)
        name = "BatchItemResponse" if "BatchItemResponse" in answer else "ManualJournals"
        return json.dumps(answer | {name: change(answer[name])}).encode()

    return mangle


def of_another(item: dict[str, Any]) -> dict[str, Any]:
    """One that we did not send."""
    return item | {"bId": "99", "Narration": "ATH-99-AAAAAAAA Retainer"}


# What is made of an answer for five journals, and how many of them it still names beyond doubt.
MALFORMED: dict[str, tuple[Mangle, int]] = {
    "empty": (lambda body: b"", 0),
    "cut": (lambda body: body[: len(body) // 2], 0),
    "HTML": (lambda body: b"<html>proxy</html>", 0),
    "NaN": (lambda body: b'{"x":NaN,' + body[1:], 0),
    "a name twice": (lambda body: b'{"x":1,"x":2,' + body[1:], 0),
    "wrong charset": (lambda body: body.decode().encode("utf-16"), 0),
    "a list": (lambda body: b"[]", 0),
    "null": (lambda body: b"null", 0),
    "deep": (lambda body: b"[" * 100_000, 0),
    "5 MB of spaces": (lambda body: b" " * 5_000_000, 0),
    "foreign ids": (lambda body: body.replace(b'"bId":"', b'"bId":"x').replace(b"ATH-", b"OTH-"), 0),
    "reordered": (with_items(lambda items: items[::-1]), 5),
    "one missing": (with_items(lambda items: items[:2] + items[3:]), 4),
    "one too many": (with_items(lambda items: [of_another(items[0]), *items]), 5),
    "one twice": (with_items(lambda items: [*items, items[2]]), 4),
}


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what in ("cut", "foreign ids") else LONG) for what in MALFORMED]
)
def test_f14_of_an_answer_only_what_names_our_journal_beyond_doubt_is_one(world, what):
    mangle, named = MALFORMED[what]
    run = Run(world, "F14", f"answer: {what}", entries=5, over=0)
    run.strike = lambda call, seconds: Strike(mangle=mangle) if call.writes and seconds < 30 else UNHARMED
    seen: list[Counter[str]] = []

    def look() -> None:
        seen.extend(Counter(each.queue.values_list("state", flat=True)) for each in run.firm.connections)

    run.also.append((3.0, look))
    tally = run.play()
    in_doubt = {QueueRow.State.SENDING: 5 - named} if named < 5 else {}
    sent = {QueueRow.State.SENT: named} if named else {}
    assert seen == [Counter(sent | in_doubt)] * 2
    assert (tally.refused, tally.unconfirmed) == (0, 0)


@LONG
def test_f14_whatever_the_dice_make_of_the_answers(world):
    for seed in range(1, 6):
        dice = random.Random(seed)

        def strike(call: Call, seconds: float, dice: random.Random = dice) -> Strike:
            is_struck = call.writes and seconds < 60 and dice.random() < 0.7
            return Strike(mangle=partial(garbled, dice)) if is_struck else UNHARMED

        run = Run(world, "F14", "answers garbled by dice", strike, entries=6, over=30, lasts=200, seed=seed)
        tally = run.play()
        assert (tally.refused, tally.unconfirmed) == (0, 0), f"seed {seed}"


def garbled(dice: random.Random, body: bytes) -> bytes:
    """Items left out, doubled, shuffled or foreign; then members of any kind; at times cut, too. No word of it says no,
    and no id becomes another one: what a provider says in good form is true."""

    def change(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        some = dice.sample(items, dice.randint(0, len(items))) + dice.choices(items, k=dice.randint(0, 2))
        some += [of_another(items[0])] * dice.randint(0, 1)
        for item in some:
            holder = dice.choice([item, item.get("JournalEntry", item)])
            if dice.random() < 0.3:
                holder[dice.choice(list(holder))] = dice.choice([None, True, 7, 1.5, "", "x", [], {}, [[]]])
        return some

    body = with_items(change)(body)
    return body if dice.random() < 0.8 else body[: dice.randrange(len(body))]


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
