"""The agent's own clocks."""

from __future__ import annotations

import time

from vedette.wire.moment import Moment

_NS_PER_MS = 1_000_000


def now() -> Moment:
    """Wall time, and a steady time that goes on while the machine sleeps."""
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
    steady = time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    return Moment(wall // _NS_PER_MS, steady // _NS_PER_MS)
