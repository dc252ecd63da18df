"""Monitoring zones: the places remote checks are run from (reference: monitoring zones)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vedette.domain.faults import not_found


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A built-in zone: configuration of the server."""

    id: str  # begins with `mz`
    label: str
    country_code: str
    source_ips: tuple[str, ...] = ()


class Zones:
    """The built-in zones, the same for every tenant."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = {zone.id: zone for zone in sorted(zones, key=lambda zone: zone.id.encode())}

    def is_built_in(self, zone_id: str) -> bool:
        return zone_id in self._zones

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._zones)

    def show(self, zone_id: str) -> bytes:
        zone = self._zones.get(zone_id)
        if zone is None:
            raise not_found("MonitoringZone", zone_id)
        return msgspec.json.encode(zone)

    def page(self, marker: str | None, limit: int) -> tuple[list[bytes], str | None]:
        """(the zones from `marker` on, the id the next page begins with)."""
        ids = [zone_id for zone_id in self._zones if marker is None or zone_id.encode() >= marker.encode()]
        return [self.show(zone_id) for zone_id in ids[:limit]], ids[limit] if len(ids) > limit else None
