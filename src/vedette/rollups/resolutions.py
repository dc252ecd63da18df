"""The resolutions, how long each is kept, and which one suits a plot (reference: metrics, data granularity)."""

from __future__ import annotations

from enum import StrEnum

_MINUTE_MS = 60_000
DAY_MS = 24 * 60 * _MINUTE_MS
MOST_POINTS = 1440
"""Of one plot."""

_ASSUMED_PERIOD_MS = 30_000  # "the API makes the assumption of a 30 second frequency"


class Resolution(StrEnum):
    """How finely history is seen, the finest first."""

    FULL = "FULL"
    MIN5 = "MIN5"
    MIN20 = "MIN20"
    MIN60 = "MIN60"
    MIN240 = "MIN240"
    MIN1440 = "MIN1440"

    @property
    def minutes(self) -> int:
        """Of one window; 0 at full resolution. A day is a whole number of windows."""
        return _minutes[self]

    @property
    def width_ms(self) -> int:
        """Of one window; 0 at full resolution."""
        return _widths_ms[self]

    @property
    def kept_ms(self) -> int:
        return _kept_days[self] * DAY_MS

    def window(self, at_ms: int) -> int:
        """When the window of a moment begins; a point at full resolution is its own."""
        width_ms = _widths_ms[self]
        return at_ms - at_ms % width_ms if width_ms else at_ms

    def expected(self, span_ms: int) -> float:
        """How many points a plot of a span of time has."""
        return span_ms / (self.width_ms or _ASSUMED_PERIOD_MS)


ROLLED_UP = tuple(resolution for resolution in Resolution if resolution is not Resolution.FULL)

_minutes = {one: 0 if one is Resolution.FULL else int(one.removeprefix("MIN")) for one in Resolution}
_widths_ms = {one: minutes * _MINUTE_MS for one, minutes in _minutes.items()}
_kept_days = {
    Resolution.FULL: 2,
    Resolution.MIN5: 10,
    Resolution.MIN20: 20,
    Resolution.MIN60: 155,
    Resolution.MIN240: 300,
    Resolution.MIN1440: 5 * 365,
}


def finest(span_ms: int) -> Resolution:
    """The finest one that gives no more points of a span than a plot may have; the coarsest where none does."""
    return next((one for one in Resolution if one.expected(span_ms) <= MOST_POINTS), Resolution.MIN1440)


def chosen(points: int, from_ms: int, to_ms: int, now_ms: int) -> Resolution:
    """The resolution whose number of points is nearest to what is asked for, the finer of two that are as near.

    Among those that give no more than a plot may have and are still kept from `from_ms` on; the coarsest where none is.
    """
    span_ms = to_ms - from_ms
    fitting = [
        one for one in Resolution if one.expected(span_ms) <= MOST_POINTS and from_ms >= now_ms - one.kept_ms
    ]  # fmt: skip
    return min(fitting, key=lambda one: abs(one.expected(span_ms) - points), default=Resolution.MIN1440)
