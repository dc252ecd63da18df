"""Rolling up: observations leave the log for compact chunks, and days that are over become rollups.

Bite by bite, so that nobody waits: every write is a transaction of its own that takes a source from one state to the
next, and the store says what there is left to do. So a crash loses nothing, and two processes that do the same are in
each other's way and nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from vedette.ports.chunks import Chunks, Source
from vedette.ports.clock import Clock
from vedette.ports.unit import Commit, Conflict, Write
from vedette.rollups.resolutions import DAY_MS

MINUTE_MS = 60_000
FRESH_MS = 5 * MINUTE_MS
"""So long observations stay in the log, at least."""
PASS_MS = 60 * MINUTE_MS
"""How often the log is emptied: what comes together is compressed together."""
LATE_MS = 60 * MINUTE_MS
"""So long after midnight a day is rolled up; what comes even later has it rolled up again."""

_SOURCES = 32  # a step
_OBSERVATIONS = 2_000  # of a source at a time
_DAYS = 4  # a step

_log = structlog.get_logger(__name__)


class RollUp:
    """Goes through all sources of the log, pass after pass."""

    def __init__(self, chunks: Chunks, commit: Commit, clock: Clock) -> None:
        self._chunks = chunks
        self._commit = commit
        self._clock = clock
        self._after: Source | None = None
        self._unfinished: Sequence[Source] = ()
        self._next_pass_ms = 0

    async def step(self) -> bool:
        """One bite; False when there is nothing to do until later. Raises `StoreUnavailable`."""
        now = self._clock()
        is_waiting = self._next_pass_ms - PASS_MS <= now < self._next_pass_ms  # not when the clock was set back
        has_moved = not is_waiting and await self._move(now)
        has_rolled = await self._roll_up(now)
        return has_moved or has_rolled

    async def _move(self, now: int) -> bool:
        sources = self._unfinished or await self._chunks.waiting(self._after, _SOURCES)
        if not sources:
            self._after = None
            self._next_pass_ms = now + PASS_MS
            return False
        moved = {source: await self._chunks.moved(source, now - FRESH_MS, _OBSERVATIONS) for source in sources}
        writes = {source: write for source, write in moved.items() if write is not None}
        committed = await self._commit_each(list(writes.values()))
        # They may have had more than a bite.
        self._unfinished = [source for source, is_done in zip(writes, committed, strict=True) if is_done]
        self._after = max(sources) if self._after is None else max(self._after, *sources)
        return True

    async def _roll_up(self, now: int) -> bool:
        last_midnight = (now - LATE_MS) // DAY_MS * DAY_MS
        days = await self._chunks.unrolled(last_midnight, _DAYS)
        writes = [await self._chunks.rolled_up(day) for day in days]
        await self._commit_each([write for write in writes if write is not None])
        return bool(days)

    async def _commit_each(self, writes: Sequence[Write]) -> list[bool]:
        """Together, each its own transaction to lose; which of them were not lost."""
        outcomes = await asyncio.gather(*[self._commit(write) for write in writes], return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Conflict):
                _log.info("roll_up_conflict", guard=outcome.guard)
            elif outcome is not None:
                raise outcome
        return [outcome is None for outcome in outcomes]
