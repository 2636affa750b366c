"""F16, seeded: entries that a provider refuses, of every kind and anywhere in a batch, hold up no other."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from integrations.models import Attempt, Connection, QueueRow
from ledger.models import JournalEntry
from ledger.posting import EntryDraft, EntryLine, post_entries
from tests.faults.scoreboard import board
from tests.faults.simulated_runs import Run
from tests.faults.test_answer_faults import close_account, close_period
from tests.simulation import invariants
from tests.simulation.world import BEGINS, World

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

PERIOD, ACCOUNT, ITSELF = "closed period", "archived account", "the journal itself"


@dataclass
class Batch:
    """Entries posted together; `poison` says what is wrong with those that are refused, by their place."""

    entries: int
    poison: dict[int, str]

    @classmethod
    def of(cls, dice: random.Random) -> "Batch":
        entries = dice.randint(1, 12)
        places = dice.choice(
            [[0], [entries - 1], range(entries), dice.sample(range(entries), dice.randint(1, entries))]
        )
        return cls(entries, {place: dice.choice([PERIOD, ACCOUNT, ITSELF]) for place in places})


@pytest.mark.parametrize(
    "seeds", [range(1, 11), pytest.param(range(11, 71), marks=pytest.mark.long)], ids=["few", "many"]
)
def test_f16_whatever_is_poisonous_the_others_go_in_the_same_call_or_the_next(world, seeds):
    for seed in seeds:
        _play(world, seed)


def _play(world: World, seed: int) -> None:
    dice = random.Random(seed)
    run = Run(world, "F16", "", entries=0, seed=seed)
    run.begin()
    Connection.objects.update(batch_size=dice.randint(2, 12))
    for connection in run.firm.connections:
        close_account(world, connection)
        close_period(world, connection)
    batch = Batch.of(dice)
    entries = _post(run, batch)
    for connection in run.firm.connections:
        refused = [entries[place] for place, kind in batch.poison.items() if kind == ITSELF]
        names = [invariants.reference(connection, entry) for entry in refused]
        world.provider.poison.add(dice, connection.provider_name, names)
    world.stage.run_until(BEGINS + timedelta(minutes=1))
    _post(run, Batch(1, {}), key="afterwards")
    world.stage.run_until(BEGINS + timedelta(minutes=1, seconds=15))
    for connection in run.firm.connections:
        rows = {row.entry_id: row for row in connection.queue.all()}
        for place, entry in enumerate(entries):
            _check(rows[entry.pk], batch.poison.get(place), f"seed {seed}, {connection.provider_name}, {place}")
        assert connection.queue.latest("pk").state == QueueRow.State.SENT, "the company is not held up"
    board.add("F16", "poison of any kind, anywhere", entries=invariants.check(world.provider).entries)


def _post(run: Run, batch: Batch, key: str = "batch") -> Sequence[JournalEntry]:
    drafts = []
    for place in range(batch.entries):
        kind, amount = batch.poison.get(place), Decimal(place + 1)
        credited = run.firm.accounts["4000" if kind == ACCOUNT else "2100"]
        lines = [EntryLine(run.firm.accounts["1100"], amount, None), EntryLine(credited, None, amount)]
        on = BEGINS.date() - timedelta(days=20) * (kind == PERIOD)
        drafts.append(EntryDraft(on=on, memo="Batch", lines=lines, key=f"{key}-{place}"))
    return post_entries(run.firm.organization, drafts, actor=run.firm.owner)


def _check(row: QueueRow, poison: str | None, where: str) -> None:
    tries = Attempt.objects.filter(delivery__items__row=row).count()
    if poison is None:
        assert (row.state, tries <= 2) == (QueueRow.State.SENT, True), where
    else:
        assert (row.state, tries <= 3) == (QueueRow.State.NEEDS_ATTENTION, True), f"{where}: {poison}, {tries} tries"
        assert row.provider_message, where
