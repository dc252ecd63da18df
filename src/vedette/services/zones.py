"""Monitoring zones: the places remote checks are run from (reference: monitoring zones)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


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

    def shown(self) -> dict[str, bytes]:
        """As they are answered, by id."""
        return {zone_id: msgspec.json.encode(zone) for zone_id, zone in self._zones.items()}
