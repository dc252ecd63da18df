"""The server around the alarm of a script: its clocks and ticks, what it sees of zones and of the agent."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vedette.domain.happenings import AgentClosed, AgentConnected, AgentFetched, Spell, Tick, ZoneTurned
from vedette.domain.ids import AgentId, TenantId, ZoneId
from vedette.engine.electorate import Zones
from vedette.engine.presence import Presence
from vedette.engine.scripts import Event
from vedette.engine.silence import Quiet
from vedette.engine.surroundings import Surroundings
from vedette.engine.zone_spells import Stand

BEGIN_MS = 1_700_000_000_000
"""The moment that a script calls 0s."""

TICK_MS = 5_000

SPELLS = {"up": Spell.UP, "down": Spell.DOWN, "blinded": Spell.BLIND, "deleted": Spell.GONE}
"""Event -> how the zone stands after it."""

CLOCKS = frozenset({"clock", "boottime"})
AGENTS = frozenset({"connect", "close", "dead", "fetch"})
PROCESSES = frozenset({"stop", "start", "restart"})

_tenant_id = TenantId("acOne")


class ScriptServer:
    """Times handed in are a script's; what comes out goes by the server's clock, which a script may set."""

    def __init__(self, agent_id: AgentId) -> None:
        self._set_by_ms = 0
        self._suspended_ms = 0
        self._next_tick_ms = 0
        self._is_ticking = True
        self._process = 1
        self._surroundings = Surroundings()
        self._presence = Presence(tenant_id=_tenant_id, agent_id=agent_id)
        self.reported_ms: int | None = None
        self.changed_ms = BEGIN_MS

    def now(self, at_ms: int) -> int:
        """The server's clock."""
        return BEGIN_MS + at_ms + self._set_by_ms

    def has_ticks(self, at_ms: int) -> bool:
        """Takes the next tick up to a moment; False when there is none."""
        if self._next_tick_ms > at_ms:
            return False
        self._tick(self._next_tick_ms)
        self._next_tick_ms += TICK_MS
        return True

    @property
    def ticked_ms(self) -> int:
        """When the last tick was due."""
        return self._next_tick_ms - TICK_MS

    @property
    def is_ticking(self) -> bool:
        return self._is_ticking

    def _tick(self, at_ms: int) -> None:
        if self._is_ticking:
            steady_ms = BEGIN_MS + at_ms + self._suspended_ms
            tick = Tick(self.now(at_ms), f"process {self._process}", steady_ms, takes_agents=True)
            self._surroundings = self._surroundings.after(tick)

    def zones(self, places: Iterable[str]) -> Zones:
        """Of the places; one that the script has not turned is up from the beginning."""
        stands, zones = self._surroundings.zones.stands, self._surroundings.zones
        untouched = {place: Stand(Spell.UP, 0) for place in places if place not in stands}
        return msgspec.structs.replace(zones, stands={**stands, **untouched}).zones(places)

    def quiet(self, at_ms: int) -> Quiet:
        """What the silence of the agent goes by."""
        ticks = self._surroundings.ticks
        return Quiet(
            reported_ms=self.reported_ms,
            changed_ms=self.changed_ms,
            stretch_ms=ticks.stretch_ms,
            set_back_ms=ticks.set_back_ms,
            presence=self._presence.at(self.now(at_ms), ticks),
        )

    def turn(self, event: Event, at_ms: int) -> None:
        """One of `SPELLS`."""
        turned = ZoneTurned(self.now(at_ms), ZoneId(event.words[0]), f"process {self._process}", SPELLS[event.verb])
        self._surroundings = self._surroundings.after(turned)

    def set_clock(self, event: Event) -> None:
        """One of `CLOCKS`, by milliseconds."""
        if event.verb == "clock":
            self._set_by_ms += int(event.words[0])
        else:
            self._suspended_ms += int(event.words[0])

    def change_process(self, event: Event) -> None:
        """One of `PROCESSES`."""
        self._is_ticking = event.verb != "stop"
        self._process += event.verb == "restart"

    def tell_of_agent(self, event: Event, at_ms: int) -> None:
        """One of `AGENTS`."""
        now = self.now(at_ms)
        happening = self._happening(event, now)
        if isinstance(happening, AgentConnected):
            self._surroundings = self._surroundings.after(happening)
        self._presence = self._presence.after(happening, self._surroundings.ticks)

    def _happening(self, event: Event, now: int) -> AgentConnected | AgentClosed | AgentFetched:
        agent_id = self._presence.agent_id
        if event.verb == "connect":
            process = f"process {self._process}"
            is_fast = "fast" in event.words[1:]
            return AgentConnected(now, _tenant_id, agent_id, process, event.words[0], is_fast)
        if event.verb == "fetch":
            return AgentFetched(now, _tenant_id, agent_id)
        since_ms = now if event.verb == "close" else self.now(int(event.words[1]))
        return AgentClosed(now, _tenant_id, agent_id, event.words[0], since_ms)
