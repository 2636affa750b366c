"""B8: what mirroring adds to the posting of an entry of four lines, through the product's own posting, with 1, 4 and 16
writers, each a process with firms of its own.

Blocks of a fraction of a second alternate between a firm that is mirrored Live and one that is not connected at all, so
that what else the machine does falls on both. "Off" as a mode queues entries like Live; the comparison is with none.
"""

import multiprocessing
import os
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db import transaction

from ledger.posting import post_entry
from tests.bench.figures import Figure, at_least, at_most, percentile
from tests.bench.firms import Firm, make
from tests.bench.stage import Stage

LIVE, PLAIN, BARE, BARE_WITH_ROW = "live", "plain", "bare", "bare with row"
_LINES = 4
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Size:
    alone: int
    """Blocks of each kind where one writes alone, of a tenth of a second: what is added is less than what a commit's
    wait for the disk varies by, and takes some hundred postings to be seen."""
    writers: tuple[int, ...]
    blocks: int
    seconds: float


SIZES = {
    "quick": Size(alone=40, writers=(16,), blocks=4, seconds=0.3),
    "full": Size(alone=120, writers=(4, 16), blocks=9, seconds=0.5),
}


@dataclass(frozen=True)
class Block:
    """Milliseconds of each posting of all writers in one block."""

    mode: str
    milliseconds: list[float]


def run(stage: Stage, size_name: str) -> Iterator[Figure]:
    size = SIZES[size_name]
    most = max(size.writers)
    pairs = list(
        zip(
            make(stage.sandbox_store, "xero", most, name="Live"),
            make(stage.sandbox_store, "xero", most, name="Plain", mirrored=False),
            strict=True,
        )
    )
    stage.say("1 writer")
    yield from _alone(_write(pairs[:1], [PLAIN, LIVE] * size.alone, seconds=0.1))
    for writers in size.writers:
        stage.say(f"{writers} writers")
        yield from _together(_write(pairs[:writers], [PLAIN, LIVE] * size.blocks, size.seconds), writers, size.seconds)
    stage.say("bare SQL")
    yield _bare(_write(pairs[:1], [BARE, BARE_WITH_ROW] * size.blocks, size.seconds))
    stage.say("Redis hangs")
    yield _without_redis(stage, pairs, size)


def _alone(blocks: list[Block]) -> Iterator[Figure]:
    """What is added is the difference of the medians of all; the worst is that of the worst tenth of the time."""
    live, plain = _median(blocks, LIVE), _median(blocks, PLAIN)
    tenth = len(blocks) // 10
    tenths = [blocks[start : start + tenth] for start in range(0, tenth * 10, tenth)]
    added = [_median(each, LIVE) - _median(each, PLAIN) for each in tenths]
    ratios = [_median(each, LIVE) / _median(each, PLAIN) for each in tenths]
    yield Figure("B8", "added to a posting, 1 writer", live - plain, "ms", goal=at_most(0.4), worst=max(added))
    yield Figure(
        "B8", "posting, 1 writer", live, "ms", "not mirrored", plain, at_most(1.35, of_ratio=True), worst=max(ratios),
        note="worst is the worst tenth's ratio",
    )  # fmt: skip


def _together(blocks: list[Block], writers: int, seconds: float) -> Iterator[Figure]:
    rates = {
        mode: [len(block.milliseconds) / seconds for block in blocks if block.mode == mode] for mode in (LIVE, PLAIN)
    }
    ratios = [one / other for one, other in zip(rates[LIVE], rates[PLAIN], strict=True)]
    yield Figure(
        "B8", f"postings a second, {writers} writers", statistics.median(rates[LIVE]), "/s", "not mirrored",
        statistics.median(rates[PLAIN]), at_least(0.70, of_ratio=True) if writers == 16 else None, worst=min(ratios),
        note="worst is the worst block's ratio",
    )  # fmt: skip


def _bare(blocks: list[Block]) -> Figure:
    added = [one - other for one, other in zip(_medians(blocks, BARE_WITH_ROW), _medians(blocks, BARE), strict=True)]
    return Figure("B8", "added by a bare outbox row (P2)", statistics.median(added), "ms", worst=max(added))


