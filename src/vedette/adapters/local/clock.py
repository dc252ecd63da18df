"""The one reader of the clock."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def steady_s() -> float:
    """Seconds of a clock that only goes forward, also while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def steady_ms() -> int:
    """The same in whole milliseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
