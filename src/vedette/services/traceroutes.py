"""Traceroutes from a monitoring zone (reference: perform a traceroute)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from vedette.domain.attributes import Attribute, Host, OneOf, OrEmpty, parse_new
from vedette.domain.documents import Kind
from vedette.domain.faults import Fault, invalid, parent_not_found
from vedette.ports.documents import Documents
from vedette.ports.probing import Address, EgressDenied, Resolve
from vedette.ports.tracing import Trace
from vedette.ports.unit import Commit
from vedette.services.audits import Auditor
from vedette.services.requests import Body, Request
from vedette.services.zones import Zones

ATTRIBUTES = (
    Attribute("target", Host(), "Where to: a host name or an address", optional=False),
    Attribute("target_resolver", OrEmpty(OneOf(("IPv4", "IPv6"))), "How to resolve the target"),
)
_AT_ONCE = 8
_PORT = 33434


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What this process can trace by: `zones` are those it runs collectors of."""

    zones: frozenset[str]
    resolve: Resolve
    trace: Trace | None  # None: not on this system


class Traceroutes:
    """A zone's egress policy decides where to; the same as for its checks."""

    def __init__(self, documents: Documents, zones: Zones, means: Means, auditor: Auditor, commit: Commit) -> None:
        self._documents = documents
        self._zones = zones
        self._means = means
        self._auditor = auditor
        self._commit = commit
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self, request: Request, zone_id: str, body: Body) -> list[dict[str, Any]]:
        """Hops: `{number, ip, hostname, rtts}`, nearest first."""
        await self._expect_zone(request, zone_id)
        values = parse_new(ATTRIBUTES, body).values
        trace = self._means.trace
        if zone_id not in self._means.zones or trace is None:
            raise Fault(
                "notImplementedError",
                f"No traceroutes from {zone_id}",
                "Expected a zone whose collectors run in this server process, on Linux",
            )
        address = (await self._addresses(values["target"], values["target_resolver"]))[0]
        async with self._room:
            try:
                hops = await trace(address)
            except OSError as error:
                raise invalid("target", f"Expected a target that can be reached: {error.strerror}") from error
        await self._commit(self._auditor.entry(request, 200))
        return [msgspec.structs.asdict(hop) for hop in hops]

    async def _expect_zone(self, request: Request, zone_id: str) -> None:
        if self._zones.is_built_in(zone_id):
            return
        if await self._documents.find(request.tenant_id, Kind.PRIVATE_ZONE, zone_id) is None:
            raise parent_not_found("MonitoringZone", zone_id)

    async def _addresses(self, target: str, resolver: str | None) -> Sequence[Address]:
        try:
            return await self._means.resolve(target, _PORT, resolver)
        except EgressDenied:
            raise invalid("target", "prevented by ACL 'global'") from None
        except OSError:
            raise invalid("target", "Expected a host name that has an address") from None
