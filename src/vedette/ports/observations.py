"""The durable observation log, alarm states, and cursors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vedette.domain.ids import TenantId
from vedette.domain.observations import Entry, Logged, Observation
from vedette.engine.states import AlarmState, LatestState
from vedette.ports.unit import Write


class Observations(Protocol):
    """The log of observations and of what else evaluation reads in order. Appending acknowledges when it is on disk."""

    async def after(self, seq: int, limit: int) -> list[Logged]:
        """In the order of `seq`; an observation committed later never has a lower `seq` than one already read."""
        ...

    async def latest(self, check_id: str, place: str, up_to: int) -> Observation | None:
        """The last observation of a check that came from a place, up to a `seq`; None where it is not kept."""
        ...

    async def cursor(self, name: str) -> int:
        """Where a reader stands, 0 at first."""
        ...

    def append(self, entries: Sequence[Entry]) -> Write: ...

    def advance(self, name: str, old: int, new: int) -> Write:
        """Compare-and-set of a cursor: guard `cursor`."""
        ...

    def leave(self, name: str) -> Write:
        """A reader that comes no more: nothing is kept for it any longer, and it would begin anew."""
        ...

    def forget_before(self, arrival_ms: int, limit: int) -> Write:
        """Only what lies before every cursor."""
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
