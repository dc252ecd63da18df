"""When each check is due: fixed rates, no drift, O(log n) a run. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush

import msgspec

from vedette.domain.ids import CheckId

SOON_S = 5.0
"""A new check first runs within this time, or its period where that is shorter."""

STARTS_PER_S = 200
"""So many new checks at once spread over more than `SOON_S` that they begin no faster than this, at most one period."""

Random = Callable[[], float]
"""A number in [0, 1)."""


class _Due(msgspec.Struct, frozen=True, order=True):
    """An entry of the heap; it counts while it is the check's current one."""

    at: float
    check_id: CheckId
    period_s: int


class Schedule:
    """A heap of due times. An entry whose check was dropped or put anew is skipped when it comes up."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._heap: list[_Due] = []
        self._current: dict[CheckId, _Due] = {}

    def __len__(self) -> int:
        return len(self._current)

    def __contains__(self, check_id: CheckId) -> bool:
        return check_id in self._current

    def replace(self, periods: Mapping[CheckId, int], now: float) -> None:
        """The complete list. Known checks of the same period keep their rhythm, new ones are spread evenly."""
        for check_id in [known for known in self._current if known not in periods]:
            self.drop(check_id)
        new = {check_id: period_s for check_id, period_s in periods.items() if not self._keeps(check_id, period_s)}
        span_s = max(SOON_S, len(new) / STARTS_PER_S)
        for index, (check_id, period_s) in enumerate(new.items()):
            share = (index + self._random()) / len(new)
            self._enter(_Due(now + share * min(period_s, span_s), check_id, period_s))

    def put(self, check_id: CheckId, period_s: int, now: float) -> None:
        """A check that is new or has changed: due soon, and from then on by its period."""
        self._enter(_Due(now + self._random() * min(period_s, SOON_S), check_id, period_s))

    def drop(self, check_id: CheckId) -> None:
        """Nothing happens for a check that is not known."""
        self._current.pop(check_id, None)
        self._tidy()

    def next_due(self) -> float | None:
        """When the next check is due, None when there is none."""
        while self._heap and not self._counts(self._heap[0]):
            heappop(self._heap)
        return self._heap[0].at if self._heap else None

    def take_due(self, now: float) -> CheckId | None:
        """A check that is due, or None; it is due again at the next multiple of its period after now.

        Turns that passed while nobody asked are left out, so that nothing piles up and the rhythm stays.
        """
        at = self.next_due()
        if at is None or at > now:
            return None
        due = heappop(self._heap)
        missed = int((now - due.at) // due.period_s)
        self._enter(_Due(due.at + (missed + 1) * due.period_s, due.check_id, due.period_s))
        return due.check_id

    def _keeps(self, check_id: CheckId, period_s: int) -> bool:
        known = self._current.get(check_id)
        return known is not None and known.period_s == period_s

    def _enter(self, due: _Due) -> None:
        self._current[due.check_id] = due
        heappush(self._heap, due)
        self._tidy()

    def _counts(self, due: _Due) -> bool:
        return self._current.get(due.check_id) is due

    def _tidy(self) -> None:
        """Entries that no longer count may be as many as those that do, not more."""
        if len(self._heap) > 2 * len(self._current) + 64:
            self._heap = list(self._current.values())
            heapify(self._heap)
