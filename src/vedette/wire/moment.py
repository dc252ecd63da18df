"""Now, as the protocol needs it."""

from __future__ import annotations

import msgspec


class Moment(msgspec.Struct, frozen=True):
    """Wall time goes into messages, steady time decides time-outs: a stepped clock must drop nobody."""

    wall_ms: int  # milliseconds since the epoch, UTC
    steady_ms: int  # milliseconds of a clock that only goes forward (`CLOCK_BOOTTIME`)
