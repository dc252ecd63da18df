"""The durable observation log and the metric points in it, alarm states, and cursors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from vedette.domain.ids import TenantId
from vedette.domain.observations import Logged, Observation
from vedette.engine.states import AlarmState, LatestState
from vedette.ports.unit import Write


class Observations(Protocol):
    """The log: appended by ingest, read by evaluation by cursor. Appending acknowledges when it is on disk."""

    async def after(self, seq: int, limit: int) -> list[Logged]:
        """In the order of `seq`; an observation committed later never has a lower `seq` than one already read."""
        ...

    async def cursor(self, name: str) -> int:
        """Where a reader stands, 0 at first."""
        ...

    def append(self, observations: Sequence[Observation]) -> Write: ...

    def advance(self, name: str, old: int, new: int) -> Write:
        """Compare-and-set of a cursor: guard `cursor`."""
        ...

    def forget_before(self, arrival_ms: int, limit: int) -> Write:
        """Only what lies before every cursor."""
        ...


class MetricName(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a check as listed: `mzdfw.duration` for a zone's, bare for an agent's."""

    name: str
    unit: str
    type: str  # one letter


class Point(msgspec.Struct, frozen=True):
    """A point at full resolution."""

    at_ms: int
    value: int | float | str


class MetricPoints(Protocol):
    """Reads of metric points; they get in by `Observations.append`."""

    async def names(self, tenant_id: TenantId, check_id: str) -> list[MetricName]:
        """Sorted by name, of what the check's latest observations from each place held."""
        ...

    async def latest_names(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Mapping[str, Sequence[MetricName]]:
        """Check id -> names, as `names` gives them, of what the very last observation from each place held.

        Of all checks of the entities that have been observed, in one look.
        """
        ...

    async def points(self, check_id: str, place: str, name: str, from_ms: int, to_ms: int, limit: int) -> list[Point]:
        """`from_ms <= at < to_ms`, oldest first, at most `limit`."""
        ...


class AlarmStates(Protocol):
    """What the engine remembers of each alarm."""

    async def find(self, alarm_id: str) -> AlarmState | None: ...

    async def list(self, tenant_id: TenantId) -> list[AlarmState]: ...

    async def latest(self, tenant_id: TenantId, entity_ids: Sequence[str]) -> Sequence[LatestState]:
        """Of the alarms of these entities that have been evaluated, by alarm id."""
        ...

    async def held(self, tenant_id: TenantId) -> Sequence[AlarmState]:
        """Those of which somebody is to be told when no suppression matches any more."""
        ...

    async def tenants_held(self) -> Sequence[TenantId]:
        """Whose alarms those are."""
        ...

    def put(self, state: AlarmState, revision: int) -> Write:
        """Compare-and-set: `revision` is what was read, 0 for none yet. Guards: `alarm_state`; `alarm`, gone."""
        ...
