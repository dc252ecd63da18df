"""Zones that are up but silent: *Silence of zones* of the alarm language. Shown, never evidence about a target."""

from __future__ import annotations

import msgspec

from vedette.domain.happenings import Spell
from vedette.domain.ids import CheckId, TenantId
from vedette.domain.observations import Observation
from vedette.engine.surroundings import Surroundings
from vedette.services.watched import WatchedCheck, WatchedChecks


class _Rhythm(msgspec.Struct, frozen=True):
    """The zone's check with the shortest window: when nothing at all came for longer than that, the zone lags."""

    tenant_id: TenantId
    check_id: CheckId
    window_ms: int


class Lags:
    """When zones were last heard; what is not known after a start stays as it was until they are."""

    def __init__(self, watched: WatchedChecks) -> None:
        self._watched = watched
        self._heard: dict[str, int] = {}
        self._rhythms: dict[str, _Rhythm] = {}

    def heard(self, check: WatchedCheck, observation: Observation) -> None:
        """An observation of a check, whatever it is worth."""
        zone = observation.zone_id
        if zone is None or not check.alarms:
            return
        self._heard[zone] = observation.arrival_ms
        rhythm = self._rhythms.get(zone)
        window_ms = check.alarms[0].terms.window_ms
        if rhythm is None or window_ms < rhythm.window_ms:
            self._rhythms[zone] = _Rhythm(check.tenant_id, check.id, window_ms)

    async def look(self, surroundings: Surroundings, now_ms: int) -> dict[str, int]:
        """Zones that lag at a tick, and since when."""
        before, lagging = surroundings.lagging, {}
        for zone, stand in surroundings.zones.stands.items():
            if stand.spell is Spell.UP:
                since_ms = max(self._heard.get(zone, 0), stand.since_ms, surroundings.ticks.stretch_ms)
                if zone not in self._heard and zone in before:
                    lagging[zone] = before[zone]
                elif zone in self._heard and await self._is_late(zone, now_ms - since_ms):
                    lagging[zone] = before.get(zone, now_ms)
        return lagging

    async def _is_late(self, zone: str, quiet_ms: int) -> bool:
        rhythm = self._rhythms.get(zone)
        if rhythm is None or quiet_ms <= rhythm.window_ms:
            return False
        check = await self._watched.find(rhythm.tenant_id, rhythm.check_id)
        if check is not None and any(zone in alarm.terms.places for alarm in check.alarms):
            return True
        del self._rhythms[zone]  # the check is no longer polled from there: another one will tell
        return False
