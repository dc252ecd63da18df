"""Metric points, read out of the observation log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from vedette.adapters.sql.database import Database, Params
from vedette.domain.ids import TenantId
from vedette.domain.metrics import Metric
from vedette.ports.observations import MetricName, Point

# From one place to the next by index, however many observations each has.
PLACES = """
WITH RECURSIVE places(place) AS (
    SELECT MIN(place) FROM observation WHERE check_id = :check_id
    UNION ALL
    SELECT (SELECT MIN(o.place) FROM observation o WHERE o.check_id = :check_id AND o.place > places.place)
    FROM places WHERE places.place IS NOT NULL)
SELECT place FROM places WHERE place IS NOT NULL"""

LATEST = """
SELECT payload FROM observation WHERE check_id = :check_id AND place = :place ORDER BY at_ms DESC LIMIT :limit"""

RANGE = """
SELECT at_ms, seq, payload FROM observation
WHERE check_id = :check_id AND place = :place AND at_ms >= :from_ms AND at_ms < :to_ms
  AND (at_ms, seq) > (:from_ms, :after_seq)
ORDER BY at_ms, seq LIMIT :limit"""

_LATEST_OBSERVATIONS = 5
_LATEST_WITH_METRICS = 500  # how far back names are looked for when the latest observations failed and hold none
_PAGE = 500


class _Names(msgspec.Struct, frozen=True, array_like=True):
    """The front of an observation's payload."""

    metrics: dict[str, Metric]
    tenant_id: TenantId


class _RawMetrics(msgspec.Struct, frozen=True, array_like=True):
    """As `_Names`, for finding one metric without making the others."""

    metrics: dict[str, msgspec.Raw]


_decode_names = msgspec.msgpack.Decoder(_Names).decode
_decode_raw = msgspec.msgpack.Decoder(_RawMetrics).decode
_decode_metric = msgspec.msgpack.Decoder(Metric).decode


class SqlMetricPoints:
    """See `ports.observations.MetricPoints`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        names = []
        for (place,) in await self._database.fetch(PLACES, {"check_id": check_id}):
            prefix = f"{place}." if place else ""
            metrics = await self._latest(tenant_id, check_id, place)
            names += [
                MetricName(name=prefix + name, unit=metric.unit, type=metric.type) for name, metric in metrics.items()
            ]
        return sorted(names, key=lambda name: name.name)

    async def _latest(self, tenant_id: TenantId, check_id: str, place: str) -> Mapping[str, Metric]:
        for limit in (_LATEST_OBSERVATIONS, _LATEST_WITH_METRICS):
            params: Params = {"check_id": check_id, "place": place, "limit": limit}
            metrics: dict[str, Metric] = {}
            for (data,) in await self._database.fetch(LATEST, params):
                payload = _decode_names(data)
                if payload.tenant_id == tenant_id:
                    metrics = {**payload.metrics, **metrics}
            if metrics:
                return metrics
        return {}

    async def points(self, check_id: str, place: str, name: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        points: list[Point] = []
        after_seq = -1
        while len(points) < limit:
            params: Params = {
                "check_id": check_id,
                "place": place,
                "from_ms": from_ms,
                "to_ms": to_ms,
                "after_seq": after_seq,
                "limit": _PAGE,
            }
            rows = await self._database.fetch(RANGE, params)
            for at_ms, _, data in rows:
                raw = _decode_raw(data).metrics.get(name)
                # The same observation reported twice is one point.
                if raw is not None and not (points and points[-1].at_ms == at_ms):
                    points.append(Point(at_ms, _decode_metric(raw).value))
            if len(rows) < _PAGE:
                break
            from_ms, after_seq, _ = rows[-1]
            await asyncio.sleep(0)  # SQLite is read on the event loop: others get their turn in a long range
        return points[:limit]
