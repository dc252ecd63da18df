"""Metrics of a check: which there are, and their points (reference: metrics operations)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.faults import Fault, invalid
from vedette.domain.ids import TenantId
from vedette.domain.metrics import Value
from vedette.ports.observations import MetricPoints
from vedette.services.documents import DocumentService
from vedette.services.zones import Zones

FULL = "FULL"
RESOLUTIONS = (FULL, "MIN5", "MIN20", "MIN60", "MIN240", "MIN1440")
STATISTICS = ("average", "variance", "min", "max")
MOST_POINTS = 1440
_PRIVATE_ZONE = "pz"


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What part of a metric's history is asked for."""

    from_ms: int
    to_ms: int
    resolution: str
    select: tuple[str, ...] = ("average",)


class MetricService:
    """Answers about the metrics of one check at a time."""

    def __init__(self, checks: DocumentService, points: MetricPoints, zones: Zones) -> None:
        self._checks = checks
        self._points = points
        self._zones = zones

    async def names(self, tenant_id: TenantId, entity_id: str, check_id: str) -> list[bytes]:
        await self._checks.find(tenant_id, check_id, entity_id)
        return [msgspec.json.encode(name) for name in await self._points.names(tenant_id, check_id)]

    async def plot(
        self, tenant_id: TenantId, entity_id: str, check_id: str, name: str, plot: Plot
    ) -> list[dict[str, Any]]:
        """Points: `timestamp` (ms), `numPoints` and the statistics that are selected.

        Raises 413 `requestTooLargeError` above 1,440 points, 501 `notImplementedError` for what is not kept.
        """
        await self._checks.find(tenant_id, check_id, entity_id)
        if plot.resolution != FULL:
            raise Fault("notImplementedError", "Rolled up data is not kept yet", f"Expected resolution={FULL}")
        if plot.from_ms > plot.to_ms:
            raise invalid("from", "Expected a timestamp not after `to`")
        place, metric = self._split(name)
        found = await self._points.points(check_id, place, metric, plot.from_ms, plot.to_ms, MOST_POINTS + 1)
        if len(found) > MOST_POINTS:
            raise Fault("requestTooLargeError", "The response body is too large",
                        f"More than {MOST_POINTS} points: ask for a shorter time range")  # fmt: skip
        return [{"numPoints": 1, "timestamp": point.at_ms} | _statistics(point.value, plot.select) for point in found]

    def _split(self, name: str) -> tuple[str, str]:
        """`mzdfw.duration` -> (`mzdfw`, `duration`); an agent's metric has no zone, whatever dots are in it."""
        zone, dot, rest = name.partition(".")
        if dot and (self._zones.is_built_in(zone) or zone.startswith(_PRIVATE_ZONE)):
            return zone, rest
        return "", name


def _statistics(value: Value, select: Sequence[str]) -> dict[str, Value]:
    """Of one single value."""
    return {name: 0 if name == "variance" else value for name in select}
