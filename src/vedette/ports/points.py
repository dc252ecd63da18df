"""Metric points: reading them, as they came or rolled up, and handing them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.metrics import Value
from vedette.domain.observations import Observation
from vedette.rollups.folding import Rollup
from vedette.rollups.resolutions import Resolution


class MetricName(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a check as listed: `mzdfw.duration` for a zone's, bare for an agent's."""

    name: str
    unit: str
    type: str  # one letter


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a check from one place. Whoever asks has made sure that the check is the tenant's."""

    tenant_id: TenantId
    check_id: str
    place: str  # the zone, the empty text for an agent's
    name: str  # without the zone


class Point(msgspec.Struct, frozen=True):
    """A point at full resolution."""

    at_ms: int
    value: Value


class Gap(msgspec.Struct, frozen=True):
    """A stretch of time, `from_ms <= at < to_ms`, of which points are lost or cannot be reached."""

    from_ms: int
    to_ms: int


Item = TypeVar("Item")


class Found(msgspec.Struct, Generic[Item], frozen=True):
    """What was found, oldest first, and where something is missing."""

    items: Sequence[Item]
    missing: tuple[Gap, ...] = ()


class MetricPoints(Protocol):
    """Reads of metric points.

    Points of one time are one point: the one that was reported first. Those that were just reported are there.
    """

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        """Sorted by name, of what the check's latest observations from each place held."""
        ...

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        """Check id -> names, as `names` gives them, of all checks of the entities that were observed, in one look."""
        ...

    async def points(self, series: Series, from_ms: int, to_ms: int, limit: int) -> Found[Point]:
        """`from_ms <= at < to_ms`, at most `limit`."""
        ...

    async def rollups(
        self, series: Series, resolution: Resolution, from_ms: int, to_ms: int, limit: int
    ) -> Found[Rollup]:
        """The windows that have a number in them and begin at or after the window of `from_ms`, before `to_ms`.

        Each is of all its points, also of those outside the range; at most `limit`; not for full resolution. Text is in
        no window.
        """
        ...


class PointsUnavailable(Exception):
    """Points cannot be handed on now; nothing is lost, the same are offered again."""


class PointSink(Protocol):
    """Takes points into a store of metrics that is not ours."""

    async def take(self, observations: Sequence[Observation]) -> None:
        """Returns when their points are safe there, or in a spool of the sink's own.

        In the order of the observation log. The same may come again after a crash, and late ones come with their old
        times. Raises `PointsUnavailable`; the log keeps them until they were taken.
        """
        ...
