"""History in two stores: the last day or two in our own, what is older in a metric store that has grown beyond it.

Ours has every observation until then, text too, and those that were just reported. The two meet at a midnight, so that
no window of a rollup lies in both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import structlog

from vedette.domain.ids import TenantId
from vedette.ports.clock import Clock
from vedette.ports.points import Found, Gap, MetricName, MetricPoints, Point, Series
from vedette.ports.unit import StoreUnavailable
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import DAY_MS, Resolution

Item = TypeVar("Item")
_log = structlog.get_logger(__name__)

Read = Callable[[MetricPoints, int, int, int], Awaitable[Found[Item]]]


class OutgrownPoints:
    """`ports.points.MetricPoints` over both."""

    def __init__(self, near: MetricPoints, far: MetricPoints, clock: Clock) -> None:
        """`near` keeps points at full resolution for two days."""
        self._near = near
        self._far = far
        self._clock = clock

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        return await self._near.names(tenant_id, check_id)

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        return await self._near.latest_names(tenant_id, entity_ids)

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        async def read(store: MetricPoints, begin: int, end: int, most: int) -> Found[Point]:
            return await store.points(series, begin, end, most)

        return await self._joined(read, from_ms, to_ms, limit)

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        async def read(store: MetricPoints, begin: int, end: int, most: int) -> Found[Rollup]:
            return await store.rollups(series, resolution, begin, end, most)

        return await self._joined(read, from_ms, to_ms, limit)

    async def _joined(self, read: Read[Item], from_ms: int, to_ms: int, limit: int) -> Found[Item]:
        yesterday = (self._clock() // DAY_MS - 1) * DAY_MS
        older: Found[Item] = Found(())
        if from_ms < yesterday:
            older = await self._older(read, from_ms, min(to_ms, yesterday), limit)
        if to_ms <= yesterday or len(older.items) >= limit:
            return older
        newer = await read(self._near, max(from_ms, yesterday), to_ms, limit - len(older.items))
        return Found((*older.items, *newer.items), (*older.missing, *newer.missing))

    async def _older(self, read: Read[Item], from_ms: int, to_ms: int, limit: int) -> Found[Item]:
        """Text, and what was observed before there was a metric store, is in ours if anywhere.

        A store that does not answer keeps nobody from what there is: what cannot be reached is said to be missing.
        """
        try:
            found = await read(self._far, from_ms, to_ms, limit)
        except StoreUnavailable as error:
            _log.warning("metric_store_not_read", problem=str(error))
            found = Found((), (Gap(from_ms, to_ms),))
        if found.items:
            return found
        ours = await read(self._near, from_ms, to_ms, limit)
        return Found(ours.items, (*found.missing, *ours.missing))
