"""What evaluation knows beside the alarms: how zones stand, which processes live, whether agents are connected.

Kept in memory as it will be in the store once the batch under way is committed; when it is not, `forget` it.
"""

from __future__ import annotations

from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Happening, Tick, ZoneTurned
from vedette.domain.ids import AgentId, TenantId
from vedette.engine.electorate import Zones
from vedette.engine.presence import Presence
from vedette.engine.surroundings import Surroundings
from vedette.ports.silence import EvaluationMemory, SilenceTimers
from vedette.ports.unit import Write

_most_presences = 100_000

Key = tuple[TenantId, AgentId]


class Around:
    """`load` comes before anything else."""

    def __init__(self, memory: EvaluationMemory, timers: SilenceTimers) -> None:
        self._memory = memory
        self._timers = timers
        self._kept: Surroundings | None = None
        self._has_changed = False
        self._presences: dict[Key, Presence | None] = {}
        self._changed: dict[Key, int] = {}  # presences to be written, and when something happened to them
        self._hastened: dict[Key, int] = {}  # agents whose silence may be one sooner from now on
        self._zones: dict[tuple[str, ...], Zones] = {}

    async def load(self) -> None:
        """Reads what is kept, at first and after `forget`. Raises `StoreUnavailable`."""
        if self._kept is None:
            self._kept = await self._memory.surroundings()

    def forget(self) -> None:
        """The batch was not committed, or another process was first."""
        self._kept = None
        self._has_changed = False
        self._presences.clear()
        self._changed.clear()
        self._hastened.clear()
        self._zones.clear()

    @property
    def surroundings(self) -> Surroundings:
        if self._kept is None:
            raise AssertionError("surroundings are loaded before they are asked for")
        return self._kept

    @surroundings.setter
    def surroundings(self, after: Surroundings) -> None:
        self._kept, self._has_changed = after, True

    def zones(self, places: tuple[str, ...]) -> Zones:
        """Those of a check as they stand."""
        found = self._zones.get(places)
        if found is None:
            found = self._zones[places] = self.surroundings.zones.zones(places)
        return found

    async def take(self, happening: Happening) -> frozenset[str]:
        """The next entry of the log; the zones whose votes are missing from now on."""
        before = self.surroundings
        if isinstance(happening, ZoneTurned | AgentConnected | Tick):
            self.surroundings = before.after(happening)
        if isinstance(happening, AgentConnected | AgentClosed | AgentFetched):
            await self._take_of_agent(happening)
            return frozenset()
        if self.surroundings.zones.stands != before.zones.stands:
            self._zones.clear()
        return self.surroundings.zones.left_since(before.zones)

    async def _take_of_agent(self, happening: AgentConnected | AgentClosed | AgentFetched) -> None:
        key = (happening.tenant_id, happening.agent_id)
        before = await self._presence(key)
        if before is None:
            before = Presence(tenant_id=happening.tenant_id, agent_id=happening.agent_id)
        after = before.after(happening, self.surroundings.ticks)
        if after.is_fast and not before.is_fast:
            self._hastened[key] = happening.at_ms
        self._presences[key] = after
        self._changed[key] = happening.at_ms

    async def presence(self, tenant_id: TenantId, agent_id: AgentId, now_ms: int) -> Presence | None:
        """As it stands at a moment."""
        found = await self._presence((tenant_id, agent_id))
        return None if found is None else found.at(now_ms, self.surroundings.ticks)

    async def _presence(self, key: Key) -> Presence | None:
        if key not in self._presences:
            while len(self._presences) >= _most_presences:
                self._drop_one()
            self._presences[key] = await self._memory.presence(*key)
        return self._presences[key]

    def _drop_one(self) -> None:
        oldest = next(key for key in self._presences if key not in self._changed)
        del self._presences[oldest]

    def writes(self) -> list[Write]:
        """What the batch has changed."""
        writes = [self._memory.keep(self.surroundings)] if self._has_changed else []
        for key, at_ms in self._changed.items():
            presence = self._presences[key]
            if presence is not None:
                writes.append(self._memory.keep_presence(presence, at_ms))
        return [*writes, *(self._timers.hasten(*key, at_ms) for key, at_ms in self._hastened.items())]

    def committed(self) -> None:
        """What was to be written is."""
        self._has_changed = False
        self._changed.clear()
        self._hastened.clear()
