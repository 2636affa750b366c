"""B8: what mirroring adds to the posting of an entry of four lines, through the product's own posting, with 1, 4 and 16
writers, each a process with firms of its own.

Blocks of a fraction of a second alternate between a firm that is mirrored Live and one that is not connected at all, so
that what else the machine does falls on both. "Off" as a mode queues entries like Live; the comparison is with none.

What is added is a fraction of a millisecond, and postings vary by several. So it is told from their ends alone: from
the moment the ledger hands its entry to the mirror to the end of the commit and of what follows it. Up to there both
firms' postings are the same; should a wake-up under way hold up the next one's beginning, the ratio of whole postings
shows it.
"""

import multiprocessing
import os
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection as database
from django.db import transaction

from athenty.organizations.models import Organization
from integrations.mirror import queue
from ledger.models import JournalEntry
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
    """Blocks of each kind where one writes alone, of a tenth of a second."""
    writers: tuple[int, ...]
    blocks: int
    seconds: float


SIZES = {
    "quick": Size(alone=20, writers=(16,), blocks=4, seconds=0.2),
    "full": Size(alone=120, writers=(4, 16), blocks=9, seconds=0.5),
}


@dataclass(frozen=True)
class Block:
    """Milliseconds of each posting of all writers in one block, and of its end."""

    mode: str
    milliseconds: list[float]
    ends: list[float]


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
    yield _bare(_write(pairs[:1], [BARE, BARE_WITH_ROW] * (size.alone // 2), seconds=0.1))
    stage.say("Redis hangs")
    yield _without_redis(stage, pairs, size)


def _alone(blocks: list[Block]) -> Iterator[Figure]:
    """Medians of all postings; the worst is that of the worst tenth of the time."""
    tenth = len(blocks) // 10
    tenths = [blocks[start : start + tenth] for start in range(0, tenth * 10, tenth)]
    yield Figure(
        "B8", "added to a posting, 1 writer", _added(blocks), "ms", goal=at_most(0.4), worst=max(map(_added, tenths)),
        note="worst is the worst tenth's",
    )  # fmt: skip
    live, plain = _median(blocks, LIVE), _median(blocks, PLAIN)
    yield Figure(
        "B8", "posting, 1 writer", live, "ms", "not mirrored", plain, at_most(1.35, of_ratio=True),
        worst=max(_median(each, LIVE) / _median(each, PLAIN) for each in tenths), note="worst is the worst tenth's",
    )  # fmt: skip


def _added(blocks: list[Block]) -> float:
    live, plain = ([ms for block in blocks if block.mode == mode for ms in block.ends] for mode in (LIVE, PLAIN))
    return statistics.median(live) - statistics.median(plain)


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
    added = _median(blocks, BARE_WITH_ROW) - _median(blocks, BARE)
    return Figure("B8", "added by a bare outbox row (P2)", added, "ms")


def _without_redis(stage: Stage, pairs: list[tuple[Firm, Firm]], size: Size) -> Figure:
    """One that hangs is worse than one that is gone: whoever waits for it waits for ever. Which of the two comes first
    takes turns as well, since a machine that was idle is slower at first."""
    pid = next(child for child in stage.supervisor._servers if child.name == "valkey").process.pid
    usual: list[Block] = []
    hanging: list[Block] = []
    for first, second in [(usual, hanging), (hanging, usual)] * 2:
        for blocks in (first, second):
            if blocks is hanging:
                os.kill(pid, signal.SIGSTOP)
            try:
                blocks += _write(pairs[:1], [LIVE] * 2, size.seconds)
            finally:
                os.kill(pid, signal.SIGCONT)
    return Figure(
        "B8", "posting while Redis hangs", _median(hanging, LIVE), "ms", "Redis up", _median(usual, LIVE),
        at_most(1.10, of_ratio=True), worst=max(percentile(block.milliseconds, 0.5) for block in hanging),
    )  # fmt: skip


def _median(blocks: list[Block], mode: str) -> float:
    return statistics.median(taken for block in blocks if block.mode == mode for taken in block.milliseconds)


def _write(pairs: list[tuple[Firm, Firm]], modes: list[str], seconds: float) -> list[Block]:
    """Every writer does the same at the same time, in processes that share nothing with this one."""
    database.close()
    database.close_pool()
    barrier, results = _fork.Barrier(len(pairs)), _fork.Queue()
    writers = [_fork.Process(target=_writer, args=(pair, modes, seconds, barrier, results)) for pair in pairs]
    for writer in writers:
        writer.start()
    taken: dict[int, list[float]] = defaultdict(list)
    ends: dict[int, list[float]] = defaultdict(list)
    for _ in writers:
        for number, milliseconds, of_ends in results.get(timeout=120):
            taken[number] += milliseconds
            ends[number] += of_ends
    for writer in writers:
        writer.join()
    return [Block(mode, taken[number], ends[number]) for number, mode in enumerate(modes)]


def _writer(pair: tuple[Firm, Firm], modes: list[str], seconds: float, barrier: Any, results: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    live, plain = pair
    handed_over = _note_hand_overs()
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
        milliseconds, ends, until = [], [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            acts[mode]()
            ended = time.perf_counter()
            milliseconds.append((ended - began) * 1000)
            ends.append((ended - handed_over[-1]) * 1000)
        found.append((number, milliseconds, ends))
    results.put(found)
    results.close()
    results.join_thread()
    database.close()
    os._exit(0)  # not through the parent's exit handlers


def _note_hand_overs() -> list[float]:
    """When the ledger last handed an entry to the mirror, in this process."""
    enqueue, handed_over = queue.enqueue, [0.0]

    def noted(organization: Organization, entries: Sequence[JournalEntry]) -> None:
        handed_over[-1] = time.perf_counter()
        enqueue(organization, entries)

    queue.enqueue = noted
    return handed_over


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
