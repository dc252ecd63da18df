"""Metric points, read out of the observation log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from vedette.adapters.sql.database import Database, Params
from vedette.adapters.sql.lists import spelt_out
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

# The same for many checks at once, each place with its last payload, which says whose it is.
LAST_OF_ENTITIES = """
WITH RECURSIVE places(check_id, place) AS (
    SELECT d.id, (SELECT MIN(o.place) FROM observation o WHERE o.check_id = d.id)
    FROM document d WHERE d.kind = 'ch' AND d.entity_id IN ({entities})
    UNION ALL
    SELECT p.check_id, (SELECT MIN(o.place) FROM observation o WHERE o.check_id = p.check_id AND o.place > p.place)
    FROM places p WHERE p.place IS NOT NULL)
SELECT p.check_id, p.place, (
    SELECT o.payload FROM observation o WHERE o.check_id = p.check_id AND o.place = p.place
    ORDER BY o.at_ms DESC LIMIT 1)
FROM places p WHERE p.place IS NOT NULL"""

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
            names += _named(place, await self._latest(tenant_id, check_id, place))
        return sorted(names, key=_by_name)

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        if not entity_ids:
            return {}
        inside, ids = spelt_out("entity", entity_ids)
        sql = LAST_OF_ENTITIES.replace("{entities}", inside)
        found: dict[str, list[MetricName]] = {}
        for check_id, place, data in await self._database.fetch(sql, ids):
            payload = None if data is None else _decode_names(data)
            if payload is not None and payload.tenant_id == tenant_id:
                found.setdefault(check_id, []).extend(_named(place, payload.metrics))
        return {check_id: sorted(names, key=_by_name) for check_id, names in found.items()}

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


def _named(place: str, metrics: Mapping[str, Metric]) -> list[MetricName]:
    prefix = f"{place}." if place else ""
    return [MetricName(name=prefix + name, unit=metric.unit, type=metric.type) for name, metric in metrics.items()]


def _by_name(name: MetricName) -> str:
    return name.name
