"""The built-in zones' collectors: probes under the egress policy, and who tells them what to run."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from ipaddress import ip_address

import psutil

from vedette.adapters.local.clock import now_ms, steady_s
from vedette.adapters.local.entropy import entropy
from vedette.adapters.local.resolver import Resolver
from vedette.app.open_files import open_files_allowed
from vedette.collector.canary import Canary
from vedette.collector.collector import AT_ONCE, Process, ZoneCollector
from vedette.collector.lookout import Lookout
from vedette.config import Config, HostPort
from vedette.domain.egress import EgressPolicy
from vedette.domain.ids import ZoneId
from vedette.ports.probing import Address, Probe, Report, Resolve
from vedette.probes.http import HttpProbe
from vedette.services.zones import Zones

_FEWEST_PROBES = 16


def egress_policy(config: Config, listeners: Iterable[HostPort]) -> EgressPolicy:
    """What built-in zones and notifications may reach: our own listeners never."""
    return EgressPolicy(
        allowed=config.allow_network,
        listeners=[(ip_address(where.host), where.port) for where in listeners],
        local_addresses=_local_addresses(),
    )


def _local_addresses() -> list[Address]:
    """Every address of this machine: what a listener on a wildcard address answers on."""
    internet = (socket.AF_INET, socket.AF_INET6)
    found = [
        one.address for all_of_one in psutil.net_if_addrs().values() for one in all_of_one if one.family in internet
    ]
    return [ip_address(text.partition("%")[0]) for text in found]


PROBES: Mapping[str, Callable[[Resolve], Probe]] = {
    "remote.http": lambda resolve: HttpProbe(resolve, now_ms, entropy),
}
"""Remote check type -> how its probe is made: what the collectors of built-in zones know."""


def knows(zones: Zones, runs: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    """(zone id, check type) -> whether any collector of the zone runs such checks; `runs` says it of private zones."""
    return lambda zone, check_type: check_type in PROBES if zones.is_built_in(zone) else runs(zone, check_type)


def probes(resolve: Resolve) -> Mapping[str, Probe]:
    """Remote check type -> how it is probed."""
    return {check_type: make(resolve) for check_type, make in PROBES.items()}


class Collecting:
    """One collector a built-in zone, all in this process."""

    def __init__(self, config: Config, resolver: Resolver, report: Report) -> None:
        canaries = [Canary(canary.host, canary.port) for canary in config.canary]
        self.lookout = Lookout(canaries, steady_s)
        process = Process(
            sender=f"{socket.gethostname()}:{entropy(6).hex()}",
            now_ms=now_ms,
            monotonic=steady_s,
            random=random.random,
            at_once=min(AT_ONCE, max(_FEWEST_PROBES, open_files_allowed() // 2 // len(config.zones))),
        )
        known = probes(resolver)
        self.name = process.sender
        self.types = frozenset(known)
        self.collectors = {
            zone.id: ZoneCollector(ZoneId(zone.id), known, report, self.lookout, process) for zone in config.zones
        }

    async def start(self, cleanup: AsyncExitStack) -> None:
        """Starts probing."""
        await self.lookout.start()
        cleanup.push_async_callback(self.lookout.stop)
        await asyncio.gather(*[collector.start() for collector in self.collectors.values()])
        cleanup.push_async_callback(self._stop)

    async def _stop(self) -> None:
        """All at once: each may take a while to end its probes."""
        await asyncio.gather(*[collector.stop() for collector in self.collectors.values()])
