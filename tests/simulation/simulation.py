"""One seeded run: a few firms post, everything that can go wrong does, then it is mended, and the books are compared.

The real product, the real Postgres; the providers' stand-in in this process; time as the seed wills.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import OperationalError, transaction
from django.db import connection as database

from integrations.connections import disconnect
from integrations.mapping import chart
from integrations.mirror import queue, schedule
from integrations.models import Connection, QueueRow, SyncMode
from integrations.sandbox import companies
from tests.simulation import invariants
from tests.simulation.invariants import Broken, Quiet, Tally
from tests.simulation.logs import captured_log, nothing_secret
from tests.simulation.provider import UNHARMED, Call, Strike
from tests.simulation.stage import Killed, stepping
from tests.simulation.strikes import STRIKES
from tests.simulation.world import BEGINS, Body, Firm, World

# Everything that can be waited for, one after the other: a Retry-After, a lease, the longest backoff, a zombie.
_AT_REST_WITHIN = timedelta(minutes=45)
_WORKS_AT_MOST = timedelta(seconds=120)


class SeedFailed(AssertionError):
    """The message names the seed, which replays it."""


@dataclass
class Trouble:
    """For a while, a share of one connection's calls is struck."""

    begins: float
    ends: float
    share: float
    strike: Strike
    writes_only: bool


def run_seed(world: World, seed: int) -> Tally:
    """Raises SeedFailed when an invariant does not hold, or the product fails in a way that it does not expect."""
    try:
        with captured_log() as log:
            tally = _Run(world, seed).play()
        nothing_secret(world, log)
    except BaseException as problem:
        raise SeedFailed(f"SEED={seed}: {type(problem).__name__}: {problem}") from problem
    return tally