def _without_redis(stage: Stage, pairs: list[tuple[Firm, Firm]], size: Size) -> Figure:
    """One that hangs is worse than one that is gone: whoever waits for it waits for ever."""
    pid = next(child for child in stage.supervisor._servers if child.name == "valkey").process.pid
    usual, hanging = [], []
    for _ in range(3):
        usual += _medians(_write(pairs[:1], [LIVE] * 2, size.seconds), LIVE)
        os.kill(pid, signal.SIGSTOP)
        try:
            hanging += _medians(_write(pairs[:1], [LIVE] * 2, size.seconds), LIVE)
        finally:
            os.kill(pid, signal.SIGCONT)
    return Figure(
        "B8", "posting while Redis hangs", statistics.median(hanging), "ms", "Redis up", statistics.median(usual),
        at_most(1.10, of_ratio=True), worst=max(hanging),
    )  # fmt: skip


def _median(blocks: list[Block], mode: str) -> float:
    return statistics.median(taken for block in blocks if block.mode == mode for taken in block.milliseconds)


def _medians(blocks: list[Block], mode: str) -> list[float]:
    return [percentile(block.milliseconds, 0.5) for block in blocks if block.mode == mode]


def _write(pairs: list[tuple[Firm, Firm]], modes: list[str], seconds: float) -> list[Block]:
    """Every writer does the same at the same time, in processes that share nothing with this one."""
    database.close()
    database.close_pool()
    barrier, results = _fork.Barrier(len(pairs)), _fork.Queue()
    writers = [_fork.Process(target=_writer, args=(pair, modes, seconds, barrier, results)) for pair in pairs]
    for writer in writers:
        writer.start()
    taken: dict[int, list[float]] = defaultdict(list)
    for _ in writers:
        for number, milliseconds in results.get(timeout=120):
            taken[number] += milliseconds
    for writer in writers:
        writer.join()
    return [Block(mode, taken[number]) for number, mode in enumerate(modes)]


def _writer(pair: tuple[Firm, Firm], modes: list[str], seconds: float, barrier: Any, results: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    live, plain = pair
    acts = {
        LIVE: lambda: post_entry(live.organization, live.draft(_LINES), actor=live.owner),
        PLAIN: lambda: post_entry(plain.organization, plain.draft(_LINES), actor=plain.owner),
        BARE: lambda: _bare_posting(plain, with_row=False),
        BARE_WITH_ROW: lambda: _bare_posting(live, with_row=True),
    }
    for mode in dict.fromkeys(modes):  # warm
        for _ in range(5):
            acts[mode]()
    found = []
    for number, mode in enumerate(modes):
        barrier.wait()
        milliseconds, ends = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            acts[mode]()
            milliseconds.append((time.perf_counter() - began) * 1000)
        found.append((number, milliseconds))
    results.put(found)
    results.close()
    results.join_thread()
    database.close()
    os._exit(0)  # not through the parent's exit handlers


def _bare_posting(firm: Firm, *, with_row: bool) -> None:
    """An entry, its lines and its outbox row, as three statements by hand and no rule checked but the database's."""
    draft = firm.draft(_LINES)
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_journalentry (organization_id, date, memo, reference, currency, key, created_at)"
            " VALUES (%s, %s, %s, %s, 'USD', %s, now()) RETURNING id",
            [firm.organization.pk, draft.on, draft.memo, draft.reference, draft.key],
        )
        (entry_id,) = cursor.fetchone()
        rows = [
            value
            for position, line in enumerate(draft.lines)
            for value in (entry_id, position, line.account.pk, line.debit, line.credit, line.description)
        ]
        cursor.execute(
            "INSERT INTO ledger_journalline (entry_id, position, account_id, debit, credit, description) VALUES "
            + ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(draft.lines)),
            rows,
        )
        cursor.execute(
            "UPDATE ledger_journalentry SET posted_at = now(), number = 1 + (SELECT coalesce(max(number), 0)"
            " FROM ledger_journalentry WHERE organization_id = %s) WHERE id = %s",
            [firm.organization.pk, entry_id],
        )
        if with_row:
            cursor.execute(
                "INSERT INTO journal_sync_queue (connection_id, entry_id, state, remote_id, cause, provider_code,"
                " provider_message, blamed_account_id) VALUES (%s, %s, 'waiting', '', '', '', '', '')",
                [firm.connection.pk, entry_id],
            )
