"""How a monitoring zone stands, as evaluation knows it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from vedette.domain.happenings import NOT_THERE, Spell
from vedette.ports.silence import EvaluationMemory


class Stance(StrEnum):
    """How a zone is shown to stand."""

    UP = "UP"
    DOWN = "DOWN"
    BLIND = "BLIND"
    LAGGING = "LAGGING"  # up, but silent: its votes do not count, and say nothing about targets


class ZoneStanding(msgspec.Struct, frozen=True, kw_only=True):
    """As it is shown."""

    id: str
    standing: Stance
    since: int | None  # None: no collector of it was ever heard of


async def zone_standing(memory: EvaluationMemory, zone_id: str) -> ZoneStanding:
    """A zone that is disabled is down. Raises `StoreUnavailable`."""
    surroundings = await memory.surroundings()
    stand = surroundings.zones.stands.get(zone_id)
    if stand is None:
        return ZoneStanding(id=zone_id, standing=Stance.DOWN, since=None)
    lagging_ms = surroundings.lagging.get(zone_id)
    if stand.spell is Spell.UP and lagging_ms is not None:
        return ZoneStanding(id=zone_id, standing=Stance.LAGGING, since=lagging_ms)
    shown = Stance.DOWN if stand.spell in NOT_THERE else Stance(stand.spell)
    return ZoneStanding(id=zone_id, standing=shown, since=stand.since_ms)
