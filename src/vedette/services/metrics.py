"""Metrics of a check: which there are, and their points (reference: metrics operations)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from vedette.domain.faults import Fault, invalid
from vedette.domain.ids import TenantId
from vedette.ports.clock import Clock
from vedette.ports.points import Found, Gap, MetricPoints, Point, Series
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import MOST_POINTS, ROLLED_UP, Resolution, chosen, finest
from vedette.services.documents import DocumentService
from vedette.services.zones import Zones

STATISTICS = ("average", "variance", "min", "max")
_MOST_TEXTS = 100_000  # looked through for where a text changed
_PRIVATE_ZONE = "pz"


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """What part of a metric's history is asked for."""

    from_ms: int
    to_ms: int
    resolution: Resolution | None  # None: the one that suits `points`
    points: int = 0
    select: tuple[str, ...] = ("average",)


class Plotted(msgspec.Struct, frozen=True, kw_only=True):
    """Points as they are shown: `timestamp` (ms), `numPoints` and the statistics that are selected."""

    resolution: Resolution
    points: Sequence[Mapping[str, Any]]
    missing: tuple[Gap, ...]  # points of these times are lost, or cannot be reached


class MetricService:
    """Answers about the metrics of one check at a time."""

    def __init__(self, checks: DocumentService, points: MetricPoints, zones: Zones, clock: Clock) -> None:
        self._checks = checks
        self._points = points
        self._zones = zones
        self._clock = clock

    async def names(self, tenant_id: TenantId, entity_id: str, check_id: str) -> list[bytes]:
        await self._checks.find(tenant_id, check_id, entity_id)
        return [msgspec.json.encode(name) for name in await self._points.names(tenant_id, check_id)]

    async def plot(self, tenant_id: TenantId, entity_id: str, check_id: str, name: str, plot: Plot) -> Plotted:
        """Numbers at the resolution; text wherever it changed, whatever the resolution.

        Raises 413 `requestTooLargeError` above 1,440 points.
        """
        await self._checks.find(tenant_id, check_id, entity_id)
        if plot.from_ms > plot.to_ms:
            raise invalid("from", "Expected a timestamp not after `to`")
        place, metric = self._split(name)
        series = Series(tenant_id=tenant_id, check_id=check_id, place=place, name=metric)
        plotted = await self._plotted(series, plot)
        if len(plotted.points) > MOST_POINTS:
            fitting = finest(plot.to_ms - plot.from_ms)
            raise Fault("requestTooLargeError", "The response body is too large",
                        f"Expected at most {MOST_POINTS} points: ask for resolution={fitting} or a coarser one, "
                        "or for a shorter time range")  # fmt: skip
        return plotted

    async def _plotted(self, series: Series, plot: Plot) -> Plotted:
        """At the resolution that is asked for; else at the one that suits, or the next one that has few enough."""
        if plot.resolution is not None:
            return await self._at(series, plot, plot.resolution)
        first = chosen(plot.points, plot.from_ms, plot.to_ms, self._clock())
        plotted = await self._at(series, plot, first)
        for coarser in [one for one in ROLLED_UP if one.minutes > first.minutes]:
            if len(plotted.points) <= MOST_POINTS:
                break
            plotted = await self._at(series, plot, coarser)
        return plotted

    async def _at(self, series: Series, plot: Plot, resolution: Resolution) -> Plotted:
        """One point more than may be shown when there are too many."""
        between = (plot.from_ms, plot.to_ms)
        if resolution is not Resolution.FULL:
            rollups = await self._points.rollups(series, resolution, *between, MOST_POINTS + 1)
            if rollups.items or not _has_text(await self._points.points(series, *between, 1)):
                rolled = [_rolled_up(one, plot.select) for one in rollups.items]
                return Plotted(resolution=resolution, points=rolled, missing=rollups.missing)
        found = await self._points.points(series, *between, MOST_POINTS + 1)
        if _has_text(found):
            found = await self._points.points(series, *between, _MOST_TEXTS)
        points = [_point(same, plot.select) for _, same in groupby(found.items, _text_or_time)]
        return Plotted(resolution=resolution, points=points, missing=found.missing)

    def _split(self, name: str) -> tuple[str, str]:
        """`mzdfw.duration` -> (`mzdfw`, `duration`); an agent's metric has no zone, whatever dots are in it."""
        zone, dot, rest = name.partition(".")
        if dot and (self._zones.is_built_in(zone) or zone.startswith(_PRIVATE_ZONE)):
            return zone, rest
        return "", name


def _has_text(found: Found[Point]) -> bool:
    return any(isinstance(point.value, str) for point in found.items)


def _text_or_time(point: Point) -> str | int:
    """Text that stays the same is one point; numbers are one each."""
    return point.value if isinstance(point.value, str) else point.at_ms


def _point(same: Iterable[Point], select: Sequence[str]) -> dict[str, Any]:
    first, *others = same
    statistics = {name: 0 if name == "variance" else first.value for name in select}
    return {"numPoints": 1 + len(others), "timestamp": first.at_ms, **statistics}


def _rolled_up(rollup: Rollup, select: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"numPoints": rollup.num_points, "timestamp": rollup.at_ms}
    for name in select:
        shown[name] = getattr(rollup, name)
    return shown
