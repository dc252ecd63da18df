"""Metric points: names out of the current values and the log, points out of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from vedette.adapters.sql.chunks import latest
from vedette.adapters.sql.chunks.damage import Damages
from vedette.adapters.sql.chunks.history import History
from vedette.adapters.sql.database import Database, Params
from vedette.adapters.sql.lists import spelt_out
from vedette.domain.ids import TenantId
from vedette.domain.metrics import Metric
from vedette.ports.points import MetricName

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

CURRENT = "SELECT place, metrics FROM current_metrics WHERE check_id = :check_id AND tenant_id = :tenant_id"

CURRENT_OF_ENTITIES = """
SELECT c.check_id, c.place, c.metrics FROM document d JOIN current_metrics c ON c.check_id = d.id
WHERE d.kind = 'ch' AND d.entity_id IN ({entities}) AND c.tenant_id = :tenant_id"""

LATEST = """
SELECT payload FROM observation WHERE check_id = :check_id AND place = :place ORDER BY at_ms DESC LIMIT :limit"""

_LATEST_OBSERVATIONS = 5
_LATEST_WITH_METRICS = 500  # how far back names are looked for when the latest observations failed and hold none

Named = dict[str, Metric]
"""A source's metrics by name; of their values the last ones."""


class _Names(msgspec.Struct, frozen=True, array_like=True):
    """The front of an observation's payload."""

    metrics: Named
    tenant_id: TenantId


_decode_names = msgspec.msgpack.Decoder(_Names).decode


class SqlMetricPoints(History):
    """See `ports.points.MetricPoints`."""

    def __init__(self, database: Database, damages: Damages) -> None:
        super().__init__(database, damages)
        self._database = database

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        params: Params = {"check_id": check_id, "tenant_id": tenant_id}
        # The log first: what leaves it meanwhile is then found in both.
        logged = {
            place: await self._latest(tenant_id, check_id, place)
            for (place,) in await self._database.fetch(PLACES, {"check_id": check_id})
        }
        current = {place: _current(data) for place, data in await self._database.fetch(CURRENT, params)}
        return _listed({place: {**current.get(place, {}), **logged.get(place, {})} for place in logged | current})

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        if not entity_ids:
            return {}
        inside, ids = spelt_out("entity", entity_ids)
        found: dict[str, dict[str, Named]] = {}
        for check_id, place, data in await self._database.fetch(LAST_OF_ENTITIES.replace("{entities}", inside), ids):
            payload = None if data is None else _decode_names(data)
            if payload is not None and payload.tenant_id == tenant_id:
                found.setdefault(check_id, {})[place] = payload.metrics
        sql, params = CURRENT_OF_ENTITIES.replace("{entities}", inside), {**ids, "tenant_id": tenant_id}
        for check_id, place, data in await self._database.fetch(sql, params):
            places = found.setdefault(check_id, {})
            places[place] = {**_current(data), **places.get(place, {})}
        return {check_id: _listed(places) for check_id, places in found.items()}

    async def _latest(self, tenant_id: TenantId, check_id: str, place: str) -> Named:
        for limit in (_LATEST_OBSERVATIONS, _LATEST_WITH_METRICS):
            params: Params = {"check_id": check_id, "place": place, "limit": limit}
            metrics: Named = {}
            for (data,) in await self._database.fetch(LATEST, params):
                payload = _decode_names(data)
                if payload.tenant_id == tenant_id:
                    metrics = {**payload.metrics, **metrics}
            if metrics:
                return metrics
        return {}


def _current(data: bytes) -> Named:
    return {name: current.metric for name, current in latest.read(data).items()}


def _listed(places: Mapping[str, Named]) -> list[MetricName]:
    names = [
        MetricName(name=f"{place}.{name}" if place else name, unit=metric.unit, type=metric.type)
        for place, metrics in places.items()
        for name, metric in metrics.items()
    ]
    return sorted(names, key=_by_name)


def _by_name(name: MetricName) -> str:
    return name.name
