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
    """When zones were last heard. Other processes evaluate the same log: what they heard is in the surroundings."""

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

    async def look(self, surroundings: Surroundings, now_ms: int) -> Surroundings:
        """The surroundings at a tick, with the zones that lag and when each was heard."""
        heard = self._all_heard(surroundings, now_ms)
        self._heard = dict(heard)
        before, lagging = surroundings.lagging, {}
        for zone, stand in surroundings.zones.stands.items():
            if stand.spell is Spell.UP and zone in heard:
                since_ms = max(heard[zone], stand.since_ms, surroundings.ticks.stretch_ms)
                if zone in self._rhythms:
                    is_late = await self._is_late(zone, now_ms - since_ms)
                else:  # nothing came since our own start
                    is_late = heard[zone] <= before.get(zone, -1)
                if is_late:
                    lagging[zone] = before.get(zone, now_ms)
        return msgspec.structs.replace(surroundings, lagging=lagging, heard=heard)

    def _all_heard(self, surroundings: Surroundings, now_ms: int) -> dict[str, int]:
        """By ourselves or by others; what lies ahead of a clock that was set back is as of now."""
        return {
            zone: min(max(surroundings.heard.get(zone, 0), self._heard.get(zone, 0)), now_ms)
            for zone in surroundings.zones.stands
            if zone in surroundings.heard or zone in self._heard
        }

    async def _is_late(self, zone: str, quiet_ms: int) -> bool:
        rhythm = self._rhythms[zone]
        if quiet_ms <= rhythm.window_ms:
            return False
        check = await self._watched.find(rhythm.tenant_id, rhythm.check_id)
        alarms = () if check is None else check.alarms
        window_ms = next((alarm.terms.window_ms for alarm in alarms if zone in alarm.terms.places), None)
        if window_ms is None:
            del self._rhythms[zone]  # the check is no longer polled from there: another one will tell
            return False
        self._rhythms[zone] = msgspec.structs.replace(rhythm, window_ms=window_ms)
        return quiet_ms > window_ms
