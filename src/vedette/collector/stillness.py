"""Noticing that the collector itself stood still: a suspended machine, a blocked event loop, a starved process."""

from __future__ import annotations

LIMIT_S = 1.0
BEAT_S = 0.25


class Stillness:
    """Told of beats that should come every `BEAT_S`; times are seconds of a clock that goes on while suspended."""

    def __init__(self, now: float) -> None:
        self._last_beat = now
        self._last_end = float("-inf")  # of the latest time of standing still

    def beat(self, now: float) -> None:
        if self._is_late(now):
            self._last_end = now
        self._last_beat = now

    def has_been_still(self, since: float, now: float) -> bool:
        """Whether we stood still for more than `LIMIT_S` at any moment between the two.

        The beat after it may be waiting behind the caller, so the time since the last beat counts as well.
        """
        return self._last_end > since or self._is_late(now)

    def _is_late(self, now: float) -> bool:
        return now - self._last_beat > LIMIT_S + BEAT_S
