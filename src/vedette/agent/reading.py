"""What one run of a check saw."""

from __future__ import annotations

from typing import Any

import msgspec

from vedette.wire.framing import KNOWN_PEER_LINE_BYTES
from vedette.wire.messages import LONGEST_STATUS
from vedette.wire.metrics import WireMetric

SUCCESS = "success"
LONGEST_TOLD = KNOWN_PEER_LINE_BYTES - 65_536
"""Of what a check says, as it goes over the wire: the server ends a connection for a line that is too long."""
_encode = msgspec.json.Encoder().encode


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics by name, without a dimension."""

    metrics: dict[str, WireMetric] = {}
    available: bool = True
    status: str = SUCCESS
    timestamp_ms: int | None = None  # of a plugin that knows better when it was

    def told(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "state": "available" if self.available else "unavailable",
            "status": _plain(self.status[:LONGEST_STATUS]),
            "metrics": [[None, self.metrics]] if self.metrics else [],
        }


def unavailable(status: str) -> Reading:
    """Nothing could be seen; why."""
    return Reading(available=False, status=status)


def fitting(reading: Reading) -> Reading:
    """The reading, or why it cannot be posted: sent as it is it would end one connection after another."""
    is_short = len(_encode(reading.told())) <= LONGEST_TOLD
    return reading if is_short else unavailable(f"The check said more than {LONGEST_TOLD} bytes")


def gauge(value: float, unit: str) -> WireMetric:
    """A whole number that is never negative, with the reference's unit."""
    return WireMetric("gauge", str(int(value)), unit)


def int64(value: int, unit: str) -> WireMetric:
    """A whole number, with the reference's unit."""
    return WireMetric("int64", str(value), unit)


def double(value: float, unit: str | None = None) -> WireMetric:
    """A number, mostly without a unit."""
    return WireMetric("double", repr(float(value)), unit)


def text(value: str, unit: str) -> WireMetric:
    """Words, with what passes for a unit."""
    return WireMetric("string", _plain(value), unit)


def _plain(value: str) -> str:
    """What JSON can hold: names of files may be any bytes."""
    return value.encode("utf-8", "replace").decode()