class _Run:
    def __init__(self, world: World, seed: int) -> None:
        self.world, self.stage = world, world.stage
        self.dice = world.begin(seed)
        self.provider = world.provider
        self.quiet: list[Quiet] = []
        self.troubles: list[Trouble] = []
        # Nineteen of twenty are short: many small histories find more than a few large ones.
        self.is_long = seed % 20 == 0
        self.length = self.dice.choice([300, 600, 900]) if self.is_long else self.dice.choice([200, 900])
        self.most = 5 if self.is_long else 2
        self.is_mended = self.charts_changed = self.was_switched = False
        # By dice of their own, so that all other seeds stay the histories that they were.
        self.is_poisoned, self.poisoner = seed % 5 == 0, random.Random(f"poison {seed}")

    def play(self) -> Tally:
        self._choose_who_is_there()
        self._plan()
        self.stage.run_until(BEGINS + timedelta(seconds=self.length))
        self._mend()
        self._come_to_rest()
        tally = invariants.check(self.provider, quiet=self.quiet)
        if tally.unconfirmed or tally.refused:
            self._decide_what_is_left()
            self._come_to_rest()
            invariants.check(self.provider, quiet=self.quiet, everything_sent=True)
        return tally

    # What will happen ------------------------------------------------------------------------------------------------

    def _choose_who_is_there(self) -> None:
        everyone = [(firm, each) for firm in self.world.firms for each in firm.connections]
        self.present = self.dice.sample(everyone, self.dice.choice([1, 2, 3]) if self.is_long else 1)
        sizes_by_id = json.dumps({str(each.pk): self.dice.randint(1, 5) for _, each in self.present})
        with database.cursor() as cursor:
            cursor.execute(
                """
                UPDATE integrations_connection SET batch_size = (%s::jsonb -> id::text)::int,
                    mirror_from = CASE WHEN %s::jsonb ? id::text THEN mirror_from END
                """,
                [sizes_by_id, sizes_by_id],
            )
        self.firms = [firm for firm in self.world.firms if any(firm is there for there, _ in self.present)]

    def _plan(self) -> None:
        dice = self.dice
        self.provider.watch = partial(invariants.nothing_doubled, self.provider)
        self.provider.strike = self._strike
        slowness = dice.choice([0.2, 1.0, 10.0])
        self.provider.latency = lambda: dice.uniform(0.1, 1.0) * slowness
        self.world.worker = self._ill_fated
        self.world.delivered = self._delivered
        self.deaths, self.naps, self.cuts = (dice.choice([0, 0, 0.1, 0.4]) for _ in range(3))
        self.loss = dice.choice([0, 0.1, 0.5])
        self.troubles = [self._trouble() for _ in range(dice.choice([0, 1, 1, 2, 3]))]
        for _ in range(dice.randint(1, self.most) if self.is_long else dice.choice([1, 1, 2])):
            self._post_some_time()
        acts = [self._switch, self._pause, self._refuse_account, self._close_period, self._disconnect, self._revoke]
        acts += [self._expire_tokens, self._remap, self._roll_back, self._flush, self._read_chart]
        for act in dice.sample(acts, dice.choice([1, 2, 3] if self.is_long else [0, 0, 1, 1, 2])):
            self._some_time(act)
        if self.is_poisoned:
            self.stage.after(self.poisoner.uniform(0, 0.8 * self.length), self._post_poison)
        seconds = 0.0
        while (seconds := seconds + dice.expovariate(1 / self.length)) < self.length:
            self.stage.after(seconds, partial(self.world.run, self.world.sweep))

    def _post_some_time(self) -> None:
        """More often than not while something is wrong."""
        if self.troubles and self.dice.random() < 0.7:
            trouble = self.dice.choice(self.troubles)
            seconds = trouble.begins + self.dice.uniform(0, 0.3) * (trouble.ends - trouble.begins)
            self.stage.after(min(seconds, self.length), self._post)
        else:
            self._some_time(self._post)

    def _some_time(self, act: Callable[[], None]) -> None:
        self.stage.after(self.dice.uniform(0, 0.8 * self.length), act)

    def _trouble(self) -> Trouble:
        dice = self.dice
        begins = dice.uniform(0, 0.4 * self.length)
        return Trouble(
            begins=begins,
            ends=begins + dice.choice([5, 60, 250, 500, 500]),
            share=dice.choice([0.2, 0.5, 1.0]),
            strike=dice.choice(STRIKES)(dice),
            writes_only=dice.random() < 0.5,
        )

    # What befalls calls, wake-ups and workers ------------------------------------------------------------------------

    def _strike(self, call: Call) -> Strike:
        seconds = (self.stage.now - BEGINS).total_seconds()
        if self.is_mended or call.name in {"connections", "revoke"}:
            return UNHARMED
        for trouble in self.troubles:
            if trouble.begins <= seconds < trouble.ends and (call.writes or not trouble.writes_only):
                if call.name == "token" and (trouble.strike.status or trouble.strike.mangle):
                    continue  # a token endpoint fails in other ways
                if self.dice.random() < trouble.share:
                    strike = trouble.strike
                    return strike if call.writes or strike.commits_after is None else Strike(reset=True)
        return UNHARMED

    def _delivered(self) -> list[float]:
        if self.is_mended:
            return [0.0]
        if self.dice.random() < self.loss:
            return []
        copies = self.dice.choice([1, 1, 1, 1, 1, 1, 1, 1, 2, 3])
        return [self.dice.choice([0.0, 0.0, 0.0, 1.0, 20.0, 300.0]) for _ in range(copies)]

    def _ill_fated(self, body: Body) -> None:
        """What a worker does, with an end, a long sleep or a lost database at a step of the dice's choice."""
        if self.is_mended:
            body()
            return
        dies_at = self.dice.randint(1, 90) if self.dice.random() < self.deaths else None
        naps_at = self.dice.randint(1, 90) if self.dice.random() < self.naps else None
        cut_at = self.dice.randint(1, 90) if self.dice.random() < self.cuts else None
        nap = self.dice.choice([5, 40, 100, 170, 400, 800])
        steps = 0

        def pass_step() -> None:
            nonlocal steps, naps_at
            steps += 1
            if steps == dies_at:
                raise Killed
            if steps == cut_at:
                raise OperationalError("the server closed the connection unexpectedly")
            if naps_at and steps >= naps_at and not database.in_atomic_block:
                naps_at = None
                self.stage.wait(nap)

        with stepping(pass_step):
            body()

    # What people do --------------------------------------------------------------------------------------------------

    def _anyone(self) -> tuple[Firm, Connection]:
        firm, connection = self.dice.choice(self.present)
        connection.refresh_from_db()
        return firm, connection

    def _post(self) -> None:
        firm = self.dice.choice(self.firms)
        on = BEGINS.date() - timedelta(days=self.dice.choice([0, 0, 0, 10, 20]))
        amounts = [f"{self.dice.randint(1, 99999) / 100:.2f}" for _ in range(self.dice.randint(1, self.most))]
        firm.post(amounts, on=on)

    def _post_poison(self) -> None:
        """Some of the entries that are posted together are refused, each for itself."""
        dice = self.poisoner
        firm = dice.choice(self.firms)
        amounts = [f"{dice.randint(1, 99999) / 100:.2f}" for _ in range(dice.randint(1, 6))]
        entries = firm.post(amounts, on=BEGINS.date())
        chosen = dice.sample(entries, dice.randint(1, len(entries)))
        for connection in firm.connections:
            references = [invariants.reference(connection, entry) for entry in chosen]
            self.provider.poison.add(dice, connection.provider_name, references)

    def _roll_back(self) -> None:
        """Posted, and then not: nothing of it may ever be sent."""
        firm = self.dice.choice(self.firms)
        before = firm.posted
        with transaction.atomic():
            firm.post(["66.60"], on=BEGINS.date())
            transaction.set_rollback(True)
        firm.posted = before

    def _switch(self) -> None:
        firm = self.dice.choice(self.firms)
        mode = self.dice.choice([SyncMode.OFF, SyncMode.OFF, SyncMode.BATCHED])
        self.was_switched = True
        if schedule.set_mode(firm.organization, mode, actor=firm.owner) and mode == SyncMode.OFF:
            self._begin_quiet(firm.connections)
        self._some_time_later(partial(self._set_live, firm))

    def _set_live(self, firm: Firm) -> None:
        schedule.set_mode(firm.organization, SyncMode.LIVE, actor=firm.owner)
        self._end_quiet()

    def _pause(self) -> None:
        firm = self.dice.choice(self.firms)
        self.was_switched = True
        if schedule.set_paused(firm.organization, paused=True):
            self._begin_quiet(firm.connections)
            self._some_time_later(partial(self._resume, firm))

    def _resume(self, firm: Firm) -> None:
        schedule.set_paused(firm.organization, paused=False)
        self._end_quiet()

    def _flush(self) -> None:
        firm = self.dice.choice(self.firms)
        schedule.flush_now(firm.organization, actor=firm.owner)

    def _refuse_account(self) -> None:
        _, connection = self._anyone()
        mapping = connection.mappings.select_related("target").order_by("pk")[self.dice.randint(0, 3)]
        self._set_refusal(
            connection, mapping.target.remote_id, self.dice.choice([companies.INACTIVE, companies.CLOSED])
        )
        self._some_time_later(partial(self._set_refusal, connection, mapping.target.remote_id, None))

    def _set_refusal(self, connection: Connection, account_id: str, refusal: str | None) -> None:
        self.charts_changed = True
        companies.set_refusal(self.provider.sandbox.store, self._company(connection), account_id, refusal)

    def _close_period(self) -> None:
        _, connection = self._anyone()
        self._close_through(connection, (BEGINS.date() - timedelta(days=15)).isoformat())
        self._some_time_later(partial(self._close_through, connection, None))

    def _close_through(self, connection: Connection, day: str | None) -> None:
        self.charts_changed = True
        name = {"quickbooks": "book_close_date", "xero": "end_of_year_lock_date"}[connection.provider_name]
        companies.change_profile(self.provider.sandbox.store, self._company(connection), {name: day})

    def _company(self, connection: Connection) -> companies.Company:
        company = companies.find_company(self.provider.sandbox.store, connection.provider_name, connection.company_id)
        assert company is not None
        return company

    def _disconnect(self) -> None:
        firm, connection = self._anyone()
        if connection.is_connected and disconnect.disconnect(connection, actor=firm.owner):
            self._begin_quiet([connection])
            self._some_time_later(partial(self._reconnect, firm, connection))

    def _revoke(self) -> None:
        """An administrator removes us on the provider's side."""
        _, connection = self._anyone()
        self.provider.sandbox.store.execute(
            "UPDATE grants SET revoked_at = ? WHERE provider = ? AND revoked_at IS NULL",
            self.provider.now(),
            connection.provider_name,
        )
        for firm_, each in self.present:
            if each.provider_name == connection.provider_name:
                self._some_time_later(partial(self._reconnect, firm_, each))

    def _reconnect(self, firm: Firm, connection: Connection) -> None:
        connection.refresh_from_db()
        if connection.is_connected:
            return
        if connection.status == Connection.Status.ERROR:
            disconnect.disconnect(connection, actor=firm.owner)
        was_mended, self.is_mended = self.is_mended, True  # a person tries again until it works
        self.world.connect(firm, connection.provider_name, connection.company_id)
        self.is_mended = was_mended
        self._end_quiet()

    def _expire_tokens(self) -> None:
        self.provider.sandbox.store.execute(
            "UPDATE tokens SET expires_at = ? WHERE kind = 'access'", self.provider.now()
        )

    def _remap(self) -> None:
        firm, connection = self._anyone()
        self.world.map_everything(firm, connection, shift=self.dice.randint(0, 2))

    def _read_chart(self) -> None:
        _, connection = self._anyone()
        chart.ask_for_reading(connection)

    def _some_time_later(self, act: Callable[[], None]) -> None:
        self.stage.after(self.dice.choice([3, 30, 200]), act)

    def _begin_quiet(self, connections: list[Connection]) -> None:
        self.quiet.append(Quiet(self.stage.now, list(connections)))

    def _end_quiet(self) -> None:
        """Coarse: whatever was quiet is over."""
        for stretch in self.quiet:
            stretch.ended = stretch.ended or self.stage.now

    # And then --------------------------------------------------------------------------------------------------------

    def _mend(self) -> None:
        self.is_mended = True
        self.provider.poison.lift()
        for firm, connection in self.present:
            if self.was_switched:
                self._set_live(firm)
                self._resume(firm)
            self._reconnect(firm, connection)
            if self.charts_changed:
                self._close_through(connection, None)
                self.provider.sandbox.store.execute("UPDATE accounts SET refusal = NULL WHERE refusal IS NOT NULL")
                chart.ask_for_reading(connection)

    def _come_to_rest(self) -> None:
        """I7: it does so by itself, in time."""
        for _ in range(3):
            if self.world.run_until_quiet(_AT_REST_WITHIN) is None:
                raise Broken(f"I7: not at rest after {_AT_REST_WITHIN}: {_unrest()}")
            lost = [(f, c) for f, c in self.present if not Connection.objects.connected().filter(pk=c.pk).exists()]
            if not lost:
                break
            for firm, connection in lost:  # the provider's refusal came to us only now
                self._reconnect(firm, connection)
        # A provider that is still at work on a call long given up may yet write.
        self.stage.run_until(self.stage.now + _WORKS_AT_MOST)

    def _decide_what_is_left(self) -> None:
        """A person looks at the provider for what is unconfirmed, and retries what was refused."""
        for firm, connection in self.present:
            connection.refresh_from_db()
            books = invariants.all_books(self.provider)[connection.provider_name, connection.company_id]
            for row in connection.queue.filter(state=QueueRow.State.UNCONFIRMED).select_related("entry", "connection"):
                found = books.get(invariants.reference(connection, row.entry))
                if found:
                    queue.confirm(row, found[0].id, actor=firm.owner)
                else:
                    queue.send_again(row, actor=firm.owner)
            if connection.queue.needing_attention().exists():
                chart.ask_for_reading(connection)
                self.stage.run_until(self.stage.now + timedelta(seconds=5))
            parked = connection.queue.needing_attention().values_list("pk", flat=True)
            queue.retry(connection, list(parked), actor=firm.owner)


def _unrest() -> str:
    return "; ".join(
        f"{row.entry} {row.state} of {row.connection.provider_name}, {row.connection.status}, sends next at"
        f" {row.connection.next_send_at}, slowed until {row.connection.slowed_until}, troubled since"
        f" {row.connection.troubled_since}, missing {row.connection.mappings.missing().count()}, deliveries"
        f" {list(row.connection.deliveries.open().values_list('attempts', 'next_attempt_at', 'leased_until'))}"
        for row in QueueRow.objects.filter(state__in=["waiting", "sending"]).select_related("entry", "connection")[:2]
    )
