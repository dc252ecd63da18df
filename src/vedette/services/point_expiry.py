"""Forgetting points: each resolution has its time, and observations of checks with alarms stay for back-tests.

In small bites. What is kept longer is kept within a budget of disk: beyond it the oldest go first.
"""

from __future__ import annotations

from collections.abc import Sequence

from vedette.ports.chunks import Aged, Chunks
from vedette.ports.clock import Clock
from vedette.ports.unit import Commit
from vedette.rollups.resolutions import DAY_MS, ROLLED_UP, Resolution

TESTABLE_MS = 30 * DAY_MS
"""So long observations of checks with alarms are kept."""
_BITE = 200

_beginning = (0, 0)


class PointExpiry:
    """Looks at the observations older than two days in turn, again and again; their chunks say how large they are."""

    def __init__(self, chunks: Chunks, commit: Commit, clock: Clock, budget: int) -> None:
        """`budget`: bytes of observations in chunks, of all checks."""
        self._chunks = chunks
        self._commit = commit
        self._clock = clock
        self._budget = budget
        self._place = _beginning
        self._check = ""
        self._day = 0
        self._size = 0
        self._excess = 0

    async def step(self) -> bool:
        """One bite of everything; always done, for the next bite comes soon. Raises `StoreUnavailable`."""
        now = self._clock()
        await self._forget_observations(now)
        await self._weigh(now)
        for resolution in ROLLED_UP:
            await self._commit(self._chunks.forget_rollups(resolution, now - resolution.kept_ms, _BITE))
        await self._forget_strays()
        return False

    async def _forget_observations(self, now: int) -> None:
        """Those of checks without alarms go at two days; the oldest of all while they are more than the budget."""
        aged = await self._chunks.oldest(self._place, now - Resolution.FULL.kept_ms, _BITE)
        self._place = (aged[-1].to_ms, aged[-1].id) if len(aged) == _BITE else _beginning
        gone = [one for one in aged if not one.has_alarms or one.to_ms < now - TESTABLE_MS]
        if self._excess > 0:
            gone += await self._too_many(now, {one.id for one in gone})
        if gone:
            await self._commit(self._chunks.forget([one.id for one in gone]))
            self._excess -= sum(one.size for one in gone)

    async def _too_many(self, now: int, without: set[int]) -> Sequence[Aged]:
        """The oldest ones, as many as are too many."""
        excess, gone = self._excess, []
        for one in await self._chunks.oldest(_beginning, now - Resolution.FULL.kept_ms, _BITE):
            if excess <= 0:
                break
            excess -= one.size
            if one.id not in without:
                gone.append(one)
        return gone

    async def _weigh(self, now: int) -> None:
        """Adds up day by day, a day a step; at the end of the days it is known how much is too much."""
        days = TESTABLE_MS // DAY_MS + 2
        start = (now // DAY_MS + 1 - self._day) * DAY_MS
        last = self._day == days
        self._size += await self._chunks.size(0 if last else start, start + DAY_MS)
        self._day += 1
        if last:
            self._excess = max(self._size - self._budget, 0)
            self._day = self._size = 0

    async def _forget_strays(self) -> None:
        """The history of checks that were deleted."""
        strays, self._check = await self._next_strays()
        for check_id in strays:
            await self._commit(self._chunks.forget_check(check_id, _BITE))

    async def _next_strays(self) -> tuple[Sequence[str], str]:
        strays, go_on = await self._chunks.strays(self._check, _BITE)
        return strays, go_on or ""
