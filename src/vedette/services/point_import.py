"""Importing points: into the history, past evaluation, and only where no point is yet. Once more changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from vedette.domain.documents import Document
from vedette.domain.ids import CheckId, EntityId, TenantId, ZoneId
from vedette.domain.metrics import Metric
from vedette.domain.observations import Observation
from vedette.ports.chunks import Chunks, Day, Source
from vedette.ports.clock import Clock
from vedette.ports.importing import PointImport
from vedette.ports.points import MetricPoints, Series
from vedette.ports.unit import Commit
from vedette.rollups.resolutions import DAY_MS

SENDER = "import"
_EVERY_POINT = 1 << 31


Offer = Callable[[Sequence[Observation]], Awaitable[None]]


async def _nobody(_new: Sequence[Observation]) -> None:
    """There is no other store."""


class Stores(msgspec.Struct, frozen=True, kw_only=True):
    """What importing reads and writes."""

    importing: PointImport
    points: MetricPoints
    chunks: Chunks
    commit: Commit


class ImportedDay(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one check from one place, of one UTC day: by time and by name."""

    check: Document
    place: str  # a zone, or the empty text for an agent's
    start_ms: int
    points: Mapping[int, Mapping[str, Metric]]


class PointImporter:
    """One day at a time."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    async def add(self, day: ImportedDay, first: Offer = _nobody) -> Sequence[Observation]:
        """What was new, as it was added. A day that is over is rolled up at once: its points may soon be forgotten.

        Another store is offered them by `first`: what it raises is raised before anything is added, so that they are
        new again the next time. Raises `Conflict` when the server was rolling up the same day; `StoreUnavailable`.
        """
        new = await self._new(day)
        if not new:
            return ()
        await first(new)
        await self._stores.commit(await self._stores.importing.added(new))
        if day.start_ms + DAY_MS <= self._clock() // DAY_MS * DAY_MS:
            rolled_up = await self._stores.chunks.rolled_up(Day(Source(day.check.id, day.place), day.start_ms))
            if rolled_up is not None:
                await self._stores.commit(rolled_up)
        return new

    async def _new(self, day: ImportedDay) -> list[Observation]:
        names = {name for metrics in day.points.values() for name in metrics}
        known = {name: await self._times(day, name) for name in names}
        observations = []
        for at_ms, metrics in day.points.items():
            new = {name: metric for name, metric in metrics.items() if at_ms not in known[name]}
            if new:
                observations.append(_observation(day, at_ms, new))
        return observations

    async def _times(self, day: ImportedDay, name: str) -> set[int]:
        series = Series(tenant_id=TenantId(day.check.tenant_id), check_id=day.check.id, place=day.place, name=name)
        found = await self._stores.points.points(series, day.start_ms, day.start_ms + DAY_MS, _EVERY_POINT)
        return {point.at_ms for point in found.items}


def _observation(day: ImportedDay, at_ms: int, metrics: dict[str, Metric]) -> Observation:
    return Observation(
        tenant_id=TenantId(day.check.tenant_id),
        entity_id=EntityId(day.check.entity_id or ""),
        check_id=CheckId(day.check.id),
        check_type=type_of(day.check),
        zone_id=ZoneId(day.place) if day.place else None,
        agent_id=None,
        sender=SENDER,
        check_revision=0,
        at_ms=at_ms,
        arrival_ms=at_ms,
        available=True,
        status="",
        metrics=metrics,
    )


class _Typed(msgspec.Struct):
    type: str


def type_of(check: Document) -> str:
    """The check's type."""
    return msgspec.json.decode(check.public, type=_Typed).type
