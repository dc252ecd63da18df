"""What evaluation knows of zones and processes, folded from the log entry by entry; durable, one value."""

from __future__ import annotations

import msgspec

from vedette.domain.happenings import AgentConnected, Tick, ZoneTurned
from vedette.engine.ticks import FORGOTTEN_MS, Ticks
from vedette.engine.zone_spells import ZoneSpells


class Surroundings(msgspec.Struct, frozen=True):
    """As they are after the last entry that was evaluated."""

    zones: ZoneSpells = ZoneSpells()
    ticks: Ticks = Ticks()
    lagging: dict[str, int] = {}  # zones that are up but silent, and since when
    heard: dict[str, int] = {}  # when something came from a zone last, as of the last tick
    changes_seq: int = 0  # how far the changes feed was looked through for what moves timers of silence

    def after(self, happening: ZoneTurned | AgentConnected | Tick) -> Surroundings:
        """The next entry. Zones may turn by a tick as well: with another process that no longer gives any."""
        if isinstance(happening, Tick):
            return self._ticked(happening)
        ticks = self.ticks.spoke(happening.process_id, happening.at_ms)
        if isinstance(happening, AgentConnected):
            return msgspec.structs.replace(self, ticks=ticks)
        zones = self.zones.after(happening, ticks.living(happening.at_ms))
        return msgspec.structs.replace(self, zones=zones, ticks=ticks)

    def _ticked(self, tick: Tick) -> Surroundings:
        ticks, zones = self.ticks.after(tick), self.zones
        forgotten = self.ticks.processes.keys() - ticks.processes.keys()
        if forgotten:
            zones = zones.without(forgotten)
        zones = zones.among(ticks.living(tick.at_ms), tick.at_ms).without_deleted(tick.at_ms - FORGOTTEN_MS)
        return msgspec.structs.replace(self, zones=zones, ticks=ticks)
