"""Points of several metrics in one answer (an address that only clients know)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vedette.domain.attributes import Reference, Text, Type
from vedette.domain.documents import Kind
from vedette.domain.faults import invalid, required_not_found
from vedette.domain.ids import TenantId
from vedette.ports.documents import Documents
from vedette.ports.points import MetricName, MetricPoints
from vedette.ports.unit import Commit
from vedette.services.audits import Auditor
from vedette.services.metrics import MetricService, Plot
from vedette.services.requests import Body, Request

MOST_METRICS = 100
_TEXT_TYPES = frozenset("sb")


class Wanted(msgspec.Struct, frozen=True):
    """One metric that is asked for."""

    entity_id: str
    check_id: str
    metric: str


_TYPES: Mapping[str, Type] = {
    "entity_id": Reference(("en",), "an entity"),
    "check_id": Reference(("ch",), "a check"),
    "metric": Text(1, 512),
}


class Multiplots:
    """Reads; it is a POST because of the length of what is asked."""

    def __init__(
        self, metrics: MetricService, points: MetricPoints, documents: Documents, auditor: Auditor, commit: Commit
    ) -> None:
        self._metrics = metrics
        self._points = points
        self._documents = documents
        self._auditor = auditor
        self._commit = commit

    async def run(self, request: Request, body: Body, plot: Plot) -> list[dict[str, Any]]:
        """`{entity_id, check_id, metric, unit, type, data}` of each.

        A metric that is not known is of type `unknown`, and has no data.
        """
        wanted = _wanted(body)
        for one in wanted:
            await self._expect_check(request.tenant_id, one)
        known = {one.check_id: await self._points.names(request.tenant_id, one.check_id) for one in wanted}
        plotted = [await self._one(request.tenant_id, one, known[one.check_id], plot) for one in wanted]
        await self._commit(self._auditor.entry(request, 200))
        return plotted

    async def _one(
        self, tenant_id: TenantId, wanted: Wanted, names: Sequence[MetricName], plot: Plot
    ) -> dict[str, Any]:
        name = next((name for name in names if name.name == wanted.metric), None)
        shown = msgspec.structs.asdict(wanted)
        if name is None:
            return shown | {"unit": "unknown", "type": "unknown", "data": []}
        plotted = await self._metrics.plot(tenant_id, wanted.entity_id, wanted.check_id, wanted.metric, plot)
        kind = "string" if name.type in _TEXT_TYPES else "number"
        return shown | {"unit": name.unit, "type": kind, "data": plotted.points}

    async def _expect_check(self, tenant_id: TenantId, wanted: Wanted) -> None:
        check = await self._documents.find(tenant_id, Kind.CHECK, wanted.check_id)
        if check is None or check.entity_id != wanted.entity_id:
            raise required_not_found("Check", f"{wanted.entity_id},{wanted.check_id}")


def _wanted(body: Body) -> list[Wanted]:
    given = body.get("metrics")
    if given is None:
        raise invalid("metrics", "Missing required key (metrics)")
    if not isinstance(given, list) or len(given) > MOST_METRICS:
        raise invalid("metrics", f"Expected an array with between 0 and {MOST_METRICS} items")
    return [_one_wanted(item, f"metrics.{place}") for place, item in enumerate(given)]


def _one_wanted(item: Any, key: str) -> Wanted:
    if not isinstance(item, dict):
        raise invalid(key, "Expected an object with: " + ", ".join(_TYPES))
    for name in _TYPES:
        if item.get(name) is None:
            raise invalid(f"{key}.{name}", f"Missing required key ({name})")
    return Wanted(*[type.parse(item[name], f"{key}.{name}") for name, type in _TYPES.items()])
