"""Now, as the protocol needs it."""

from __future__ import annotations

import msgspec

SET_MS = 500
"""A wall clock that went otherwise than the steady one by more than this was set."""


class Moment(msgspec.Struct, frozen=True):
    """Wall time goes into messages, steady time decides time-outs: a stepped clock must drop nobody."""

    wall_ms: int  # milliseconds since the epoch, UTC
    steady_ms: int  # milliseconds of a clock that only goes forward (`CLOCK_BOOTTIME`)

    @property
    def drift_ms(self) -> int:
        """How far the wall clock is ahead of the steady one: another number once it was set."""
        return self.wall_ms - self.steady_ms


def set_by_ms(before_drift_ms: int, now_drift_ms: int) -> int:
    """By how much the wall clock was set between two moments; 0 where it was not."""
    by_ms = now_drift_ms - before_drift_ms
    return by_ms if abs(by_ms) > SET_MS else 0
