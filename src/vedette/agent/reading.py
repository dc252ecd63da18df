"""What one run of a check saw."""

from __future__ import annotations

import msgspec

from vedette.wire.metrics import WireMetric

SUCCESS = "success"


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics by name, without a dimension."""

    metrics: dict[str, WireMetric] = {}
    available: bool = True
    status: str = SUCCESS


def gauge(value: float, unit: str) -> WireMetric:
    """A whole number that is never negative, with the reference's unit."""
    return WireMetric("gauge", str(int(value)), unit)


def double(value: float) -> WireMetric:
    """A number without a unit."""
    return WireMetric("double", repr(float(value)))
