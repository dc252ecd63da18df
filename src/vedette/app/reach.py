"""What the API reaches beyond the stores: zones to run something from once, agents to ask, where agents find us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vedette.adapters.local import traceroute
from vedette.adapters.local.resolver import Resolver
from vedette.app.base import Base
from vedette.app.collecting import probes
from vedette.app.listeners import reachable
from vedette.config import Config, HostPort
from vedette.domain.faults import Fault
from vedette.ports.agent_requests import AskAgent
from vedette.ports.probing import Assignment, Probe, ProbeFrom, ProbeResult
from vedette.probes.http.exchange import Exhausted
from vedette.services.collector_trials import CollectorTrials
from vedette.services.collectors import Collectors
from vedette.services.installers import Source
from vedette.services.traceroutes import Means


@dataclass(frozen=True)
class Reach:
    """Of one process."""

    probe: ProbeFrom
    tracing: Means
    ask: AskAgent
    source: Source
    runs: Callable[[str, str], bool]  # whether a collector of a zone runs checks of a type, as far as is known


class ZoneProbes:
    """Runs a check once from one of the zones (`ports.probing.ProbeFrom`): by a probe of this process where the zone's
    collector runs here, else by a collector that is connected to it.
    """

    def __init__(self, zones: frozenset[str], known: Mapping[str, Probe], afar: ProbeFrom) -> None:
        self._zones = zones
        self._known = known
        self._afar = afar

    async def __call__(self, zone: str, assignment: Assignment) -> ProbeResult:
        probe = self._known.get(assignment.check_type)
        if zone not in self._zones or probe is None:
            return await self._afar(zone, assignment)
        try:
            return await probe(assignment)
        except Exhausted as error:
            raise Fault(
                "systemFailureError", "The test could not be run", str(error), headers={"Retry-After": "1"}
            ) from error


def reach(
    base: Base, resolver: Resolver, agent_listener: HostPort | None, ask: AskAgent, collectors: Collectors
) -> Reach:
    """`agent_listener` is where this process listens for agents, None where another one does."""
    config = base.config
    zones = frozenset(zone.id for zone in config.zones) if "collector" in config.roles else frozenset()
    return Reach(
        probe=ZoneProbes(zones, probes(resolver), CollectorTrials(collectors)),
        tracing=Means(zones=zones, resolve=resolver, trace=traceroute.trace if traceroute.can_trace() else None),
        ask=ask,
        source=Source(
            endpoint=str(_endpoint(config, agent_listener or config.agent)),
            authority=base.authority.ca_file.read_text("ascii"),
        ),
        runs=collectors.can_run,
    )


def _endpoint(config: Config, listener: HostPort) -> HostPort:
    """By the first name that the agent listener's certificate has beside its own address."""
    if config.agent_names:
        return HostPort(config.agent_names[0], listener.port)
    return reachable(listener)
