"""Checks: what to collect, how often, from where (reference: checks)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from vedette.criteria.patterns import PatternError, compile_pattern
from vedette.domain.attributes import each_expression
from vedette.domain.check_types import CHECK_TYPES, CheckType
from vedette.domain.documents import Document, Kind
from vedette.domain.faults import Fault, invalid, required_not_found
from vedette.ports.documents import Documents
from vedette.ports.unit import Conflict, Write
from vedette.services import sealing
from vedette.services.documents import Draft
from vedette.services.requests import Request
from vedette.services.zones import Zones

_DEFAULT_TIMEOUT_S = 30
_ADDED = "added zones"  # beside the attributes: zones that the check was not polled from before
_ROOM = "room in "  # guard: followed by the zone


class _Zone(msgspec.Struct, frozen=True):
    maximum_checks: int | None = None


_zone = msgspec.json.Decoder(_Zone)


def settled(_request: Request, before: Mapping[str, Any] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """A check that is changed and stays in its zones needs no room in them: see `services.documents.Settle`."""
    known = set((before or {}).get("monitoring_zones_poll") or ())
    return {**values, _ADDED: [zone for zone in values.get("monitoring_zones_poll") or () if zone not in known]}


class CheckRules:
    """A remote check needs zones and a target; an agent's has neither."""

    def __init__(self, documents: Documents, zones: Zones, knows: Callable[[str, str], bool]) -> None:
        """`knows(zone id, check type)`: whether any collector of the zone can run such checks."""
        self._documents = documents
        self._zones = zones
        self._knows = knows

    async def complete(self, request: Request, entity: Document | None, values: dict[str, Any]) -> Draft:
        check_type = CHECK_TYPES[values["type"]]
        details = values["details"]
        each_expression(check_type.attributes, details, _wrong_expression)
        values = values | {"timeout": _timeout(values)}
        if check_type.is_remote:
            _require_target(check_type, values, entity)
        else:
            values |= _NO_TARGET
        guards = await self._require_zones(request, values["monitoring_zones_poll"] or [], values.pop(_ADDED, ()))
        self._require_probes(check_type, values["monitoring_zones_poll"] or [])
        shown, secret = sealing.split(check_type.attributes, details)
        refs = tuple(values["monitoring_zones_poll"] or ())
        return Draft(values=values | {"details": shown}, secrets=secret, refs=refs, guards=guards)

    async def _require_zones(self, request: Request, zones: Sequence[str], added: Sequence[str]) -> tuple[Write, ...]:
        """Built-in zones are configuration; a private one must be there when the check commits, with room for it."""
        private = [zone for zone in zones if not self._zones.is_built_in(zone)]
        guards: list[Write] = [self._documents.require(request.tenant_id, private)] if private else []
        for key in private:
            zone = await self._documents.find(request.tenant_id, Kind.PRIVATE_ZONE, key)
            if zone is None:
                raise required_not_found("MonitoringZone", key)
            most = _zone.decode(zone.public).maximum_checks
            if most is not None and key in added:
                guards.append(self._documents.referred_below(request.tenant_id, key, most, _ROOM + key))
        return tuple(guards)

    def _require_probes(self, check_type: CheckType, zones: Sequence[str]) -> None:
        unable = [zone for zone in zones if not self._knows(zone, check_type.id)]
        if unable:
            raise invalid(
                "monitoring_zones_poll",
                f"Expected zones whose collectors run {check_type.id} checks; these do not: {', '.join(unable)}",
            )

    async def before_removal(self, _request: Request, _document: Document) -> tuple[Write, ...]:
        return ()

    def explain(self, conflict: Conflict, _draft: Draft) -> Fault | None:
        if not conflict.guard.startswith(_ROOM):
            return None
        zone = conflict.guard.removeprefix(_ROOM)
        return Fault("limitReached", "Limit has been reached", f"As many checks are polled from {zone} as it may have")


_NO_TARGET = {"monitoring_zones_poll": None, "target_alias": None, "target_hostname": None, "target_resolver": None}


def _wrong_expression(text: str) -> str | None:
    try:
        compile_pattern(text)
    except PatternError as error:
        return str(error)
    return None


def _timeout(values: dict[str, Any]) -> int:
    period: int = values["period"]
    timeout: int | None = values["timeout"]
    if timeout is None:
        return min(_DEFAULT_TIMEOUT_S, period - 1)
    if timeout >= period:
        raise invalid("timeout", f"Expected a value less than the period ({period})")
    return timeout


def _require_target(check_type: CheckType, values: Mapping[str, Any], entity: Document | None) -> None:
    """Zones, and a host that they can find."""
    zones, alias, hostname = values["monitoring_zones_poll"], values["target_alias"], values["target_hostname"]
    if not zones:
        raise invalid("monitoring_zones_poll", "Missing required key (monitoring_zones_poll)")
    if alias and hostname:
        raise invalid("target_hostname", "Expected either target_alias or target_hostname, not both")
    if not alias and not hostname and check_type.id != "remote.http":
        raise invalid("target_alias", "Expected either target_alias or target_hostname")
    if alias and alias not in _addresses(entity):
        raise invalid("target_alias", "Expected a key of the entity's ip_addresses")


def _addresses(entity: Document | None) -> dict[str, str]:
    if entity is None:
        return {}
    public: dict[str, Any] = msgspec.json.decode(entity.public)
    return public.get("ip_addresses") or {}
